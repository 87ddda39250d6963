"""The rows of a piece of a table that count, with their targets and weights."""

import shlex
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.bare_numbers import BareNumbers
from multilayer.columns.find_numbers import NumbersFound, find_numbers, is_currency
from multilayer.columns.judging import are_codes
from multilayer.columns.left_out import LeftOut
from multilayer.columns.missing import MISSING_LABEL_SPELLINGS, present_values, suspected_sentinel
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.numbers_of_columns import numbers_beside_others
from multilayer.columns.schema import require_columns
from multilayer.columns.target_values import is_present, target_array
from multilayer.columns.text_numbers import numbers_of, parse_numbers, with_numbers_found
from multilayer.columns.value_format import ValueFormat, with_missing_told
from multilayer.errors import DataWarning, TableError

if TYPE_CHECKING:
    import polars as pl

_MAY_BE_MISSING = ("unknown", "missing", "none", "not available", "unspecified", "n.a.", "-", "--")
_ONLY_DIGITS = r"^[+-]?[0-9]{16,}$"


@dataclass(frozen=True, eq=False)
class CountingRows:
    """Rows that have a target, and a weight above 0 if there are weights.

    Attributes:
        numbers: of the rows in the piece, ascending.
        targets: (num_rows,) or (num_rows, num_targets).
        weights: (num_rows,); None: all rows count alike.
        left_out: the rows that have no target.
        num_weight_zero: rows that have a target, and the weight 0.
    """

    numbers: NDArray[np.int64]
    targets: NDArray[Any]
    weights: NDArray[np.float64] | None
    left_out: LeftOut
    num_weight_zero: int = 0


@dataclass(frozen=True)
class RowReader:
    """Finds the rows that count.

    Args:
        target: columns to be predicted.
        number_types: for each target the type of number that its text stands for, such as
            "Int64"; None: it is taken as it is.
        weight: the column of weights.
        source: what errors call the table.
        is_strict: a row without target is an error.
        values: how values are written, where their looks leave it open.
        has_weight_zero: rows of weight 0 count too.
        number_formats: for each target how text writes its numbers; empty: as the text shows.
        doubts: what else the targets could mean, a sentence each.
        weight_format: how text writes weights; None: as each piece shows.
        is_following: the formats are those of other rows, and other writings are taken too.
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
        """The reader that takes text for numbers where all targets of a table are numbers.

        Args:
            table: all of it, or the labels that it has; text as it is in the file.
            others: columns that tell what a comma or a point means; None: those of the table.

        Raises:
            TableError: a target is not there.
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
                # Longer than 64 bits they are names, and would be rounded as numbers.
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
            if written is not None:  # a text that is no number is named when it is read
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
        return judged._judging_weights(table) if self.has_weight_zero else judged

    def _judging_weights(self, table: "pl.DataFrame") -> "RowReader":
        """The reader of a whole table's weights, where one of them alone leaves open what it means.

        All weights may be so many times as large; so 1,234 may be both if all are written so.
        """
        import polars as pl

        if self.weight is None or table.schema.get(self.weight) != pl.String:
            return self
        text = table[self.weight]
        written = numbers_beside_others(text, table.drop(self.weight), self.values)
        if written is None or written.strays or written.number_format == NumberFormat():
            return self
        are_alike = text.drop_nulls().str.contains(r"^\s*\d{1,3},\d{3}\s*$").all()
        if written.is_ambiguous and not are_alike:
            return self
        return replace(self, weight_format=written.number_format)

    def following(self, number_formats: tuple[NumberFormat | None, ...]) -> "RowReader":
        """The reader that reads text as the targets of training rows are written, if it is so.

        Args:
            number_formats: for each target; empty: none is known.
        """
        types = tuple(
            number_type if written is None else "Float64"
            for number_type, written in zip(
                self.number_types, number_formats or (None,) * len(self.number_types), strict=True
            )
        )
        return replace(self, number_types=types, number_formats=number_formats, is_following=True)

    def read(self, piece: "pl.DataFrame", first_row: int) -> CountingRows:
        """Read a piece.

        Args:
            piece: of the table; text as it is in the file.
            first_row: the number of its first row, from 1, for errors.

        Raises:
            TableError: a column is not there; a weight is missing, negative or no number; a target
                is no number where the others are, or is missing and the reader is strict.
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

    def _without_missing(self, columns: "pl.DataFrame") -> "pl.DataFrame":
        """Null in the place of text that says that the target is missing."""
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
        """The targets, of their own types; null where they are missing.

        Args:
            columns: the targets.
            first_row: the number of the first row, from 1, for errors.

        Raises:
            TableError: a target is no number where the others are.
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
        # An infinite target is refused by whoever encodes it.
        numbers = parse_numbers(text, written)
        if numbers is None and (written is None or self.is_following):
            found = find_numbers(text, self.values)
            if found is not None and not found.strays:
                self._note_of_signs(text, found, written)
                numbers = found.numbers.cast(float)
            elif found is not None:
                written = replace(found.number_format, missing=())
        if numbers is None:
            try:
                numbers = numbers_of(text, self.source, first_row, written)
            except TableError as error:
                if self.is_following or not self.number_formats:  # it is to fit a model
                    raise
                raise TableError(f"{error}; if that is a missing value, say --missing") from error
        is_whole = number_type.is_integer() and (numbers == numbers.round()).all()
        return numbers.cast(number_type) if is_whole else numbers

    def _note_of_signs(
        self, text: "pl.Series", found: NumbersFound, written: NumberFormat | None
    ) -> None:
        """Warn of percent signs or units that the targets of training rows have not."""
        units = [affix for affix in found.number_format.affixes if not is_currency(affix)]
        if self.is_following and units and not set(units) & set(written.affixes if written else ()):
            warnings.warn(
                f"target {text.name!r} comes with {units[0]}, which its training rows have not: "
                f"{found.example!r} counts as {found.example.replace(units[0], '').strip()}",
                DataWarning,
                stacklevel=4,
            )

    def _weights(
        self, column: "pl.DataFrame", is_there: NDArray[np.bool_], first_row: int
    ) -> NDArray[np.float64]:
        """Weights of all rows of a piece; 0 where there is no target."""
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
                        f"weight {series.name!r} of {self.source} holds {found.example!r}: say "
                        "--thousands , or --decimal ,"
                    )
                return found.numbers.cast(float)
        return numbers_of(series, self.source, first_row)


def _classes_that_may_be_missing(labels: "pl.Series") -> list[str]:
    """Sentences of labels that may mean that nobody knows the label."""
    distinct = labels.drop_nulls().str.strip_chars().unique().sort().to_list()
    found = [label for label in distinct if label.lower() in _MAY_BE_MISSING]
    return [
        f"target {labels.name!r} has the class {label!r}: if that means that the label is missing, "
        f"say --missing {shlex.quote(label)}"
        for label in found
    ]


def masked(frame: "pl.DataFrame", is_there: NDArray[np.bool_]) -> "pl.DataFrame":
    """The same rows, with null in the place of text in the rows that are left out.

    So what is said of a column is said of the rows that count, and they keep their numbers.
    """
    import polars as pl

    if is_there.all():
        return frame
    there = pl.lit(pl.Series("there", is_there))
    return frame.with_columns(pl.when(there).then(pl.col(pl.String)))
