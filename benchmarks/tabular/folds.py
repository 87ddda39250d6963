"""The rows that each fold trains and tests on: fixed by the table's name and a seed."""

import hashlib
from dataclasses import dataclass

import numpy as np

NUM_FOLDS = 3


@dataclass(frozen=True)
class Fold:
    """One split into rows to train on and rows to test on.

    Args:
        number: from 0.
        train: row numbers, ascending.
        test: row numbers, ascending.
    """

    number: int
    train: np.ndarray
    test: np.ndarray


def outer_folds(
    name: str,
    split: str,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
    num_rows: int,
) -> list[Fold]:
    """The folds that methods are compared on.

    Args:
        name: of the table; gives the random numbers, with the seed 0.
        split: "random"; "group": rows of a group stay together; "time": so do they, and each fold
            trains on groups older than those that it tests on.
        labels: classes, spread evenly over the folds of a random split; None for numbers.
        groups: of each row; sorting them puts the oldest first.
        num_rows: of the table.
    """
    random = random_of(name)
    if split == "time":
        part = np.array_split(np.unique(groups), NUM_FOLDS + 1)
        return [
            Fold(
                number,
                np.flatnonzero(np.isin(groups, np.concatenate(part[: number + 1]))),
                np.flatnonzero(np.isin(groups, part[number + 1])),
            )
            for number in range(NUM_FOLDS)
        ]
    if split == "group":
        fold_of_row = fold_of_group(groups, random)
    else:
        fold_of_row = balanced_folds(np.zeros(num_rows) if labels is None else labels, random)
    return [
        Fold(number, np.flatnonzero(fold_of_row != number), np.flatnonzero(fold_of_row == number))
        for number in range(NUM_FOLDS)
    ]


def inner_folds(
    name: str, folds: list[Fold], labels: np.ndarray | None, groups: np.ndarray | None
) -> list[Fold]:
    """Folds to develop on: each splits the training rows of an outer fold, and never sees its test.

    Two thirds of them train and one third tests, split at random, or by groups where there are any.
    """
    inner = []
    for fold in folds:
        random = random_of(f"{name}, developing on fold {fold.number}")
        if groups is not None:
            part = fold_of_group(groups[fold.train], random)
        else:
            of_rows = np.zeros(len(fold.train)) if labels is None else labels[fold.train]
            part = balanced_folds(of_rows, random)
        inner.append(Fold(fold.number, fold.train[part != 0], fold.train[part == 0]))
    return inner


def balanced_folds(labels: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """A fold for each row, so that sizes differ by at most 1, and so do a label's rows in them."""
    rows = random.permutation(len(labels))
    rows = rows[np.argsort(labels[rows], kind="stable")]
    folds = np.empty(len(labels), dtype=np.int64)
    folds[rows] = np.arange(len(labels)) % NUM_FOLDS
    return folds


def fold_of_group(groups: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """A fold for each row, by its group; a group goes to the fold that is the smallest so far."""
    values, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sizes, folds = np.zeros(NUM_FOLDS), np.empty(len(values), dtype=np.int64)
    for group in sorted(random.permutation(len(values)), key=lambda code: -counts[code]):
        folds[group] = np.argmin(sizes)
        sizes[folds[group]] += counts[group]
    return folds[codes]


def random_of(name: str) -> np.random.RandomState:
    """A source of random numbers of its own for each name; its stream is the same everywhere."""
    return np.random.RandomState(list(hashlib.sha256(name.encode()).digest()))
