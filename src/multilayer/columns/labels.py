"""Map labels as they are spelled to classes."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import ALIKE, alike, listed, number_of, rows_in_words, tidied
from multilayer.columns.target_checks import plain, shown_target
from multilayer.columns.value_format import boolean_of
from multilayer.errors import TableError

Label = str | int | float | bool

_FEWEST_ROWS_TO_JUDGE = 20  # in a smaller table every label may occur once
_LARGEST_SHARE_OF_ROWS = 0.5  # text with more distinct values than this share of rows is no label
_MOST_SHOWN = 5
# Spellings of one family may be mixed in a column: "true", "True" and "1" are one label.
_FAMILIES = (
    frozenset({"true", "false", "t", "f", "1", "0"}),
    frozenset({"yes", "no", "y", "n", "1", "0"}),
    frozenset({"on", "off", "1", "0"}),
)


@dataclass
class LabelCounts:
    """How often each label occurs in a column, and where first.

    Attributes:
        counts: number of rows of each label, as it is spelled.
        first_rows: index of its first row, from 0.
    """

    counts: dict[Any, int] = field(default_factory=dict)
    first_rows: dict[Any, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values: NDArray[Any], numbers: NDArray[np.int64] | None = None) -> "LabelCounts":
        """Count labels (num_rows,); `numbers` are their row indices, from 0."""
        found = cls()
        found.add(values, np.arange(len(values)) if numbers is None else numbers)
        return found

    def add(
        self, values: NDArray[Any], numbers: NDArray[np.int64], most: int | None = None
    ) -> bool:
        """Count the labels of further rows.

        Returns:
            Whether there are at most `most` labels; else their counts are of no use.
        """
        if values.dtype.kind in "biuf":
            distinct, first, counts = np.unique(values, return_index=True, return_counts=True)
            if most is not None and len(distinct) > most:
                return False
            order = np.argsort(first)
            for value, place in zip(distinct[order].tolist(), order, strict=True):
                self.counts[value] = self.counts.get(value, 0) + int(counts[place])
                self.first_rows.setdefault(value, int(numbers[first[place]]))
            return most is None or len(self.counts) <= most
        labels = values.tolist()
        for value, count in Counter(labels).items():
            self.counts[plain(value)] = self.counts.get(value, 0) + count
        new = self.counts.keys() - self.first_rows.keys()
        for place, value in enumerate(labels):
            if not new:
                break
            if value in new:
                new.remove(value)
                self.first_rows[plain(value)] = int(numbers[place])
        return most is None or len(self.counts) <= most

    def merge(self, other: "LabelCounts", rows_before: int) -> list[Any]:
        """Count the labels of a later part of the column, whose rows were counted from 0.

        Returns:
            The labels that are new here, in the order of their first rows.
        """
        new = [label for label in other.first_rows if label not in self.first_rows]
        for label, count in other.counts.items():
            self.counts[label] = self.counts.get(label, 0) + count
            self.first_rows.setdefault(label, other.first_rows[label] + rows_before)
        return new

    def renamed(self, values: NDArray[Any]) -> "LabelCounts":
        """The counts after each label, in the order of `counts`, is replaced by a value."""
        found = LabelCounts()
        for label, value in zip(self.counts, map(plain, values.tolist()), strict=True):
            found.counts[value] = found.counts.get(value, 0) + self.counts[label]
            first = self.first_rows[label]
            found.first_rows[value] = min(found.first_rows.get(value, first), first)
        return found


@dataclass(frozen=True)
class SettledLabels:
    """The classes of a column of labels.

    Attributes:
        classes: in ascending order; numbers come before text.
        counts: number of rows of each class.
        notes: labels merged into one class, labels that are nearly the same, classes of one row.
    """

    classes: tuple[Label, ...]
    counts: tuple[int, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, labels: LabelCounts, name: str) -> "SettledLabels":
        """Determine the classes.

        Labels that differ only in surrounding whitespace or in how their accents are written are
        one class, and if all are spellings of yes and no, those of each are one. A class has the
        name that its label has most often, to the last space, so that predictions can be compared
        with the labels. Labels that differ in case, in final punctuation or in how a number is
        written stay separate classes, with a note.

        Raises:
            TableError: a label is neither text, a number nor a boolean.
        """
        for value in labels.counts:
            if not isinstance(value, (str, int, float)):
                raise TableError(
                    f"target {name!r} holds {shown_target(value)}, of type {type(value).__name__}; "
                    "classes are text, numbers or booleans"
                )
        class_of = _as_booleans(labels.counts) or _named_by_the_most_frequent(
            labels.counts, {value: tidied(value) for value in labels.counts}
        )
        counts: dict[Label, int] = {}
        merged: dict[Label, list[Any]] = {}
        for value, label in class_of.items():
            counts[label] = counts.get(label, 0) + labels.counts[value]
            merged.setdefault(label, []).append(value)
        classes = sorted(counts, key=_by_kind)
        notes = [
            f"labels {listed(values, labels.counts)} of target {name!r} are merged into class "
            f"{label!r}"
            for label, values in merged.items()
            if len(values) > 1
        ]
        notes += _alike(counts, name)
        notes += _of_a_single_row(class_of, counts, labels, name)
        return cls(tuple(classes), tuple(counts[label] for label in classes), tuple(notes))


class LabelMatcher:
    """Finds the class of a label, however a file or a frame spells it.

    In this order: an exact match; one without surrounding whitespace, with accents however they are
    written; equal numbers; equal
    booleans; the only class that matches when case is ignored.
    """

    def __init__(self, classes: Sequence[Label]) -> None:
        self._exact: dict[Any, int] = {label: place for place, label in enumerate(classes)}
        texts = [tidied(str(label)) for label in classes]
        self._by_text = _unique(texts)
        self._by_number = _unique(map(number_of, texts))
        self._by_truth = _unique(map(boolean_of, texts))
        if set(self._by_truth) != {True, False} or len(classes) != 2:
            self._by_truth = {}
        self._by_case = _unique(map(str.casefold, texts))

    def place_of(self, label: Any) -> tuple[int | None, bool]:
        """Index of the label's class, or None; whether only boolean or case matching found it."""
        place = self._exact.get(label)
        if place is not None:
            return place, False
        text = tidied(str(label))
        place = self._by_text.get(text)
        if place is None:
            place = self._by_number.get(number_of(text))
        if place is not None:
            return place, False
        place = self._by_truth.get(boolean_of(text))
        if place is None:
            place = self._by_case.get(text.casefold())
        return place, place is not None


