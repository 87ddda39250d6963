import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.errors import DataError
from multilayer.fit.split import folds, hold_out

STRATA = st.lists(st.integers(0, 4), min_size=6, max_size=60).map(np.array)


@given(STRATA, st.integers(0, 9))
def test_rows_are_learned_from_or_held_out_and_every_class_is_learned(strata, seed):
    kept, held_out = hold_out(strata, 0.2, seed)
    assert sorted([*kept, *held_out]) == list(range(len(strata)))
    assert set(strata[held_out]) <= set(strata[kept])


def test_classes_keep_their_shares():
    strata = np.repeat([0, 1, 2], [50, 30, 20])
    _, held_out = hold_out(strata, 0.2, 0)
    assert np.bincount(strata[held_out]).tolist() == [10, 6, 4]
    for _, rows in folds(strata, 5, 0):
        assert np.bincount(strata[rows]).tolist() == [10, 6, 4]


@given(STRATA, st.integers(2, 5), st.integers(0, 9))
def test_each_row_is_held_out_by_one_fold_unless_it_is_alone_in_its_class(strata, num_folds, seed):
    divided = folds(strata, num_folds, seed)
    times = np.zeros(len(strata), int)
    for kept, held_out in divided:
        assert sorted([*kept, *held_out]) == list(range(len(strata)))
        times[held_out] += 1
    assert (times == (np.bincount(strata)[strata] > 1)).all()
    sizes = [len(held_out) for _, held_out in divided]
    num_alone = (np.bincount(strata) == 1).sum()
    assert max(sizes) - min(sizes) <= 1 + num_alone


@given(st.lists(st.integers(0, 9), min_size=20, max_size=80).map(np.array), st.integers(0, 9))
def test_groups_stay_together(groups, seed):
    strata = np.zeros(len(groups), int)
    if len(np.unique(groups)) < 5:
        with pytest.raises(DataError, match="needs at least 5 groups"):
            folds(strata, 5, seed, groups)
        return
    divided = [*folds(strata, 5, seed, groups), hold_out(strata, 0.2, seed, groups=groups)]
    for kept, held_out in divided:
        assert len(kept) + len(held_out) == len(groups)
        assert len(held_out)
        assert not set(groups[kept]) & set(groups[held_out])


def test_the_latest_rows_are_held_out():
    times = np.array([5, 1, 4, 2, 3, 10, 9, 8, 7, 6])
    kept, held_out = hold_out(np.zeros(10, int), 0.2, 0, times=times)
    assert (kept.tolist(), held_out.tolist()) == ([0, 1, 2, 3, 4, 7, 8, 9], [5, 6])


def test_the_same_seed_divides_alike_and_another_does_not():
    strata = np.zeros(100, int)
    first, again, other = (hold_out(strata, 0.2, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other
    first, again, other = (folds(strata, 5, seed)[0][1].tolist() for seed in (1, 1, 2))
    assert first == again != other
