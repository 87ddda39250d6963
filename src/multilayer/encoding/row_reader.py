"""Read targets and sample weights, a chunk of a table at a time."""

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.bare_numbers import BareNumbers, check_signs
from multilayer.columns.find_numbers import find_numbers
from multilayer.columns.judging import are_codes
from multilayer.columns.left_out import LeftOut
from multilayer.columns.missing import MISSING_LABEL_SPELLINGS, present_values, suspected_sentinel
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.numbers_of_columns import numbers_beside_others
from multilayer.columns.schema import require_columns
from multilayer.columns.target_values import is_present, target_array
from multilayer.columns.text_numbers import numbers_of, parse_numbers, with_numbers_found
from multilayer.columns.value_format import ValueFormat, with_missing_told
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

_MAY_BE_MISSING = ("unknown", "missing", "none", "not available", "unspecified", "n.a.", "-", "--")
_ONLY_DIGITS = r"^[+-]?[0-9]{16,}$"


@dataclass(frozen=True, eq=False)
class CountingRows:
    """Rows that have a target, and a weight above 0 if there are weights.

    Attributes:
        numbers: row numbers within the chunk, ascending.
        targets: (num_rows,) or (num_rows, num_targets).
        weights: (num_rows,); None: equal weights.
        left_out: the rows without a target.
        num_weight_zero: how many rows have a target and weight 0.
    """

    numbers: NDArray[np.int64]
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None
    left_out: LeftOut
    num_weight_zero: int = 0