@dataclass(frozen=True, eq=False)
class MatchedLabels:
    """Class numbers of labels.

    Attributes:
        numbers: (num_rows,); -1 where the label is no class.
        unknown: number of rows of each label that is no class.
        notes: labels matched to a class that is spelled differently.
    """

    numbers: NDArray[np.int64]
    unknown: Mapping[Any, int]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, values: NDArray[Any], classes: Sequence[Label]) -> "MatchedLabels":
        """Find the classes of labels, (num_rows,)."""
        matcher = LabelMatcher(classes)
        labels = [plain(value) for value in values.tolist()]
        place_of: dict[Any, int] = {}
        unknown, others = set(), {}
        for label in set(labels):
            place, is_other = matcher.place_of(label)
            place_of[label] = -1 if place is None else place
            if place is None:
                unknown.add(label)
            elif is_other:
                others[label] = classes[place]
        numbers = np.fromiter((place_of[label] for label in labels), np.int64, len(labels))
        counts: dict[Any, int] = {}
        if unknown or others:
            counts = LabelCounts.of(values).counts
        return cls(
            numbers,
            {label: count for label, count in counts.items() if label in unknown},
            tuple(
                f"label {shown_target(label)} ({rows_in_words(counts[label])}) is treated as class "
                f"{others[label]!r}"
                for label in sorted(others, key=_by_kind)
            ),
        )


