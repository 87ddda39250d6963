"""Encode the rows of a table as network inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.category_columns import CategoryColumn
from multilayer.columns.number_columns import NumberColumn, number_blocks
from multilayer.columns.schema import Schema, require_columns
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.columns.value_format import ValueFormat, with_missing_told
from multilayer.encoding.one_hot_block import OneHotBlock, row_width
from multilayer.encoding.robust_scaling import RobustScaling
from multilayer.encoding.training_statistics import means_and_scaling
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import SettingsError, TableError
from multilayer.forked import lacks_polars_threads
from multilayer.fresh_process import fresh_process
from multilayer.reading.frames import as_frame

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class EncodingPlan:
    """Options of the encoder.

    Attributes:
        one_hot_limit: A categorical column with more categories than this becomes integer codes for
            a learned embedding. None: always one-hot, of the 1,000 most frequent categories.

    Raises:
        SettingsError: the limit is negative.

    Examples:
        >>> from multilayer import Encoder, EncodingPlan, as_frame, infer_schema
        >>> frame = as_frame({"city": ["Rome", "Oslo", "Bern"] * 20})
        >>> schema = infer_schema(frame)
        >>> Encoder.fit(frame, schema, EncodingPlan(one_hot_limit=8)).input_names
        ('city = Bern', 'city = Oslo', 'city = Rome')
    """

    one_hot_limit: int | None = 8

    def __post_init__(self) -> None:
        if self.one_hot_limit is not None and self.one_hot_limit < 0:
            raise SettingsError(f"one_hot_limit must not be negative, it is {self.one_hot_limit}")


@dataclass(frozen=True, eq=False)
class Encoder:
    """Encodes columns as network inputs; fitted to the training rows only.

    Order of the inputs: numbers (numeric columns and features of dates, in the order of the table),
    passthrough columns (±1 and one-hot columns, then a missing-value indicator for each numeric
    column with missing values), category codes.

    - Missing and infinite numbers become the mean of the training rows.
    - Numbers and passthrough columns are scaled by `RobustScaling`, fitted to non-missing values.
    - A missing or unseen category is 0 in all its columns before scaling, and has the code 0.

    Encoded rows hold one code in place of more than 64 one-hot columns; the network expands it
    batch by batch: see `OneHotBlock`.

    Attributes:
        numbers: The numeric and date columns.
        categories: The categorical columns.
        means: Imputed for missing numbers, float64, (num_numeric,).
        scaling: Of numbers and passthrough columns, (num_numeric + num_passthrough,).
        missing: The user's spellings of missing values in addition to the usual ones.

    Examples:
        >>> from multilayer import Encoder, as_frame, infer_schema
        >>> frame = as_frame({"age": [20.0, 30.0, None, 50.0] * 10, "city": ["Rome", "Oslo"] * 20})
        >>> encoder = Encoder.fit(frame, infer_schema(frame))
        >>> encoder.input_names
        ('age', 'city = Rome', 'age is missing')
        >>> encoder.encode(frame).shape
        (40, 3)
    """

    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]
    means: NDArray[np.float64]
    scaling: RobustScaling
    missing: tuple[str, ...] = ()

    kind: ClassVar[str] = "table"
    image_shape: ClassVar[None] = None
    input_scale: ClassVar[float] = 1.0
    answer_dtype: ClassVar[type[np.floating[Any]]] = np.float64  # independent of other rows

    def __repr__(self) -> str:
        names = len(self.column_names)
        return f"<Encoder: {names} columns to {self.num_inputs} inputs>"

    @classmethod
    def fit(
        cls, frame: "pl.DataFrame", schema: Schema, plan: EncodingPlan | None = None
    ) -> "Encoder":
        """Fit means, scales and categories to training rows.

        Args:
            frame: The training rows, from `as_frame` or `read_table`.
            schema: The kinds of the columns.
            plan: None: `EncodingPlan()`.

        Raises:
            TableError: there are no rows or no feature columns, a column of the schema is missing,
                or a value does not fit its column's kind.
        """
        import polars as pl

        if lacks_polars_threads():
            encoder: Encoder = fresh_process.call(Encoder.fit, frame, schema, plan)
            return encoder
        plan = plan or EncodingPlan()
        require_columns([column.name for column in schema.inputs], frame.columns, "the table")
        if not schema.inputs:
            raise TableError("the table has no feature columns left to train on")
        if frame.is_empty():
            raise TableError("there are no training rows")
        value_format = schema.value_format
        frame = with_missing_told(
            frame, value_format.missing, tuple(column.name for column in schema.inputs)
        )

        numbers: list[NumberColumn] = []
        made: list[pl.DataFrame] = []
        categories: list[CategoryColumn] = []
        counts: list[NDArray[np.int64]] = []
        for column in schema.inputs:
            series = frame[column.name]
            if column.kind in ("numeric", "date"):
                number, parts = NumberColumn.fit(series, column)
                numbers.append(number)
                made.append(parts)
            else:
                category, found = CategoryColumn.fit(
                    series, column, plan.one_hot_limit, keep_na=value_format.keep_na
                )
                categories.append(category)
                counts.append(found)

        means, scaling = means_and_scaling(numbers, made, categories, counts, len(frame))
        return cls(tuple(numbers), tuple(categories), means, scaling, value_format.missing)

    @property
    def num_numeric(self) -> int:
        """Number of numeric inputs, which come first."""
        return len(self.means)

    @property
    def num_passthrough(self) -> int:
        """Number of ±1, one-hot and indicator inputs, which come next."""
        return len(self.scaling.median) - self.num_numeric

    @cached_property
    def category_sizes(self) -> tuple[int, ...]:
        """Number of codes, including 0, of each code input; these come last."""
        return tuple(1 + len(c.categories) for c in self.categories if c.form == "codes")

    @property
    def num_inputs(self) -> int:
        """Number of network inputs, with all one-hot columns."""
        return self.num_numeric + self.num_passthrough + len(self.category_sizes)

    @cached_property
    def one_hot_blocks(self) -> tuple[OneHotBlock, ...]:
        """The one-hot columns that encoded rows hold as one code, in ascending order."""
        blocks, place = [], self.num_numeric
        for category in self.categories:
            if category.is_looked_up:
                columns = slice(place, place + category.width)
                absent, present = (
                    self._scaled(np.full((1, category.width), value), columns)
                    .astype(np.float32)[0]
                    .tolist()
                    for value in (0.0, 1.0)
                )
                blocks.append(OneHotBlock(place, tuple(absent), tuple(present)))
            if category.form != "codes":
                place += category.width
        return tuple(blocks)

    @cached_property
    def row_width(self) -> int:
        """Width of an encoded row."""
        return row_width(self.num_inputs, self.one_hot_blocks)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the feature columns, numeric and date columns before categorical ones."""
        numbers = (column.name for column in self.numbers)
        return (*numbers, *(column.name for column in self.categories))

    @cached_property
    def points(self) -> ThousandsPoints:
        """The columns in whose text a point may stand between thousands."""
        return ThousandsPoints.of_formats(
            {column.name: column.number_format for column in self.numbers}
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """A readable name of each input."""
        names = [name for column in self.numbers for name in column.number_names]
        for category in self.categories:
            names += category.input_names if category.form != "codes" else ()
        names += [f"{column.name} is missing" for column in self.numbers if column.has_indicator]
        return (*names, *(c.name for c in self.categories if c.form == "codes"))

    @property
    def feature_groups(self) -> dict[str, tuple[int, ...]]:
        """For each feature column, the positions in encoded rows that it becomes."""
        groups: dict[str, list[int]] = {name: [] for name in self.column_names}
        owners = [column.name for column in self.numbers for _ in range(column.width)]
        for category in self.categories:
            if category.form != "codes":
                owners += [category.name] * (1 if category.is_looked_up else category.width)
        owners += [column.name for column in self.numbers if column.has_indicator]
        owners += [category.name for category in self.categories if category.form == "codes"]
        for place, owner in enumerate(owners):
            groups[owner].append(place)
        return {name: tuple(places) for name, places in groups.items()}

    def require_columns(self, columns: Sequence[str], source: str | Path) -> None:
        """Check that a table has all features.

        Raises:
            TableError: columns are missing; all are listed.
        """
        require_columns(self.column_names, columns, str(source))

    def ignored_columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns of a table that are not features."""
        needed = set(self.column_names)
        return tuple(name for name in columns if name not in needed)

    def as_rows(self, X: Any) -> "pl.DataFrame":
        """A table in memory as a frame; see `as_frame`."""
        return as_frame(X, points=self.points)

    def encode(
        self,
        frame: "pl.DataFrame",
        source: str = "the table",
        first_row: int = 1,
        unseen: UnseenValues | None = None,
    ) -> NDArray[np.float32]:
        """Encode rows.

        Columns are found by name in any order; others are ignored.

        Args:
            frame: Rows from `as_frame` or `read_table`; numbers and dates may be text.
            source: Name of the table in errors.
            first_row: The number of the first row, for errors.
            unseen: Categories that were not in the training rows are added to it.

        Returns:
            float32, (num_rows, row_width), always finite.

        Raises:
            TableError: columns are missing (all are listed), or a value does not fit its column's
                kind (row and column are named).
        """
        if lacks_polars_threads():
            encoded: NDArray[np.float32]
            encoded, found = fresh_process.call(_encode, self, frame, source, first_row)
            if unseen is not None:
                unseen.add(found)
            return encoded
        require_columns(self.column_names, frame.columns, source)
        frame = with_missing_told(frame, self.missing, self.column_names)
        inputs = np.empty((len(frame), self.row_width), dtype=np.float32)
        self._encode_numbers(frame, inputs, source, first_row)
        row_place = self.num_numeric
        code_place = self.row_width - len(self.category_sizes)
        if unseen is not None:
            unseen.num_rows += len(frame)
            for column in self.numbers:
                unseen.bare.note(frame.get_column(column.name), column.number_format)
        for category, scaled in zip(self.categories, self._scaled_categories, strict=True):
            series = frame.get_column(category.name)
            codes = category.codes(series)
            if unseen is not None:
                unseen.note(series, codes)
            if category.form == "codes":
                inputs[:, code_place] = codes
                code_place += 1
                continue
            if category.is_looked_up:
                inputs[:, row_place] = codes
                row_place += 1
            else:
                inputs[:, row_place : row_place + category.width] = scaled[codes]
                row_place += category.width
        return inputs

    def _encode_numbers(
        self, frame: "pl.DataFrame", inputs: NDArray[np.float32], source: str, first_row: int
    ) -> None:
        if not self.numbers:
            return
        columns = slice(0, self.num_numeric)
        indicated, absent, present = self._indicators
        num_indicators = len(indicated)
        end = self.row_width - len(self.category_sizes)
        indicators = slice(end - num_indicators, end)
        for start, block in number_blocks(frame, self.numbers, source, first_row):
            rows = slice(start, start + len(block))
            is_missing = np.isnan(block)
            if is_missing.any():
                block = np.where(is_missing, self.means, block)
            inputs[rows, columns] = self._scaled(block, columns)
            if num_indicators:
                is_missing = is_missing[:, indicated]
                inputs[rows, indicators] = np.where(is_missing, absent, present)

    @cached_property
    def _indicators(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Positions of the numbers with an indicator; its values if missing, and if not."""
        first_numbers = np.cumsum([0, *(column.width for column in self.numbers)])[:-1]
        with_indicator = np.array([column.has_indicator for column in self.numbers])
        num_indicators = int(with_indicator.sum())
        end = self.num_numeric + self.num_passthrough
        values = np.array([[0.0], [1.0]]).repeat(num_indicators, axis=1)
        scaled = self._scaled(values, slice(end - num_indicators, end))
        absent, present = scaled[::-1].astype(np.float32)
        return first_numbers[with_indicator], absent, present

    @cached_property
    def _scaled_categories(self) -> tuple[NDArray[np.float64], ...]:
        """For each category column the inputs of each code; empty if rows hold the code."""
        scaled, place = [], self.num_numeric
        for category in self.categories:
            is_coded = category.form == "codes" or category.is_looked_up
            columns = slice(place, place + category.width)
            scaled.append(
                np.empty((0, 0))
                if is_coded
                else self._scaled(category.passthrough_values(), columns)
            )
            place += 0 if category.form == "codes" else category.width
        return tuple(scaled)

    def _scaled(self, values: NDArray[np.float64], columns: slice) -> NDArray[np.float64]:
        scaling = RobustScaling(self.scaling.median[columns], self.scaling.scale[columns])
        return scaling.apply(values)

    def to_json(self) -> dict[str, Any]:
        """The encoder as a JSON document, for `from_json`; no bit is lost."""
        return {
            "numbers": [column.to_json() for column in self.numbers],
            "categories": [column.to_json() for column in self.categories],
            "means": self.means.tolist(),
            "scaling": self.scaling.to_json(),
            "missing": list(self.missing),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Encoder":
        """Read what `to_json` made.

        Raises:
            TableError: the document is not an encoder.
        """
        try:
            encoder = cls(
                tuple(NumberColumn.from_json(column) for column in document["numbers"]),
                tuple(CategoryColumn.from_json(column) for column in document["categories"]),
                np.array(document["means"], dtype=np.float64),
                RobustScaling.from_json(document["scaling"]),
                ValueFormat(missing=tuple(document.get("missing", ()))).missing,
            )
            names = encoder.column_names
            num_scaled = len(encoder.input_names) - len(encoder.category_sizes)
            num_numbers = sum(column.width for column in encoder.numbers)
            if encoder.means.shape != (num_numbers,) or not np.isfinite(encoder.means).all():
                raise ValueError("there must be a finite mean for each number")
            if len(encoder.scaling.median) != num_scaled or len(set(names)) != len(names):
                raise ValueError("the scales do not match the columns")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise TableError(f"this is not the encoder of a table: {error}") from error
        return encoder


def _encode(
    encoder: Encoder, frame: "pl.DataFrame", source: str, first_row: int
) -> tuple[NDArray[np.float32], UnseenValues]:
    """`Encoder.encode` for another process; also returns the unseen values."""
    unseen = UnseenValues()
    return encoder.encode(frame, source, first_row, unseen), unseen