@dataclass(frozen=True)
class RowReader:
    """Reads the targets and weights of rows, and drops rows without them.

    Args:
        target: the target columns.
        number_types: for each target the polars type that its text is parsed as, such as "Int64";
            None: it stays as it is.
        weight: the column of sample weights.
        source: the table's name in error messages.
        is_strict: a row without target is an error.
        values: the value format that the user declared.
        has_weight_zero: keep rows of weight 0.
        number_formats: for each target the format of its numbers; empty: inferred.
        doubts: warnings about targets that could mean something else, a sentence each.
        weight_format: the format of the weights' numbers; None: inferred for each chunk.
        is_following: the formats are those of the training rows; other formats are accepted too.
    """

    target: tuple[str, ...]
    number_types: tuple[str | None, ...]
    weight: str | None
    source: str
    is_strict: bool = False
    values: ValueFormat = field(default_factory=ValueFormat)
    has_weight_zero: bool = False
    number_formats: tuple[NumberFormat | None, ...] = ()
    doubts: tuple[str, ...] = ()
    weight_format: NumberFormat | None = None
    is_following: bool = False

    def judging(self, table: "pl.DataFrame", others: "pl.DataFrame | None" = None) -> "RowReader":
        """A reader that parses a target's text as numbers if all of its values are numbers.

        Args:
            table: the whole table, or its distinct labels; text unparsed.
            others: other columns, which may show what a comma or a point means; None: those of
                `table`.

        Raises:
            TableError: a target column is missing.
        """
        import polars as pl

        require_columns(self.target, table.columns, self.source)
        columns = self._without_missing(table.select(self.target))
        beside = (table if others is None else others).drop(self.target, strict=False)
        types: list[str | None] = []
        formats: list[NumberFormat | None] = []
        doubts: list[str] = []
        for text, found in zip(
            columns.iter_columns(), with_numbers_found(columns).iter_columns(), strict=True
        ):
            is_number = text.dtype == pl.String and found.dtype.is_numeric()
            if found.dtype == pl.Float64 and is_number:
                # Integers beyond 64 bits are identifiers; as floats they would be rounded.
                is_number = not text.drop_nulls().str.contains(_ONLY_DIGITS).all()
            written = None
            if text.dtype == pl.String:
                # 12.034 is a plain number, but not beside decimal commas.
                written = numbers_beside_others(text, beside, self.values)
                if written is None and found.dtype == pl.String:
                    written = find_numbers(text, self.values)
                if written is not None and written.number_format == NumberFormat():
                    written = None
                if written is not None and (not written.are_numbers or are_codes(text, written)):
                    written = None
            if written is not None:  # values that are not numbers are an error when read
                types.append("Float64")
                formats.append(replace(written.number_format, missing=()))
                if written.doubt:
                    doubts.append(f"target {text.name!r} is treated as numeric: {written.doubt}")
            else:
                types.append(str(found.dtype) if is_number else None)
                formats.append(None)
            if text.dtype == pl.String and types[-1] is None and not self.values.keep_na:
                doubts += _classes_that_may_be_missing(text)
            numbers = found if written is None else written.numbers
            if numbers.dtype.is_numeric():
                about = suspected_sentinel(
                    numbers, numbers.min(), numbers.max(), f"target {text.name!r}"
                )
                doubts += [] if about is None else [about]
        judged = replace(
            self, number_types=tuple(types), number_formats=tuple(formats), doubts=tuple(doubts)
        )
        return judged.judging_weights(table) if self.has_weight_zero else judged

    def judging_weights(self, table: "pl.DataFrame") -> "RowReader":
        """A reader with the number format of a table's weights, where it is unambiguous.

        If all weights look like 1,234, either reading will do: weights are relative.

        Args:
            table: all rows, or the first ones; later ones must then be written alike.
        """
        import polars as pl

        if self.weight is None or table.schema.get(self.weight) != pl.String:
            return self
        text = table[self.weight]
        written = numbers_beside_others(text, table.drop(self.weight), self.values)
        if written is None and parse_numbers(text) is None:
            written = find_numbers(text, self.values)
        if written is None or written.strays or written.number_format == NumberFormat():
            return self
        are_alike = text.drop_nulls().str.contains(r"^\s*\d{1,3},\d{3}\s*$").all()
        if written.is_ambiguous and not are_alike:
            return self
        return replace(self, weight_format=written.number_format)

    def following(self, number_formats: tuple[NumberFormat | None, ...]) -> "RowReader":
        """A reader that parses targets in the formats of the training rows, where they fit.

        Args:
            number_formats: for each target; empty: unknown.
        """
        types = tuple(
            number_type if written is None else "Float64"
            for number_type, written in zip(
                self.number_types, number_formats or (None,) * len(self.number_types), strict=True
            )
        )
        return replace(self, number_types=types, number_formats=number_formats, is_following=True)

    def read(self, piece: "pl.DataFrame", first_row: int) -> CountingRows:
        """Read a chunk of the table.

        Args:
            piece: the chunk; text unparsed.
            first_row: the number of its first row, from 1, for error messages.

        Raises:
            TableError: a column is missing; a weight is missing, negative or not a number; a target
                is not a number although the others are, or is missing and `is_strict`.
        """
        others = () if self.weight is None else (self.weight,)
        require_columns([*self.target, *others], piece.columns, self.source)
        columns = self._without_missing(piece.select(self.target))
        is_there = is_present(columns if len(self.target) > 1 else columns.to_series())
        left_out = LeftOut.of(piece, self.target, is_there, first_row)
        if self.is_strict and left_out.num_without_target:
            names, rows = ", ".join(map(repr, self.target)), left_out.without_target_in_words()
            raise TableError(f"target {names} of {self.source} is missing in {rows}")
        counts, weights = is_there, None
        if self.weight is not None:
            weights = self._weights(
                masked(piece.select(self.weight), is_there), is_there, first_row
            )
            counts = is_there if self.has_weight_zero else is_there & (weights > 0)
        numbers = np.flatnonzero(counts)
        targets = self.targets(masked(columns, is_there), first_row)
        return CountingRows(
            numbers,
            targets[numbers],
            None if weights is None else weights[numbers],
            left_out,
            0 if weights is None else int((is_there & (weights == 0)).sum()),
        )

    def has_target(self, piece: "pl.DataFrame") -> NDArray[np.bool_]:
        """Whether each row of a chunk has all of its targets, (num_rows,).

        Raises:
            TableError: a target column is missing.
        """
        require_columns(self.target, piece.columns, self.source)
        columns = self._without_missing(piece.select(self.target))
        return is_present(columns if len(self.target) > 1 else columns.to_series())

    def _without_missing(self, columns: "pl.DataFrame") -> "pl.DataFrame":
        """Replace spellings of a missing target by null."""
        import polars as pl

        columns = columns.with_columns(pl.col(pl.Categorical).cast(pl.String))
        columns = with_missing_told(columns, self.values.missing, tuple(columns.columns))
        spellings = ("",) if self.values.keep_na else MISSING_LABEL_SPELLINGS
        return columns.with_columns(
            present_values(series, spellings)
            for series in columns.iter_columns()
            if series.dtype == pl.String
        )

    def targets(self, columns: "pl.DataFrame", first_row: int = 1) -> NDArray[Any]:
        """The parsed targets; null where they are missing.

        Args:
            columns: the target columns.
            first_row: the number of the first row, from 1, for error messages.

        Raises:
            TableError: a target is not a number although the others are.
        """
        import polars as pl

        formats = self.number_formats or (None,) * len(self.target)
        if self.is_following:
            bare = BareNumbers()
            for column, written in zip(columns.iter_columns(), formats, strict=True):
                bare.note(column, written)
            bare.warn("target")
        series = [
            column
            if number_type is None or column.dtype != pl.String
            else self._numbers(column, getattr(pl, number_type), written, first_row)
            for column, number_type, written in zip(
                columns.iter_columns(), self.number_types, formats, strict=True
            )
        ]
        return target_array(series[0] if len(series) == 1 else pl.DataFrame(series))

    def _numbers(
        self,
        text: "pl.Series",
        number_type: type["pl.DataType"],
        written: NumberFormat | None,
        first_row: int,
    ) -> "pl.Series":
        if number_type.is_integer():
            whole = text.cast(number_type, strict=False)
            if whole.null_count() == text.null_count():
                return whole
        # `Targets.encode` rejects infinite targets.
        numbers = parse_numbers(text, written)
        if numbers is None and (written is None or self.is_following):
            found = find_numbers(text, self.values)
            if found is not None and not found.strays:
                if self.is_following:
                    check_signs(f"target {text.name!r}", found, written)
                numbers = found.numbers.cast(float)
            elif found is not None:
                written = replace(found.number_format, missing=())
        if numbers is None:
            try:
                numbers = numbers_of(text, self.source, first_row, written)
            except TableError as error:
                if self.is_following or not self.number_formats:  # must match the training rows
                    raise
                units = "; delete a row of units" if str(error).startswith("row 1 ") else ""
                raise TableError(
                    f"{error}; if it stands for a missing value, name it with --missing{units}"
                ) from error
        is_whole = number_type.is_integer() and (numbers == numbers.round()).all()
        return numbers.cast(number_type) if is_whole else numbers

    def _weights(
        self, column: "pl.DataFrame", is_there: NDArray[np.bool_], first_row: int
    ) -> NDArray[np.float64]:
        """Weights of all rows of a chunk; 0 where the target is missing."""
        series = column.to_series()
        numbers = self._numbers_of_weights(series, first_row)
        weights = np.where(is_there, numbers.to_numpy().astype(np.float64), 0.0)
        if np.isnan(weights).any():
            row = first_row + int(np.argmax(np.isnan(weights)))
            raise TableError(f"weight {series.name!r} of {self.source} is missing in row {row}")
        if (weights < 0).any():
            row = first_row + int(np.argmax(weights < 0))
            raise TableError(
                f"weight {series.name!r} of {self.source} must be at least 0, in row {row} it is "
                f"{weights[row - first_row]:g}"
            )
        return weights

    def _numbers_of_weights(self, series: "pl.Series", first_row: int) -> "pl.Series":
        import polars as pl

        if self.weight_format is not None and series.dtype == pl.String:
            return numbers_of(series, self.source, first_row, self.weight_format)
        if series.dtype == pl.String and parse_numbers(series) is None:
            found = find_numbers(series, self.values)
            if found is not None and not found.strays:
                if found.is_ambiguous:
                    raise TableError(
                        f"weight {series.name!r} of {self.source} holds {found.example!r}, which "
                        "is ambiguous: pass --thousands , or --decimal ,"
                    )
                return found.numbers.cast(float)
        return numbers_of(series, self.source, first_row)


def _classes_that_may_be_missing(labels: "pl.Series") -> list[str]:
    """Warnings about labels that may stand for a missing label."""
    distinct = labels.drop_nulls().str.strip_chars().unique().sort().to_list()
    found = [label for label in distinct if label.lower() in _MAY_BE_MISSING]
    return [
        f"target {labels.name!r} has the class {label!r}: if it stands for a missing label, "
        f"pass --missing {shlex.quote(label)}"
        for label in found
    ]


def masked(frame: "pl.DataFrame", is_there: NDArray[np.bool_]) -> "pl.DataFrame":
    """The same frame with the text of dropped rows set to null.

    Column statistics then come from the remaining rows, whose row numbers do not change.
    """
    import polars as pl

    if is_there.all():
        return frame
    there = pl.lit(pl.Series("there", is_there))
    return frame.with_columns(pl.when(there).then(pl.col(pl.String)))