def require_repeated(settled: SettledLabels, labels: LabelCounts, name: str) -> None:
    """Refuse text labels that rarely repeat: a class cannot be learned from a single row.

    Raises:
        TableError: of 20 or more rows with text labels, more than half are distinct.
    """
    num_rows, num_classes = sum(settled.counts), len(settled.classes)
    texts = [label for label in labels.counts if isinstance(label, str)]
    if (
        not texts
        or num_rows < _FEWEST_ROWS_TO_JUDGE
        or num_classes <= _LARGEST_SHARE_OF_ROWS * num_rows
    ):
        return
    others = [text for text in texts if number_of(text.strip()) is None]
    if len(others) < len(texts) / 2:
        first = min(others or texts, key=lambda text: labels.first_rows[text])
        row = labels.first_rows[first] + 1
        raise TableError(
            f"row {row} of target {name!r} is {shown_target(first)}, where most are numbers; "
            f"to leave such rows out add --missing {shlex.quote(first.strip())}; if each number is "
            "a class add --task classification"
        )
    shown = ", ".join(shown_target(text) for text in texts[:3])
    sample = [text.strip() for text in texts[:1000]]
    num_amounts = sum(
        not text[:1].isalpha() and any(sign.isdigit() for sign in text) for text in sample
    )
    what = "numbers or dates" if num_amounts > 0.9 * len(sample) else "free text"
    raise TableError(
        f"target {name!r} has {num_classes:,} different values in {num_rows:,} rows, such as "
        f"{shown}, which look like {what}: classes that rarely repeat cannot be learned. "
        "Write numbers as 12345.67; if each value is a class, add --task classification"
    )


def _as_booleans(counts: Mapping[Any, int]) -> dict[Any, Label] | None:
    """The class of each label if all are yes and no in more than two spellings; else None."""
    if not 2 < len(counts) <= 40:
        return None
    words = {value: str(value).strip().lower().removesuffix(".0") for value in counts}
    if not any(family.issuperset(words.values()) for family in _FAMILIES):
        return None
    truth_of = {value: boolean_of(word) for value, word in words.items()}
    if len(set(truth_of.values())) != 2:
        return None
    return _named_by_the_most_frequent(counts, truth_of)


def _named_by_the_most_frequent(
    counts: Mapping[Any, int], key_of: Mapping[Any, Any]
) -> dict[Any, Label]:
    """The class of each label, those of one key being one: the most frequent label of the key."""
    name_of: dict[Any, Any] = {}
    for value in sorted(
        counts, key=lambda value: (counts[value], value == tidied(value), str(value))
    ):
        name_of[key_of[value]] = value
    return {value: name_of[key_of[value]] for value in counts}


def _alike(counts: Mapping[Label, int], name: str) -> list[str]:
    """A note for each group of classes that are spelled nearly the same."""
    return [
        f"classes {listed(labels, counts)} of target {name!r} {ALIKE}; they remain separate classes"
        for labels in alike(counts)
    ]


def _of_a_single_row(
    class_of: Mapping[Any, Label], counts: Mapping[Label, int], labels: LabelCounts, name: str
) -> list[str]:
    single = {label for label, count in counts.items() if count == 1}
    if not single:
        return []
    places = sorted(
        (labels.first_rows[value], label) for value, label in class_of.items() if label in single
    )
    shown = ", ".join(f"{label!r} (row {row + 1})" for row, label in places[:_MOST_SHOWN])
    more = f" and {len(places) - _MOST_SHOWN:,} more" if len(places) > _MOST_SHOWN else ""
    noun = "a class" if len(places) == 1 else f"{len(places):,} classes"
    what = "of a single row, used for training and never held out"
    return [f"target {name!r} has {noun} {what}: {shown}{more}"]


def _unique(keys: Iterable[Any]) -> dict[Any, int]:
    """The index of each key that occurs once; None is no key."""
    places: dict[Any, int] = {}
    repeated = set()
    for place, key in enumerate(keys):
        if key is not None and key in places:
            repeated.add(key)
        elif key is not None:
            places[key] = place
    return {key: place for key, place in places.items() if key not in repeated}


def _by_kind(label: Any) -> tuple[bool, str, Any]:
    """Sort key: numbers first, then by type name."""
    if isinstance(label, (int, float)):
        return False, "", label
    return True, type(label).__name__, label
