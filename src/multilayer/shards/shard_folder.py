"""A folder of shards and its manifest."""

import json
import warnings
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.encoded_map import EncodedMap, EncodedRows, RowFile, RowFiles
from multilayer.errors import DataWarning, SettingsError, TableError, reason_of
from multilayer.files import write_text
from multilayer.ordinary_files import read_regular
from multilayer.shards.shard_file import SAMPLE, ShardEntry, read_entry, row_files, shard_name
from multilayer.shards.shard_plan import ShardPlan

MANIFEST = "shards.json"
_FORMAT_VERSION = 1
_LARGEST_BYTES = 2**30


def is_shard_folder(path: str | Path) -> bool:
    """Whether a path is a folder of shards."""
    try:
        return (Path(path).expanduser() / MANIFEST).is_file()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Manifest:
    """What is in a folder of shards.

    Attributes:
        asked: identifies table and arguments that the shards were made of.
        plan: how rows become shards.
        about: what the training needs to know besides, as JSON.
        entries: the shards; empty until all are there.
        sample: inputs of training rows of the sample, to initialize networks with.
        format_version: of these files.
    """

    asked: str
    plan: ShardPlan
    about: dict[str, Any]
    sample: ShardEntry
    entries: tuple[ShardEntry, ...] = ()
    format_version: int = field(default=_FORMAT_VERSION)

    @property
    def is_complete(self) -> bool:
        """Whether all shards are there."""
        return len(self.entries) == len(self.plan.shards)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a folder.

        Raises:
            TableError: there is none, or it is damaged or of another version.
        """
        path = folder / MANIFEST
        try:
            document = json.loads(read_regular(path, _LARGEST_BYTES))
        except OSError as error:
            raise TableError(f"cannot read {path}: {reason_of(error)}") from error
        except ValueError as error:
            raise TableError(f"{path} is damaged: it is no JSON ({error})") from error
        try:
            version = document["format_version"]
            if version != _FORMAT_VERSION:
                raise TableError(
                    f"{path} is of format {version}, and this version reads {_FORMAT_VERSION}; "
                    "encode the table again"
                )
            return cls(
                document["asked"],
                ShardPlan.from_json(document["plan"]),
                dict(document["about"]),
                ShardEntry(**document["sample"]),
                tuple(ShardEntry(**entry) for entry in document["entries"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError, SettingsError) as error:
            if isinstance(error, TableError) and str(path) in str(error):
                raise
            raise TableError(f"{path} is damaged or of another version: {error}") from error

    def write(self, folder: Path) -> None:
        """Write it to a folder, atomically.

        Raises:
            OutputError: it cannot be written.
        """
        document = {
            "format_version": self.format_version,
            "asked": self.asked,
            "plan": self.plan.to_json(),
            "about": self.about,
            "sample": asdict(self.sample),
            "entries": [asdict(entry) for entry in self.entries],
        }
        write_text(folder / MANIFEST, json.dumps(document))

    def whole_shards(self, folder: Path) -> dict[int, ShardEntry]:
        """The shards of the plan that are in a folder and undamaged, by their numbers."""
        found = {}
        for number in range(len(self.plan.shards)):
            path = folder / shard_name(number)
            if not path.exists():
                continue
            entry, reason = read_entry(path), f"the shard {path} is damaged"
            try:
                if entry is not None and entry.plan == self.plan.fingerprint:
                    entry.require_whole(folder)
                    found[number] = entry
                    continue
            except TableError as error:
                reason = str(error)
            warnings.warn(f"{reason}; its rows are encoded again", DataWarning, stacklevel=3)
        return found

    def sample_inputs(self, folder: Path) -> NDArray[np.float32]:
        """The inputs of the sample, (num_rows, num_inputs).

        Raises:
            TableError: they are missing or damaged.
        """
        replace(self.sample, name=SAMPLE).require_whole(folder)
        file = RowFile(folder / SAMPLE, "float32", (self.plan.encoder.row_width,))
        inputs = file.empty(self.sample.num_learned)
        file.read([range(len(inputs))], inputs)
        return inputs

    def opened(self, folder: Path) -> EncodedMap:
        """The encoded rows, once each shard has been checked.

        Raises:
            TableError: shards are missing, damaged, or of another plan than the manifest's; the
                error names the first.
        """
        if not self.is_complete:
            raise TableError(
                f"the shards in {folder} are not complete: the encoding was stopped; run it again "
                "and it goes on"
            )
        kinds = [("float32", (self.plan.encoder.row_width,)), self.plan.target_type]
        kinds += [("float32", ())] if self.plan.mean_weight is not None else []
        learned: list[list[RowFile]] = []
        held_out: list[list[RowFile]] = []
        for number, entry in enumerate(self.entries):
            path = folder / shard_name(number)
            if entry.name != path.name:
                raise TableError(
                    f"{folder / MANIFEST} is damaged: shard {number} is {entry.name!r}"
                )
            there = read_entry(path)
            if there is not None and there.plan != self.plan.fingerprint:
                raise TableError(f"the shard {path} is of another table or encoding")
            entry.require_whole(folder)
            parts = row_files(path, entry, kinds)
            learned.append(parts[0])
            held_out.append(parts[1])
        counts = [entry.num_learned for entry in self.entries]
        if not sum(counts):
            raise TableError(f"the shards in {folder} have no training rows")
        return EncodedMap(
            self._rows("learned", learned, counts),
            self._rows("held_out", held_out, [entry.num_held_out for entry in self.entries]),
        )

    def _rows(self, name: str, files: list[list[RowFile]], counts: list[int]) -> EncodedRows:
        inputs, targets, *weights = (
            RowFiles(tuple(of_array), tuple(counts)) for of_array in zip(*files, strict=True)
        )
        return EncodedRows(
            sum(counts), inputs, targets, weights[0] if weights else None,
            f"{name} {self.plan.fingerprint}",
        )  # fmt: skip
