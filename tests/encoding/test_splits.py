import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.model_selection import GroupKFold, StratifiedKFold

from multilayer.encoding.splits import fold_rows, halves, split_groups, split_latest, split_rows
from multilayer.errors import DataError, SettingsError

LABELS = hnp.arrays(np.int64, st.integers(2, 200), elements=st.integers(-3, 9))
FRACTIONS = st.floats(0, 1, exclude_min=True, exclude_max=True)


@settings(deadline=None)
@given(labels=LABELS, fraction=FRACTIONS, seed=st.integers(0, 2**64))
@example(labels=np.zeros(100, dtype=np.int64), fraction=1 - 2**-53, seed=0)
@example(labels=np.arange(50), fraction=5e-324, seed=0)
def test_each_row_is_in_one_part_and_each_class_gives_its_share(labels, fraction, seed) -> None:
    train_rows, held_out_rows = split_rows(labels, fraction, seed)
    both = np.concatenate([train_rows, held_out_rows])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(labels)))
    for rows in (train_rows, held_out_rows):
        assert len(rows) > 0
        assert (np.diff(rows) > 0).all()
    assert abs(len(held_out_rows) - len(labels) * fraction) <= 1
    for label in np.unique(labels):
        share = (labels == label).sum() * fraction
        assert abs((labels[held_out_rows] == label).sum() - share) < 1 + 1e-9


@settings(deadline=None)
@given(labels=LABELS, fraction=FRACTIONS, seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_rows(labels, fraction, seed) -> None:
    first, second = split_rows(labels, fraction, seed), split_rows(labels, fraction, seed)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_other_rows() -> None:
    labels = np.repeat(np.arange(10), 100)
    assert split_rows(labels, 0.1, 0)[1].tolist() != split_rows(labels, 0.1, 1)[1].tolist()


def test_the_global_generator_is_left_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    split_rows(np.arange(100), 0.5, 0)
    assert np.random.random() == expected  # noqa: NPY002


def test_equal_classes_give_equal_parts() -> None:
    labels = np.tile(np.arange(10), 60)
    _, held_out_rows = split_rows(labels, 0.1, 0)
    assert np.bincount(labels[held_out_rows]).tolist() == [6] * 10


def test_rows_are_drawn_from_the_whole_table() -> None:
    _, held_out_rows = split_rows(np.zeros(10_000, dtype=int), 0.5, 0)
    assert abs(held_out_rows.mean() - 4999.5) < 150  # 5 standard errors are about 144


def test_names_can_be_labels() -> None:
    labels = np.array(["cat", "dog"] * 10)
    _, held_out_rows = split_rows(labels, 0.2, 0)
    assert sorted(labels[held_out_rows]) == ["cat", "cat", "dog", "dog"]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_a_fraction_out_of_range_is_refused(fraction) -> None:
    with pytest.raises(SettingsError, match=f"between 0 and 1, not {fraction}"):
        split_rows(np.arange(10), fraction, 0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SettingsError, match="seed must not be negative; it is -1"):
        split_rows(np.arange(10), 0.5, -1)


@pytest.mark.parametrize("labels", [np.zeros(0), np.zeros(1), np.zeros((2, 2)), np.array(1)])
def test_labels_that_cannot_be_split_are_refused(labels) -> None:
    with pytest.raises(DataError):
        split_rows(labels, 0.5, 0)


GROUPS = hnp.arrays(np.int64, st.integers(2, 150), elements=st.integers(0, 12))


@settings(deadline=None)
@given(groups=GROUPS, fraction=FRACTIONS, seed=st.integers(0, 1000))
def test_no_group_is_in_both_parts(groups, fraction, seed) -> None:
    sizes = np.unique(groups, return_counts=True)[1]
    if len(sizes) < 2:
        with pytest.raises(DataError, match="at least 2 groups, there is 1"):
            split_groups(groups, fraction, seed)
        return
    train_rows, held_out_rows = split_groups(groups, fraction, seed)
    both = np.concatenate([train_rows, held_out_rows])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(groups)))
    assert len(train_rows) > 0
    assert len(held_out_rows) > 0
    assert not set(groups[train_rows]) & set(groups[held_out_rows])
    assert abs(len(held_out_rows) - len(groups) * fraction) <= sizes.max()


@settings(deadline=None)
@given(groups=GROUPS, seed=st.integers(0, 1000))
def test_halves_are_alike_in_classes_or_have_no_group_in_common(groups, seed) -> None:
    is_second = halves(groups, seed)  # as classes
    for label in np.unique(groups):
        assert abs(2 * is_second[groups == label].sum() - (groups == label).sum()) <= 1
    is_second, sizes = halves(np.zeros(len(groups)), seed, groups), np.bincount(groups)
    if np.count_nonzero(sizes) == 1:
        assert is_second is None
        return
    assert not set(groups[is_second]) & set(groups[~is_second])
    assert 0 < is_second.sum() < len(groups)
    assert halves(np.zeros(1), seed) is None


