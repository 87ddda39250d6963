"""Predict the rows of a file, and write the predictions as columns beside its own."""

import io
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import OutputError
from multilayer.files import replace_atomically
from multilayer.model.answers import Answers
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table import read_table_pieces
from multilayer.reading.table_format import TableFormat
from multilayer.runs.answer_columns import AnswerColumns, free_names
from multilayer.runs.spreadsheets import frame_without_formulas

if TYPE_CHECKING:
    import polars as pl

OnUnseenFlag = Literal["note", "error", "ignore"]

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")


class TablePredictions:
    """Predictions for the rows of a file of any size, in chunks.

    Args:
        model: the predictor.
        data: a file that `read_table_pieces` takes; - is the standard input.
        table_format: how the file is written.
        with_probabilities: add a column with the probability of each class or label. Several
            quantiles always have a column each, after the median's.
        coverage: of prediction intervals, or of sets of classes; None: without.
        on_unseen: for categories not seen in training, which count as missing: "note" records them
            in `unseen`, "error" raises, "ignore".

    Attributes:
        ignored_columns: columns of the file that the model does not use; known once the first
            rows are read.
        unseen: the unseen categories of the chunks so far.

    Raises:
        SettingsError: probabilities are asked of a regression model, or the coverage is out of
            range.
    """

    def __init__(
        self,
        model: Answers,
        data: str | Path,
        *,
        table_format: TableFormat | None = None,
        with_probabilities: bool = False,
        coverage: float | None = None,
        on_unseen: OnUnseenFlag = "note",
    ) -> None:
        self._columns = AnswerColumns(model, with_probabilities, coverage)
        self._model, self._data, self._table_format = model, data, table_format
        self.ignored_columns: tuple[str, ...] = ()
        self._places = RowPlaces()
        self.unseen, self._on_unseen = UnseenValues(), on_unseen

    def pieces(self) -> Iterator["pl.DataFrame"]:
        """The file's rows in order: all of its columns, then the predictions.

        Raises:
            TableError: the file cannot be read, columns are missing, or a value does not fit its
                column (row and column are named).
            DataError: the model has too few held-out rows for the coverage.
        """
        source = "the standard input" if str(self._data) == "-" else str(self._data)
        first_row, names = 1, None
        self._places = RowPlaces()
        for piece in self._rows(ThousandsPoints.of(self._model.table_schema)):
            if names is None:
                names = free_names(self._columns.names(), piece.columns)
                self.ignored_columns = self._model.table_encoder.ignored_columns(piece.columns)
            with self._places.naming_files():
                outputs = self._model.member_outputs(piece, source, first_row, self.unseen)
            if self._on_unseen == "error":
                self.unseen.report("error")
            answers = self._columns.of(outputs)
            yield piece.with_columns(
                column.alias(name) for name, column in zip(names, answers, strict=True)
            )
            first_row += len(piece)

    def _rows(self, points: ThousandsPoints) -> Iterator["pl.DataFrame"]:
        return read_table_pieces(
            self._data, table_format=self._table_format, points=points, places=self._places
        )

    def write_csv(self, file: IO[bytes], *, is_spreadsheet_safe: bool = False) -> int:
        """Write rows and predictions as CSV.

        Args:
            file: to write to.
            is_spreadsheet_safe: put a ' before text that a spreadsheet would take for a formula.

        Returns:
            The number of rows.
        """
        num_rows, is_first = 0, True
        for piece in self.pieces():
            if is_spreadsheet_safe:
                piece = frame_without_formulas(piece)
            content = io.BytesIO()  # polars would bypass the file object's buffer
            piece.write_csv(content, include_header=is_first)
            file.write(content.getbuffer())
            num_rows, is_first = num_rows + len(piece), False
        return num_rows

    def save(self, path: str | Path, *, is_spreadsheet_safe: bool = False) -> int:
        """Write a CSV, Parquet or JSON lines file atomically.

        Args:
            path: ends in .csv, .parquet, .jsonl or .ndjson; - is the standard output, as CSV.
            is_spreadsheet_safe: see `write_csv`.

        Returns:
            The number of rows.

        Raises:
            OutputError: the file cannot be written, or has another extension.
        """
        if str(path) == "-":
            num_rows = self.write_csv(sys.stdout.buffer, is_spreadsheet_safe=is_spreadsheet_safe)
            sys.stdout.buffer.flush()
            return num_rows
        suffix = Path(path).suffix.lower()
        if suffix not in SUFFIXES:
            raise OutputError(
                f"cannot write {path}: its name must end in {', '.join(SUFFIXES[:-1])} or "
                f"{SUFFIXES[-1]}"
            )
        with replace_atomically(path) as file:
            if suffix == ".parquet":
                return self._write_parquet(file)
            if suffix != ".csv":
                return self._write_json_lines(file)
            return self.write_csv(file, is_spreadsheet_safe=is_spreadsheet_safe)

    def _write_json_lines(self, file: IO[bytes]) -> int:
        num_rows = 0
        for piece in self.pieces():
            piece.write_ndjson(file)
            num_rows += len(piece)
        return num_rows

    def _write_parquet(self, file: IO[bytes]) -> int:
        import polars as pl
        from polars.io.plugins import register_io_source

        pieces = self.pieces()
        first = next(pieces)
        num_rows = 0

        def source(*_: object) -> Iterator[pl.DataFrame]:
            nonlocal num_rows
            for piece in chain([first], pieces):
                num_rows += len(piece)
                yield piece

        register_io_source(source, schema=first.schema).sink_parquet(file)
        return num_rows
