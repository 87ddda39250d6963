"""Encode a table of any size into shards: read it once to decide how, then encode its rows."""

import hashlib
import json
import shutil
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.target_values import Task
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.engine.specification import check_choice
from multilayer.errors import DataWarning, OutputError, SettingsError, TableError, reason_of
from multilayer.files import is_leftover
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.encoding_choice import choose_encoding
from multilayer.fit.memory_plan import MemoryPlan
from multilayer.fit.moved_data import digest_of_digests, digests_of, file_digest, is_there
from multilayer.fit.table_passes import Preparation, TablePasses
from multilayer.fit.table_source import notes_of_weights, warn_of
from multilayer.folder_lock import LOCK_NAME, RunLock
from multilayer.reading.table_files import (
    find_table_files,
    is_many_files,
    table_name,
    traits_of_table,
)
from multilayer.recipes.recipes import recipe
from multilayer.shards.encode_shards import encode_shards
from multilayer.shards.shard_file import write_sample
from multilayer.shards.shard_folder import Manifest, is_shard_folder
from multilayer.shards.shard_plan import ShardPlan

# Settings that encoded rows depend on.
ENCODING_SETTINGS = ("loss", "quantiles", "one_hot_limit", "validation_fraction")
_SPARE_BYTES = 1 << 20  # beside the encoded rows