def test_many_small_groups_give_the_share_that_is_asked_for() -> None:
    groups = np.repeat(np.arange(500), 4)
    _, held_out_rows = split_groups(groups, 0.2, 0)
    assert len(held_out_rows) == 400
    assert split_groups(groups, 0.2, 1)[1].tolist() != held_out_rows.tolist()


def test_rows_without_a_group_are_a_group() -> None:
    groups = np.array(["a", None, "b", None, float("nan"), "a"], dtype=object)
    for seed in range(9):
        _, held_out_rows = split_groups(groups, 0.5, seed)
        assert len({1, 3, 4} & set(held_out_rows)) in (0, 3)


@settings(deadline=None)
@given(times=GROUPS, fraction=FRACTIONS)
def test_each_row_held_out_is_later_than_each_to_train_with(times, fraction) -> None:
    counts = np.unique(times, return_counts=True)[1]
    if len(counts) < 2:
        with pytest.raises(DataError, match="the same time"):
            split_latest(times, fraction)
        return
    train_rows, held_out_rows = split_latest(times, fraction)
    assert len(train_rows) + len(held_out_rows) == len(times)
    assert times[train_rows].max() < times[held_out_rows].min()
    assert abs(len(held_out_rows) - len(times) * fraction) <= counts.max()


def test_the_last_part_is_held_out() -> None:
    times = np.array(["2024-03-01", "2024-01-01", "2024-02-01", "2024-04-01"], dtype="M8[D]")
    train_rows, held_out_rows = split_latest(times, 0.25)
    assert (train_rows.tolist(), held_out_rows.tolist()) == ([0, 1, 2], [3])


@settings(deadline=None)
@given(labels=LABELS, num_folds=st.integers(2, 7), seed=st.integers(0, 1000))
def test_folds_are_alike(labels, num_folds, seed) -> None:
    if len(labels) < num_folds:
        with pytest.raises(DataError, match="at least"):
            fold_rows(labels, num_folds, seed)
        return
    folds = fold_rows(labels, num_folds, seed)
    sizes = np.bincount(folds, minlength=num_folds)
    assert len(sizes) == num_folds
    assert sizes.max() - sizes.min() <= 1
    for label in np.unique(labels):
        counts = np.bincount(folds[labels == label], minlength=num_folds)
        assert counts.max() - counts.min() <= 1


def test_classes_are_spread_as_scikit_learn_spreads_them() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 211, p=[0.6, 0.3, 0.08, 0.02])
    folds = fold_rows(labels, 5, 0)
    theirs = np.empty(len(labels), dtype=int)
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    for fold, (_, rows) in enumerate(splitter.split(labels, labels)):
        theirs[rows] = fold
    for label in range(4):
        counts = (np.bincount(each[labels == label], minlength=5) for each in (folds, theirs))
        ours, other = map(np.sort, counts)
        np.testing.assert_array_equal(ours, other)


@settings(deadline=None)
@given(groups=GROUPS, num_folds=st.integers(2, 5), seed=st.integers(0, 1000))
def test_a_group_is_in_one_fold_and_folds_are_as_even_as_scikit_learns(
    groups, num_folds, seed
) -> None:
    if len(np.unique(groups)) < num_folds:
        with pytest.raises(DataError, match="at least"):
            fold_rows(groups, num_folds, seed, groups)
        return
    folds = fold_rows(np.zeros(len(groups)), num_folds, seed, groups)
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
    theirs = [len(rows) for _, rows in GroupKFold(num_folds).split(groups, groups=groups)]
    assert sorted(np.bincount(folds, minlength=num_folds)) == sorted(theirs)


def test_folds_follow_the_seed() -> None:
    labels = np.arange(100) % 3
    np.testing.assert_array_equal(fold_rows(labels, 5, 7), fold_rows(labels, 5, 7))
    assert fold_rows(labels, 5, 7).tolist() != fold_rows(labels, 5, 8).tolist()


@pytest.mark.parametrize(
    ("error", "what", "call"),
    [
        (SettingsError, "between 0 and 1", lambda: split_groups(np.arange(9), 1.0, 0)),
        (SettingsError, "between 0 and 1", lambda: split_latest(np.arange(9), 0.0)),
        (SettingsError, "at least 2 folds", lambda: fold_rows(np.arange(9), 1, 0)),
        (SettingsError, "negative", lambda: fold_rows(np.arange(9), 2, -1)),
        (DataError, "9 rows were given 8", lambda: fold_rows(np.arange(9), 2, 0, np.arange(8))),
        (DataError, "one dimension", lambda: split_latest(np.zeros((3, 2)), 0.5)),
    ],
)
def test_what_cannot_be_split_is_refused(error, what, call) -> None:
    with pytest.raises(error, match=what):
        call()
