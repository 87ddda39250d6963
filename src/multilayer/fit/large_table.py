"""Prepare a table larger than memory for training, from its file to initialized networks."""

import shutil
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import platformdirs

from multilayer.columns.left_out import LeftOut
from multilayer.columns.schema import Schema, require_columns
from multilayer.columns.target_values import Task
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.encoding.encoded_map import EncodedMap
from multilayer.engine.batches import Examples
from multilayer.engine.specification import check_choice
from multilayer.errors import OutputError, SettingsError, TableError, reason_of
from multilayer.fit.chunked_fit import prepare_chunks
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.encode_table import MapPlan, write_encoded_map
from multilayer.fit.encoding_choice import EncodingChoice, choose_encoding
from multilayer.fit.fit import Fit
from multilayer.fit.memory_plan import MemoryPlan
from multilayer.fit.moved_data import file_digest
from multilayer.fit.prepare import as_examples
from multilayer.fit.rows import Rows
from multilayer.fit.survey import TableSurvey
from multilayer.fit.table_source import notes_of_weights, typed_table, warn_of
from multilayer.folder_lock import RunLock
from multilayer.reading.table import read_table_pieces
from multilayer.recipes.recipes import RecipeName
from multilayer.stopwatch import Stopwatch

if TYPE_CHECKING:
    import polars as pl

_SPARE_BYTES = 1 << 20  # beside the encoded rows
_ROWS_TO_MEASURE = 1000
_VALUE_BYTES, _TEXT_BYTES = 8, 16  # at least, for a value; and overhead of a text


@dataclass(frozen=True)
class Preparation:
    """Progress of the preparation.

    Attributes:
        part: "reading", to infer the schema, or "encoding".
        num_done: rows done.
        num_all: rows of the table; None: not known yet.
    """

    part: str
    num_done: int
    num_all: int | None


