"""Split a table of any size, row by row."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.alike_texts import tidied

if TYPE_CHECKING:
    import polars as pl

_EXACT_ROWS = 1_000_000  # up to so many rows the share held out is exact


@dataclass(frozen=True)
class RowDraw:
    """Holds out rows at random; the draw of a row depends only on the seed and the row's number.

    Args:
        threshold: rows whose random number, from 0 to 1, is smaller are held out.
        seed: not negative.
        always_learned: indices of rows that are never held out, such as a class's only row.
        group_by: column whose equal values stay together; None: no groups.
        always_held_out: indices of rows that are held out whatever their random number.
    """

    threshold: float
    seed: int
    always_learned: tuple[int, ...] = ()
    group_by: str | None = None
    always_held_out: tuple[int, ...] = ()

    @classmethod
    def of_share(
        cls,
        share: float,
        num_rows: int,
        seed: int,
        always_learned: Collection[int] = (),
        group_by: str | None = None,
        rare_classes: Iterable[Sequence[int]] = (),
    ) -> "RowDraw":
        """Hold out a share of the rows.

        The share is exact, at least one row and never all, for up to 1,000,000 rows without groups;
        otherwise it is the expected share. Of each rare class the same share is held out, rounded
        up or down at random; in other classes it differs by chance alone.

        Args:
            share: from 0 to 1.
            num_rows: in the table.
            seed: not negative.
            always_learned: see `RowDraw`.
            group_by: see `RowDraw`.
            rare_classes: the indices of the rows of each class that has few; ignored for groups.
        """
        if group_by is None and 0 < share < 1:
            learned, held_out = _divided(rare_classes, share, seed)
            if held_out or len({*always_learned, *learned}) < num_rows:
                always_learned = {*always_learned, *learned}.difference(held_out)
        else:
            held_out = []
        always, held = tuple(sorted(always_learned)), tuple(sorted(held_out))
        if group_by is not None or not 0 < num_rows <= _EXACT_ROWS or not 0 < share < 1:
            return cls(share, seed, always, group_by, held)
        numbers = random_numbers(np.arange(num_rows, dtype=np.uint64), seed)
        numbers[list(always)] = 1.0
        numbers[list(held)] = 0.0
        wanted = min(max(round(share * num_rows), 1), num_rows - 1)
        threshold = float(np.partition(numbers, wanted)[wanted])
        return cls(threshold, seed, always, None, held)

    def to_json(self) -> dict[str, Any]:
        """As a JSON document, for `from_json`."""
        document = asdict(self)
        if not self.always_held_out:  # as in documents of earlier versions
            del document["always_held_out"]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "RowDraw":
        """Read what `to_json` made.

        Raises:
            TypeError: it is not such a document.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
        }
        return cls(**values)

    def is_held_out(self, rows: "pl.DataFrame", numbers: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row is held out, (num_rows,).

        Args:
            rows: of the table.
            numbers: their indices in the table, from 0, (num_rows,).
        """
        numbers = numbers.astype(np.uint64)
        if self.group_by is not None:
            return random_numbers(_group_numbers(rows[self.group_by]), self.seed) < self.threshold
        is_held_out = random_numbers(numbers, self.seed) < self.threshold
        is_held_out &= ~np.isin(numbers, np.array(self.always_learned, dtype=np.uint64))
        return is_held_out | np.isin(numbers, np.array(self.always_held_out, dtype=np.uint64))


def _divided(
    classes: Iterable[Sequence[int]], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """The rows of rare classes that are learned and held out; of each class one is learned."""
    learned, held_out = list[int](), list[int]()
    for rows in classes:
        numbers = random_numbers(np.array(rows, dtype=np.uint64), seed)
        # The first row's number is spent on the rounding, so that it says nothing of the others.
        order = [rows[place] for place in np.argsort(numbers[1:]) + 1]
        count = min(int(len(rows) * share + numbers[0]), len(rows) - 1)
        held_out += order[:count]
        learned += [rows[0], *order[count:]]
    return learned, held_out


def random_numbers(
    keys: NDArray[np.uint64], seed: int, purpose: bytes = b"split"
) -> NDArray[np.float64]:
    """A uniform number from 0 to 1 for each key: splitmix64 (Steele, Lea and Flood, 2014).

    Args:
        keys: (num_keys,).
        seed: not negative.
        purpose: numbers drawn for different purposes are independent of each other.
    """
    named = b"%b %d" % (purpose, seed)
    start = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "little")
    mixed = (keys + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53


def _group_numbers(groups: "pl.Series") -> NDArray[np.uint64]:
    """A key for each row, equal within a group; missing values are one group."""
    import polars as pl

    text = groups.cast(pl.String)
    distinct = text.unique().to_list()
    keys = {
        name: int.from_bytes(
            hashlib.blake2b((tidied(name) or "").encode(), digest_size=8).digest(), "little"
        )
        for name in distinct
    }
    return np.fromiter((keys[name] for name in text.to_list()), np.uint64, len(text))