class TableEncoding:
    """Encodes a table into a folder of shards.

    The table is read once to count rows, collect the classes and draw a sample, from which the
    schema is inferred and the encoder fitted. Then its rows are encoded. After a kill the same
    encoding goes on: a table that was read is not read again, and shards that are there stay.

    Args:
        data: what `read_table_pieces` takes; not the standard input, which cannot be read twice.
        roles: what its columns are for; a time column is not supported.
        memory_limit: of each process, in bytes; the sample and the sizes of shards follow from it.
        task: None: inferred by `infer_task`.
        recipe_name: see `recipe`.
        changes: settings that differ from the recipe's, by name.
        has_own_validation: whether there is a file of validation rows, so that none are held out.
        is_strict: a row without target is an error.

    Attributes:
        sha256: of the table.
        passes: how the table is read.

    Raises:
        SettingsError: a setting is unknown or out of range, or the limit is too small.
        TableError: the data is the standard input, or cannot be read.
    """

    def __init__(
        self,
        data: str | Path,
        roles: ColumnRoles,
        memory_limit: int,
        *,
        task: Task | None = None,
        recipe_name: str = "default",
        changes: Mapping[str, Any] | None = None,
        has_own_validation: bool = False,
        is_strict: bool = False,
    ) -> None:
        if str(data) == "-":
            raise TableError(
                "the standard input cannot be read twice, which a table larger than memory "
                "needs; save it to a file first"
            )
        if roles.time_column is not None:
            raise SettingsError(
                "a time column needs all rows in memory; with a memory limit, put the latest rows "
                "into a file of their own and name it as validation"
            )
        self.data, self.roles, self.memory = data, roles, MemoryPlan(memory_limit)
        self._task, self._recipe_name = task, recipe_name
        self._changes = dict(changes or {})
        self._has_own_validation = has_own_validation
        # Misspelled names and recipes of pictures raise before the table is read.
        recipe(recipe_name, "classification")
        if task is not None:
            check_choice("task", task, get_args(Task))
        self.passes = TablePasses(
            roles, self.memory, seed=int(self._changes.get("seed", 0)), is_strict=is_strict
        )
        self._lock: RunLock | None = None
        self._seen = traits_of_table(data)
        self._digests, self.sha256 = _digests(data)
        asked = [
            self.sha256, str(table_name(data)), roles.to_json(), task, recipe_name,
            sorted(self._changes.items()), has_own_validation, is_strict, memory_limit,
        ]  # fmt: skip
        self._asked = hashlib.sha256(json.dumps(asked, default=list).encode()).hexdigest()

    def steps(
        self, folder: Path, num_processes: int = 1, *, is_ours: bool = False
    ) -> Iterator[Preparation]:
        """Encode the table; resumes earlier work. The folder stays locked until `release`.

        Args:
            folder: of the shards; made if it is not there.
            num_processes: 1: this process alone.
            is_ours: shards of another table or with other settings may be replaced.

        Yields:
            The progress after each chunk of the table that is read, and after each shard.

        Raises:
            SettingsError: the limit is too small for this table; the message names the smallest.
            DataError: a file cannot be read or used.
            OutputError: the shards cannot be written, the disk is too full, or the folder holds
                something else.
            RunFolderError: another process is filling the folder.
        """
        manifest = self._take(folder, is_ours)
        if manifest is None:
            plan, about, sample = yield from self._judged(num_processes)
            self._clear(folder, plan)
            entry = write_sample(folder, plan.fingerprint, sample)
            manifest = Manifest(self._asked, plan, about, entry)
        else:
            warn_of(manifest.about["notes"])
        manifest.write(folder)
        num_all = int(manifest.about["num_rows_read"])
        self._require_room(folder, manifest)
        for num_done in encode_shards(folder, manifest, num_processes):
            yield Preparation("encoding", num_done, num_all)
        if traits_of_table(self.data) != self._seen:
            raise TableError(f"{self.data} was changed while it was read; start again")

    def release(self) -> None:
        """Unlock the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _judged(
        self, num_processes: int
    ) -> Generator[Preparation, None, tuple[ShardPlan, dict[str, Any], NDArray[np.float32]]]:
        """Read the whole table, and decide how it is encoded; the parts of a `Manifest`."""
        sizes = self.passes.sizes(self.data)
        survey, cuts, places = yield from self.passes.surveyed(self.data, sizes, num_processes)
        if not survey.num_rows:
            names = ", ".join(map(repr, self.roles.target))
            raise TableError(f"no row of {self.data} has a target {names}")
        reader = survey.reader()
        notes = survey.left_out.notes(self.roles.target, str(self.data))
        notes = (*notes, *notes_of_weights(survey.num_weight_zero), *reader.doubts)
        notes = tuple(map(places.told, notes))
        warn_of(notes)
        if survey.num_rows == 1:
            raise TableError("there is 1 row to train on; at least 2 are needed")
        with places.naming_files():
            chosen = choose_encoding(
                survey, self.roles.without(self.passes.unread), self.memory, str(self.data),
                task=self._task, recipe_name=self._recipe_name, changes=self._changes,
                has_own_validation=self._has_own_validation,
            )  # fmt: skip
        schema = replace(
            chosen.schema, target_formats=reader.number_formats,
            warnings=tuple(map(places.told, chosen.schema.warnings)),
        )  # fmt: skip
        points = ThousandsPoints.of(schema)
        files, head = self.passes.opened(self.data, points)
        plan = ShardPlan(
            files, self._digests, head,
            cuts.shards(self.memory.shard_bytes // chosen.row_bytes), reader, chosen.encoder,
            chosen.targets, chosen.draw, survey.mean_weight, self.roles.table_format, points,
            sizes.rows_at_once, self.memory.text_bytes,
        )  # fmt: skip
        about = {
            "name": table_name(self.data),
            "sha256": self.sha256,
            "roles": self.roles.to_json(),
            "schema": schema.to_json(),
            "num_rows": survey.num_rows,
            "num_rows_read": survey.num_rows_read,
            "left_out": asdict(survey.left_out),
            "sample_rows": chosen.sample_rows,
            "number_types": reader.number_types,
            "settings": {name: getattr(chosen.settings, name) for name in ENCODING_SETTINGS},
            "recipe": self._recipe_name,
            "example": _plain(chosen.example),
            "notes": notes,
        }
        sample = np.ascontiguousarray(chosen.inputs, dtype=np.float32)
        return plan, json.loads(json.dumps(about)), sample

    def _take(self, folder: Path, is_ours: bool) -> Manifest | None:
        """Lock the folder; the manifest of the same encoding, if there is one."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {folder}: {reason_of(error)}") from error
        self._lock = RunLock(folder)
        if is_shard_folder(folder):
            found: Manifest | None = None
            try:
                found = Manifest.read(folder)
            except TableError as error:
                if not is_ours:
                    raise OutputError(
                        f"{folder} cannot be gone on with: {error}; remove it, or name another "
                        "folder"
                    ) from error
            if found is not None and found.asked == self._asked:
                # The files may lie elsewhere now, or have been copied.
                files, _ = self.passes.opened(self.data, found.plan.points)
                return replace(found, plan=replace(found.plan, files=files))
            if not is_ours:
                raise OutputError(
                    f"{folder} holds shards of another table, or made with other arguments; name "
                    "another folder"
                )
        others = [
            path.name
            for path in folder.iterdir()
            if path.name != LOCK_NAME and not is_leftover(path)
        ]
        if others and not is_ours:
            raise OutputError(
                f"{folder} is not empty: it holds {sorted(others)[0]}; name another folder"
            )
        return None

    def _clear(self, folder: Path, plan: ShardPlan) -> None:
        """Remove what is in our folder, unless its shards follow the same plan."""
        with suppress(TableError):
            if Manifest.read(folder).plan.fingerprint == plan.fingerprint:
                return
        for path in folder.iterdir():
            if path.name != LOCK_NAME:
                path.unlink()

    def _require_room(self, folder: Path, manifest: Manifest) -> None:
        """Check that the disk has room."""
        needed = int(manifest.about["num_rows"]) * manifest.plan.row_bytes
        free = shutil.disk_usage(folder).free
        there = sum(path.stat().st_size for path in folder.iterdir())
        if there + free < needed + _SPARE_BYTES:
            raise OutputError(
                f"the encoded rows of {self.data} need {needed / 1e6:,.0f} MB, and the disk of "
                f"{folder} has {free / 1e6:,.0f} MB left; take a folder on a larger disk (without "
                "one named, XDG_CACHE_HOME says where)"
            )


def _plain(example: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table as JSON."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else str(value)
        for name, value in example.items()
    }


def _digests(path: str | Path) -> tuple[tuple[str, ...], str]:
    """SHA-256 of each file of a table, and of the table; read once."""
    place = Path(path).expanduser()
    if is_many_files(path) and is_there(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # reading the table gives them
            files = find_table_files(path)
        digests = digests_of(files)
        return digests, digest_of_digests(files, digests)
    try:
        place.stat()
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error
    digest = file_digest(path)
    if digest is None:
        raise TableError(f"cannot read {path}: it must be a file, as it is read several times")
    return (digest,), digest