class LargeTable:
    """Prepares a table for training within a limit on memory.

    The file is read once to count rows, collect the classes and draw a sample, from which the
    schema is inferred and the encoder fitted. Then its rows are encoded once into files in the
    user's cache; preparing the same file again after a kill continues where it stopped::

        table = LargeTable("big.parquet", ColumnRoles(("y",)), memory_limit=500_000_000)
        for step in table.prepare():
            print(step.part, step.num_done)
        run = TableRun.of_large(table)

    Args:
        data: a file that `read_table_pieces` takes; not the standard input, which cannot be read
            twice.
        roles: what its columns are for; a time column is not supported.
        memory_limit: of the whole process, in bytes.
        task: None: inferred by `infer_task`.
        recipe_name: "fast", "default", "best" or "chapter". Folds are replaced by as many networks
            trained on the same rows.
        changes: settings that differ from the recipe's, by name.
        validation: a file of validation rows; None: held out as the settings say, at most as many
            as fit in memory.
        is_strict: a row without target is an error.

    Attributes:
        fit: the fit; this and the next five are set by `prepare`.
        schema: of the input columns.
        num_rows: training rows and held-out rows together.
        left_out: rows that were dropped, and why.
        sample_rows: how many rows the schema was inferred from.
        map_bytes: size of the encoded rows on disk.
        folder: where the encoded rows are.
        seconds: spent in each part of the preparation.

    Raises:
        SettingsError: a setting is unknown or out of range, or the limit is too small.
        TableError: the data is the standard input.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, LargeTable, TableRun
        >>> table = LargeTable(
        ...     "surface.csv", ColumnRoles(("y",)), memory_limit=800_000_000, recipe_name="fast",
        ...     changes={"max_epochs": 2},
        ... )
        >>> parts = [step.part for step in table.prepare()]
        >>> run = TableRun.of_large(table, "runs/large")
        >>> [epoch.epoch for epoch in run.epochs()]
        [1, 2]
        >>> run.finish()["status"]
        'finished'
    """

    fit: Fit
    schema: Schema
    num_rows: int
    left_out: LeftOut
    sample_rows: int
    map_bytes: int

    def __init__(
        self,
        data: str | Path,
        roles: ColumnRoles,
        memory_limit: int,
        *,
        task: Task | None = None,
        recipe_name: str = "default",
        changes: Mapping[str, Any] | None = None,
        validation: str | Path | None = None,
        is_strict: bool = False,
    ) -> None:
        for path in (data, validation):
            if str(path) == "-":
                raise TableError(
                    "the standard input cannot be read twice, which a table larger than memory "
                    "needs; save it to a file first"
                )
        if roles.time_column is not None:
            raise SettingsError(
                "a time column needs all rows in memory; with a memory limit, put the latest rows "
                "into a file of their own and name it as validation"
            )
        self.data, self.roles, self.memory_limit = data, roles, memory_limit
        self.validation, self.recipe_name = validation, recipe_name
        self._task, self._changes, self._is_strict = task, dict(changes or {}), is_strict
        self._memory = MemoryPlan(memory_limit)
        # Misspelled names raise before the table is read.
        check_choice("recipe", recipe_name, get_args(RecipeName))
        if recipe_name == "pack" or self._changes.get("num_draws"):
            raise SettingsError(
                f"a pack (recipe pack, num_draws, time_limit) needs its rows in memory, and within "
                f"a memory_limit of {memory_limit // 10**6} MB they stay on the disk; take another "
                "recipe, or fewer rows"
            )
        if task is not None:
            check_choice("task", task, get_args(Task))
        self._seed = int(self._changes.get("seed", 0))
        self._watch = Stopwatch()
        self._points = ThousandsPoints.told(roles.values)
        self._unread: list[str] = []  # columns that hold lists or objects
        self._lock: RunLock | None = None
        self._seen = _traits(data)
        self.sha256 = _digest(data)
        cache = platformdirs.user_cache_path("multilayer") / "encoded-tables"
        self.folder = cache / f"{Path(data).name.partition('.')[0] or 'table'}-{self.sha256[:12]}"

    @property
    def num_without_target(self) -> int:
        """Rows dropped because their target is missing."""
        return self.left_out.num_without_target

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds spent in each part of the preparation."""
        return self._watch.seconds

    def prepare(self) -> Iterator[Preparation]:
        """Read and encode the table and initialize the networks; resumes earlier work.

        Yields:
            The progress after each chunk of the table.

        Raises:
            SettingsError: the limit is too small for this table; the message names the smallest.
            DataError: a file cannot be read or used.
            OutputError: the encoded rows cannot be written, or the disk is too full.
            RunFolderError: another process is preparing the same table.
        """
        rows_at_once, sample_rows = self._sizes(self.data)
        with self._watch.part("reading the data"):
            chosen, plan, num_rows_read = yield from self._judge(rows_at_once, sample_rows)
        with self._watch.part("encoding, first weights"):
            self._take_folder()
            pieces = self._pieces(self.data, rows_at_once)
            for progress in write_encoded_map(self.folder, pieces, plan):
                yield Preparation("encoding", progress.num_rows_read, num_rows_read)
            if _traits(self.data) != self._seen:
                raise TableError(f"{self.data} was changed while it was read; start again")
            encoded = EncodedMap.open(self.folder)
            if chosen.draw is not None and not encoded.held_out.num_rows:
                raise TableError(
                    f"no group of {self.data} was held out: it has too few groups for a random "
                    "split (--group-by); name a file of validation rows (--validation)"
                )
            data = prepare_chunks(
                encoded, self.schema, chosen.encoder, chosen.targets,
                recipe_name=self.recipe_name, settings=chosen.settings,
                chunk_bytes=chosen.chunk_bytes, sample=chosen.inputs, example=chosen.example,
                validation=self._validation(chosen),
            )  # fmt: skip
            self.fit = Fit(data)

    def release(self) -> None:
        """Unlock the encoded rows and keep them on disk."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def remove(self) -> None:
        """Remove the encoded rows."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def _sizes(self, path: str | Path) -> tuple[int, int]:
        """Rows to read at once, and the size of the sample."""
        import polars as pl

        for piece in self._pieces(path, _ROWS_TO_MEASURE):
            if len(piece):
                require_columns(self.roles.columns, piece.columns, str(path))
                num_text = sum(dtype == pl.String for dtype in piece.dtypes)
                fewest = _VALUE_BYTES * piece.width + _TEXT_BYTES * num_text
                row_bytes = max(piece.estimated_size() / len(piece), fewest)
                sample_rows = self._memory.sample_rows(row_bytes, piece.width)
                return self._memory.rows_at_once(row_bytes), sample_rows
        raise TableError(f"{path} has no rows")

    def _pieces(self, path: str | Path, rows_at_once: int) -> Iterator["pl.DataFrame"]:
        return read_table_pieces(
            path,
            table_format=self.roles.table_format,
            left_out=self._unread,
            rows_at_once=rows_at_once,
            text_bytes=self._memory.text_bytes,
            points=self._points,
        )

    def _survey(self, path: str | Path, sample_rows: int) -> TableSurvey:
        return TableSurvey(
            self.roles.target, self.roles.weight, str(path), sample_rows, self._seed,
            is_strict=self._is_strict, values=self.roles.values,
        )  # fmt: skip

    def _judge(
        self, rows_at_once: int, sample_rows: int
    ) -> Generator[Preparation, None, tuple[EncodingChoice, MapPlan, int]]:
        """Read the whole table; returns encoder and settings, the encoding plan, its row count."""
        survey = self._survey(self.data, sample_rows)
        for piece in self._pieces(self.data, rows_at_once):
            survey.add(piece)
            yield Preparation("reading", survey.num_rows_read, None)
        if not survey.num_rows:
            names = ", ".join(map(repr, self.roles.target))
            raise TableError(f"no row of {self.data} has a target {names}")
        reader = survey.reader()
        notes = survey.left_out.notes(self.roles.target, str(self.data))
        warn_of((*notes, *notes_of_weights(survey.num_weight_zero), *reader.doubts))
        if survey.num_rows == 1:
            raise TableError("there is 1 row to train on; at least 2 are needed")
        chosen = choose_encoding(
            survey, self.roles.without(self._unread), self._memory, str(self.data), task=self._task,
            recipe_name=self.recipe_name, changes=self._changes,
            has_own_validation=self.validation is not None,
        )  # fmt: skip
        schema = replace(chosen.schema, target_formats=reader.number_formats)
        self.schema, self.sample_rows = schema, chosen.sample_rows
        self._points = ThousandsPoints.of(schema)
        self.num_rows, self.left_out = survey.num_rows, survey.left_out
        self._number_types = reader.number_types
        self.map_bytes = self.num_rows * chosen.row_bytes
        plan = MapPlan(
            reader, chosen.encoder, chosen.targets, chosen.draw, survey.mean_weight,
            self.sha256,
        )  # fmt: skip
        return chosen, plan, survey.num_rows_read

    def _validation(self, chosen: EncodingChoice) -> Examples | None:
        """Rows of the validation file, a random sample of them if not all fit in memory."""
        if self.validation is None:
            return None
        rows_at_once, _ = self._sizes(self.validation)
        survey = self._survey(self.validation, chosen.most_held_out)
        for piece in self._pieces(self.validation, rows_at_once):
            survey.add(piece)
        if not survey.num_rows:
            raise TableError(f"no row of {self.validation} has a target")
        _, sample = typed_table(
            survey.sample, survey.sample_rows, self.roles, chosen.schema, str(self.validation)
        )
        targets = survey.sample_targets(self._number_types, self.schema.target_formats)
        rows = Rows(sample, targets, survey.sample_weights(), numbers=survey.sample_rows)
        return as_examples(
            rows, chosen.encoder, chosen.targets,
            source=str(self.validation), mean_weight=survey.mean_weight,
        )  # fmt: skip

    def _take_folder(self) -> None:
        """Lock the folder and check that the disk has room."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = RunLock(self.folder)
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise OutputError(
                f"cannot make the folder {self.folder}: {reason_of(error)}"
            ) from error
        there = sum(path.stat().st_size for path in self.folder.iterdir())
        if there + free < self.map_bytes + _SPARE_BYTES:
            raise OutputError(
                f"the encoded rows of {self.data} need {self.map_bytes / 1e6:,.0f} MB, and the "
                f"disk of {self.folder} has {free / 1e6:,.0f} MB left; set XDG_CACHE_HOME to a "
                "folder on a larger disk"
            )


def _traits(path: str | Path) -> tuple[int, ...]:
    """Detects that a file was changed or replaced, even with its size and time kept."""
    try:
        status = Path(path).expanduser().stat()
    except (OSError, ValueError):  # reading it raises the error
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _digest(path: str | Path) -> str:
    """SHA-256 of a table's file."""
    try:
        Path(path).expanduser().stat()
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error
    digest = file_digest(path)
    if digest is None and not Path(path).expanduser().exists():
        raise TableError(f"cannot read {path}: no such file or directory")
    if digest is None:
        raise TableError(f"cannot read {path}: it must be a file, as it is read several times")
    return digest
