import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multilayer.data.splits import split_rows
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
    with pytest.raises(SettingsError, match="must not be negative, it is -1"):
        split_rows(np.arange(10), 0.5, -1)


@pytest.mark.parametrize("labels", [np.zeros(0), np.zeros(1), np.zeros((2, 2)), np.array(1)])
def test_labels_that_cannot_be_split_are_refused(labels) -> None:
    with pytest.raises(DataError):
        split_rows(labels, 0.5, 0)
