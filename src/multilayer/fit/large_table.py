"""Prepare a table larger than memory for training, from its files or from shards."""

import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import platformdirs

from multilayer.columns.left_out import LeftOut
from multilayer.columns.schema import Schema
from multilayer.columns.target_values import Task
from multilayer.encoding.encoded_map import EncodedMap
from multilayer.engine.batches import Examples
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.fit.chunked_fit import large_settings, populations_of, prepare_chunks
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.encode_table import ENCODING_SETTINGS, TableEncoding
from multilayer.fit.memory_plan import MemoryPlan
from multilayer.fit.moved_data import file_digest
from multilayer.fit.prepare import TASK_NAMES, PreparedData, as_examples
from multilayer.fit.rows import Rows
from multilayer.fit.split import NO_ROWS_TO_MIX_BY, without_held_out
from multilayer.fit.table_passes import Preparation
from multilayer.fit.table_source import typed_table, warn_of
from multilayer.reading.table_files import table_name
from multilayer.recipes.recipes import recipe
from multilayer.shards.shard_folder import MANIFEST, Manifest, is_shard_folder
from multilayer.stopwatch import Stopwatch


class LargeTable:
    """Prepares a table for training within a limit on memory.

    The rows of a table are encoded into shards in the user's cache; preparing the same table again
    after a kill continues where it stopped. Shards that `multilayer encode` has made are used as
    they are, without the table::

        table = LargeTable("big.parquet", ColumnRoles(("y",)), memory_limit=500_000_000)
        for step in table.prepare():
            print(step.part, step.num_done)
        run = TableRun.of_large(table)

    Args:
        data: what `read_table_pieces` takes, but for the standard input, which cannot be read
            twice; or a folder of shards.
        roles: what its columns are for; a time column is not supported.
        memory_limit: of the whole process, in bytes.
        task: None: inferred by `infer_task`.
        recipe_name: see `recipe`. Folds are replaced by as many networks trained on the same
            rows, which is said; each draw of a pack is one network.
        changes: settings that differ from the recipe's, by name.
        validation: a file of validation rows; None: held out as the settings say, at most as many
            as fit in memory.
        is_strict: a row without target is an error.

    Attributes:
        prepared: what a fit needs; this and the next five are set by `prepare`.
        schema: of the input columns.
        num_rows: training rows and held-out rows together.
        left_out: rows that were dropped, and why.
        sample_rows: how many rows the schema was inferred from.
        map_bytes: size of the encoded rows on disk.
        folder: where the encoded rows are.
        sha256: of the table, or of the shards' manifest.

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

    prepared: PreparedData
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
        self.data, self.roles, self.memory_limit = data, roles, memory_limit
        self.validation, self.recipe_name = validation, recipe_name
        self._changes, self._watch = dict(changes or {}), Stopwatch()
        self._are_given = is_shard_folder(data)
        if str(validation) == "-":
            raise TableError("the validation rows are read twice; save them to a file first")
        if self._are_given and validation is not None:
            raise SettingsError(
                f"--validation does not go with shards: {data} has its own validation rows, which "
                "were held out when it was encoded"
            )
        self._encoding = TableEncoding(
            data if not self._are_given else Path(data) / MANIFEST, roles, memory_limit, task=task,
            recipe_name=recipe_name, changes=changes, has_own_validation=validation is not None,
            is_strict=is_strict,
        )  # fmt: skip
        if self._are_given:
            self.folder = Path(data).expanduser()
            self.sha256 = file_digest(self.folder / MANIFEST) or ""
        else:
            self.sha256 = self._encoding.sha256
            cache = platformdirs.user_cache_path("multilayer") / "encoded-tables"
            self.folder = cache / f"{table_name(data)}-{self.sha256[:12]}"

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
        if not self._are_given:
            with self._watch.part("reading the data"):
                steps = self._encoding.steps(self.folder, is_ours=True)
                first = next(steps)
                while first.part == "reading":
                    yield first
                    first = next(steps)
            with self._watch.part("encoding, first weights"):
                self._describe(Manifest.read(self.folder))
                yield first
                yield from steps
        with self._watch.part("encoding, first weights"):
            manifest = Manifest.read(self.folder)
            encoded = manifest.opened(self.folder)
            plan, about = manifest.plan, manifest.about
            self._describe(manifest)
            if self._are_given:
                warn_of(about["notes"])
            if plan.draw is not None and not encoded.held_out.num_rows:
                raise TableError(
                    f"no group of {self.data} was held out: it has too few groups for a random "
                    "split (--group-by); name a file of validation rows (--validation)"
                )
            settings = self._settings(manifest, encoded)
            chunk_bytes, most_held_out = MemoryPlan(self.memory_limit).training(
                populations_of(settings, plan.encoder, plan.targets), plan.row_bytes
            )
            if self._are_given and encoded.held_out.num_rows > most_held_out:
                raise SettingsError(
                    f"memory_limit {self.memory_limit / 1e6:,.3g} MB is too small for the "
                    f"{encoded.held_out.num_rows:,} validation rows of {self.data}, of which "
                    f"{most_held_out:,} would fit; raise it, or encode with a smaller --validation"
                )
            self.prepared = prepare_chunks(
                encoded, self.schema, plan.encoder, plan.targets,
                recipe_name=self.recipe_name, settings=settings, chunk_bytes=chunk_bytes,
                sample=manifest.sample_inputs(self.folder), example=about["example"],
                validation=self._validation(manifest, most_held_out),
            )  # fmt: skip

    def release(self) -> None:
        """Unlock the encoded rows and keep them on disk."""
        self._encoding.release()

    def remove(self) -> None:
        """Remove the encoded rows, unless they are shards that were given."""
        if not self._are_given:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def _describe(self, manifest: Manifest) -> None:
        """Take over what the manifest says of the table, before its rows are encoded."""
        about = manifest.about
        self.schema = Schema.from_json(about["schema"])
        self.num_rows, self.sample_rows = about["num_rows"], about["sample_rows"]
        self.left_out = _left_out(about["left_out"])
        self.map_bytes = self.num_rows * manifest.plan.row_bytes

    def _settings(self, manifest: Manifest, encoded: EncodedMap) -> TrainingSettings:
        """The settings of the training; shards settle some of them."""
        plan, stored, changes = manifest.plan, manifest.about["settings"], self._changes
        settled = {name: _as_setting(stored[name]) for name in ENCODING_SETTINGS}
        if self._are_given:
            for name, value in settled.items():
                if name in changes and _as_setting(changes[name]) != value:
                    raise SettingsError(
                        f"{name} was {value} when {self.data} was encoded, and cannot be "
                        f"{changes[name]} in a training from it; encode the table again"
                    )
            of_rows = {n: value for n, value in settled.items() if n != "validation_fraction"}
            changes = {**changes, **of_rows}
        settings = large_settings(
            self.recipe_name, plan.targets.task, self.num_rows, len(self.schema.inputs), changes,
            has_own_validation=self.validation is not None,
        )  # fmt: skip
        if self._are_given:
            settings = replace(settings, validation_fraction=settled["validation_fraction"])
            if not encoded.held_out.num_rows:
                settings = without_held_out(settings)
        asked = recipe(self.recipe_name, TASK_NAMES[plan.targets.task], **changes)
        if asked.num_draws and not settings.num_draws:
            raise SettingsError(NO_ROWS_TO_MIX_BY)
        if asked.num_folds:
            _tell_of_folds(asked)
        return settings

    def _validation(self, manifest: Manifest, most_held_out: int) -> Examples | None:
        """Rows of the validation file, a random sample of them if not all fit in memory."""
        if self.validation is None:
            return None
        plan = manifest.plan
        rows_at_once, *_ = self._encoding.passes.sizes(self.validation)
        survey = self._encoding.passes.survey(self.validation, most_held_out)
        for piece in self._encoding.passes.pieces(self.validation, rows_at_once):
            survey.add(piece)
        if not survey.num_rows:
            raise TableError(f"no row of {self.validation} has a target")
        _, sample = typed_table(
            survey.sample, survey.sample_rows, self.roles, self.schema, str(self.validation)
        )
        number_types = tuple(manifest.about["number_types"])
        targets = survey.sample_targets(number_types, self.schema.target_formats)
        rows = Rows(sample, targets, survey.sample_weights(), numbers=survey.sample_rows)
        return as_examples(
            rows, plan.encoder, plan.targets,
            source=str(self.validation), mean_weight=survey.mean_weight,
        )  # fmt: skip


def _tell_of_folds(asked: TrainingSettings) -> None:
    what = "each draw is one network"
    if not asked.num_draws:
        what = f"the {asked.num_folds} networks learn from the same rows"
    warnings.warn(
        f"there are no folds (num_folds {asked.num_folds}) where rows stay on the disk: {what}, "
        "and the same rows are held out for all", DataWarning, stacklevel=5,
    )  # fmt: skip


def _as_setting(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _left_out(document: Mapping[str, Any]) -> LeftOut:
    return LeftOut(
        document["num_without_target"], tuple(document["first_without_target"]),
        document["spellings"],
    )  # fmt: skip
