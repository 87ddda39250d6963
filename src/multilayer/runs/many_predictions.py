"""Predict the files of a table one by one, side by side, into files of the same names."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import starmap
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.encoding.unseen_values import UnseenValues
from multilayer.errors import OutputError, TableError
from multilayer.model.model_file import load_predictor
from multilayer.model.predictor import Predictor
from multilayer.reading.file_heads import TableHead, common_head
from multilayer.reading.one_file import Reading, read_file_pieces
from multilayer.reading.table_files import TableFile, find_table_files, unchanged
from multilayer.reading.table_format import TableFormat
from multilayer.runs.table_predictions import TablePredictions
from multilayer.side_by_side import side_by_side

if TYPE_CHECKING:
    import polars as pl

_SUFFIXES = {"CSV": ".csv", "JSON": ".jsonl", "Parquet": ".parquet", "Arrow": ".parquet"}
_ROWS_AT_ONCE = 100_000


@dataclass
class FilesAnswered:
    """What was answered so far.

    Attributes:
        num_files: files that are done.
        num_rows: rows in them.
        ignored_columns: see `TablePredictions`.
        unseen: see `TablePredictions`.
    """

    num_files: int = 0
    num_rows: int = 0
    ignored_columns: tuple[str, ...] = ()
    unseen: UnseenValues = field(default_factory=UnseenValues)


class FilePredictions(TablePredictions):
    """Predictions for the rows of one of the files of a table; arguments as `TablePredictions`.

    The columns that the names of folders give are not among those of the answers, whose files lie
    in folders of the same names.
    """

    def __init__(self, model: Predictor, file: TableFile, head: TableHead, **options: Any) -> None:
        super().__init__(model, file.path, **options)
        self._file, self._head = file, head

    def pieces(self) -> Iterator["pl.DataFrame"]:
        """See `TablePredictions`."""
        keys = [key for key, _ in self._file.values]
        for piece in super().pieces():
            yield piece.drop(keys)

    def _rows(self, points: ThousandsPoints) -> Iterator["pl.DataFrame"]:
        reading = Reading(
            self._table_format or TableFormat(), _ROWS_AT_ONCE, points=points,
            names=self._head.names,
        )  # fmt: skip
        self._file.require_unchanged()
        with unchanged([self._file]):
            for piece in read_file_pieces(self._file.path, reading):
                yield self._head.settled(piece, self._file)


def predict_files(
    model_file: str | Path,
    data: str | Path,
    output: str | Path,
    *,
    num_processes: int = 1,
    is_spreadsheet_safe: bool = False,
    **options: Any,
) -> Iterator[FilesAnswered]:
    """Predict the files of a table, each into a file of its own in a folder.

    A file of rows in FOLDER/key=value/ is answered in OUTPUT/key=value/, in its format; Arrow files
    as Parquet, packed files unpacked. Each is written whole or not at all.

    Args:
        model_file: of the predictor.
        data: for which `is_many_files`.
        output: a folder; made if it is not there.
        num_processes: that answer side by side; on Windows it is one.
        is_spreadsheet_safe: see `TablePredictions.write_csv`.
        options: further arguments of `TablePredictions`.

    Yields:
        What was answered, after each file.

    Raises:
        TableError: a file cannot be read, its columns differ from the others', or a value does not
            fit.
        OutputError: a file cannot be written, two files would have the same output, or the folder
            holds other files, or is the one that is read.
    """
    num_processes = 1 if os.name == "nt" else num_processes  # `FreshProcess` passes descriptors on
    model, files = load_predictor(model_file), find_table_files(data)
    reading = Reading(
        options.get("table_format") or TableFormat(), _ROWS_AT_ONCE,
        points=ThousandsPoints.of(model.table_schema),
    )  # fmt: skip
    head = common_head(files, reading)
    model.table_encoder.require_columns((*head.names, *(key for key, _ in files[0].values)), data)
    outputs = _outputs(files, head, Path(output).expanduser())
    tasks = [
        (model_file, file, head, path, is_spreadsheet_safe, options)
        for file, path in zip(files, outputs, strict=True)
    ]
    num_processes = min(num_processes, len(files))
    found = (
        side_by_side(_answer, tasks, num_processes)
        if num_processes > 1
        else starmap(_answer, tasks)
    )
    done = FilesAnswered()
    for num_rows, ignored, unseen in found:
        done.num_files, done.num_rows = done.num_files + 1, done.num_rows + num_rows
        done.ignored_columns = ignored
        done.unseen.add(unseen)
        yield done


def _answer(
    model_file: str | Path, file: TableFile, head: TableHead, output: Path, is_safe: bool,
    options: dict[str, Any],
) -> tuple[int, tuple[str, ...], UnseenValues]:  # fmt: skip
    """Predict one file; called in processes of their own."""
    predictions = FilePredictions(_predictor(str(model_file)), file, head, **options)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {output.parent}: {error.strerror}") from error
    num_rows = predictions.save(output, is_spreadsheet_safe=is_safe)
    return num_rows, predictions.ignored_columns, predictions.unseen


@lru_cache(maxsize=1)
def _predictor(model_file: str) -> Predictor:
    return load_predictor(model_file)


def _outputs(files: tuple[TableFile, ...], head: TableHead, output: Path) -> list[Path]:
    """Where the answers to each file go."""
    found: dict[Path, TableFile] = {}
    for file in files:
        name = PurePosixPath(file.name)
        path = output / name.with_name(name.name.partition(".")[0] + _SUFFIXES[head.kind])
        if path in found:
            raise OutputError(
                f"the answers to {found[path].path} and to {file.path} would both go to {path}; "
                "rename one of them"
            )
        found[path] = file
    inputs = {file.path.resolve() for file in files}
    there = [path for path in output.rglob("*") if not path.is_dir()] if output.is_dir() else []
    for path in there:
        if path.resolve() in inputs:
            raise OutputError(
                f"cannot write to {output}: it holds {path}, which is read; choose another folder "
                "(--output)"
            )
        if path not in found and not path.name.startswith("."):
            raise OutputError(
                f"cannot write to {output}: it holds {path}, which would look like answers; choose "
                "an empty folder (--output)"
            )
    if output.exists() and not output.is_dir():
        raise TableError(f"{output} is a file; the answers to many files go into a folder")
    return list(found)
