"""Encode a table into shards, in one process or several; a kill costs the shards that are open."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from multilayer.errors import DataWarning, OutputError, TableError
from multilayer.files import remove_leftovers
from multilayer.reading.many_files import read_ranges
from multilayer.shards.shard_file import ShardEntry, write_shard
from multilayer.shards.shard_folder import Manifest
from multilayer.shards.shard_plan import Arrays, ShardPlan

_ERRORS = {"OutputError": OutputError}  # any other is a TableError


def encode_shards(folder: Path, manifest: Manifest, num_processes: int = 1) -> Iterator[int]:
    """Encode the shards of a manifest that are not there yet, and complete the manifest.

    The bytes do not depend on the number of processes, nor on where an earlier attempt was stopped.

    Args:
        folder: that the manifest is in, which nobody else fills.
        manifest: whose `entries` need not be there.
        num_processes: 1: this process alone.

    Yields:
        How many rows of the table are encoded; at least once.

    Raises:
        TableError: a file cannot be read, was changed, or holds a value that does not fit.
        OutputError: a shard cannot be written.
    """
    remove_leftovers(folder)
    plan, entries = manifest.plan, manifest.whole_shards(folder)
    num_done = sum(entry.num_rows for entry in entries.values())
    missing = [number for number in range(len(plan.shards)) if number not in entries]
    if not missing:
        yield num_done
    parts = divided(plan, missing, num_processes)
    made = (
        _by_processes(folder, parts) if len(parts) > 1 else write_shards(folder, plan, missing)
    )  # fmt: skip
    for number, entry in made:
        entries[number] = entry
        num_done += entry.num_rows
        yield num_done
    replace(manifest, entries=tuple(entries[number] for number in sorted(entries))).write(folder)


def write_shards(
    folder: Path, plan: ShardPlan, numbers: Sequence[int]
) -> Iterator[tuple[int, ShardEntry]]:
    """Encode and write some shards of a plan, in order; see `encode_shards`."""
    wanted = [(plan.shards[number].file, plan.shards[number].rows) for number in numbers]
    # The same decoder has read the whole file before, in a process that it might have ended.
    reading = replace(plan.reading, decodes_here=True)
    pieces = read_ranges(plan.files, plan.head, reading, wanted) if wanted else iter(())
    current, shard = -1, _OpenShard(plan, -1)
    for place, frame in pieces:
        if place != current:
            if current >= 0:
                yield shard.number, shard.written(folder)
            current, shard = place, _OpenShard(plan, numbers[place])
        parts = plan.encoded(
            frame, plan.files[shard.rows.file], shard.rows.first_row + shard.num_rows,
            shard.rows.first_counting + shard.num_counting,
        )  # fmt: skip
        shard.add(len(frame), parts)
    if current >= 0:
        yield shard.number, shard.written(folder)


def divided(plan: ShardPlan, numbers: Sequence[int], num_parts: int) -> list[list[int]]:
    """Divide shards among processes, so that each has about as many rows.

    The shards of a text file stay together: it is read from its beginning.
    """
    is_text = plan.head.kind not in ("Parquet", "Arrow") or not plan.head.is_plain
    groups: dict[int, list[int]] = {}
    for number in numbers:
        groups.setdefault(plan.shards[number].file if is_text else number, []).append(number)
    rows = {key: sum(plan.shards[n].num_rows for n in group) for key, group in groups.items()}
    total, done = max(sum(rows.values()), 1), 0
    parts: list[list[int]] = [[] for _ in range(num_parts)]
    for key, group in groups.items():
        parts[min(num_parts - 1, (done + rows[key] // 2) * num_parts // total)] += group
        done += rows[key]
    return [part for part in parts if part]


class _OpenShard:
    """A shard that is being encoded."""

    def __init__(self, plan: ShardPlan, number: int) -> None:
        self._plan, self.number, self.rows = plan, number, plan.shards[number]
        self.num_rows = self.num_counting = 0
        num_arrays = 3 if plan.mean_weight is not None else 2
        self._parts: tuple[list[Arrays], list[Arrays]] = (
            [[] for _ in range(num_arrays)],
            [[] for _ in range(num_arrays)],
        )

    def add(self, num_rows: int, parts: tuple[Arrays, Arrays]) -> None:
        """Take encoded rows."""
        self.num_rows += num_rows
        for pieces_of_part, arrays in zip(self._parts, parts, strict=True):
            self.num_counting += len(arrays[0])
            for pieces, array in zip(pieces_of_part, arrays, strict=True):
                pieces.append(array)

    def written(self, folder: Path) -> ShardEntry:
        """Write the shard, once it has all rows."""
        file = self._plan.files[self.rows.file]
        if self.num_rows != self.rows.num_rows:
            raise TableError(f"{file.path} was changed while it was read; start again")
        return write_shard(folder, self.number, self._plan.fingerprint, self.num_rows, self._parts)


def _by_processes(folder: Path, parts: list[list[int]]) -> Iterator[tuple[int, ShardEntry]]:
    """Have each part encoded by a process of its own."""
    lines: queue.Queue[tuple[int, bytes]] = queue.Queue()
    processes = [_started(folder, part) for part in parts]
    said: set[str] = set()
    try:
        for place, process in enumerate(processes):
            assert process.stdout is not None
            threading.Thread(
                target=_pass_on, args=(place, process.stdout, lines), daemon=True
            ).start()
        are_open = set(range(len(processes)))
        while are_open:
            place, line = lines.get()
            if place not in are_open:  # the end of what it says, after its last word
                continue
            message = json.loads(line) if line else {}
            if "entry" in message:
                yield message["number"], ShardEntry(**message["entry"])
            elif "warning" in message:
                if message["warning"] not in said:
                    said.add(message["warning"])
                    warnings.warn(message["warning"], DataWarning, stacklevel=3)
            elif "error" in message:
                raise _ERRORS.get(message["kind"], TableError)(message["error"])
            elif "end" in message:
                are_open.remove(place)
            else:
                status = processes[place].wait()
                how = signal.Signals(-status).name if status < 0 else f"status {status}"
                raise TableError(
                    f"a process that encoded shards into {folder} was ended by {how}; run the same "
                    "again, and it goes on"
                )
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        with suppress(OutputError):  # what those that were ended had begun to write
            remove_leftovers(folder)


def _started(folder: Path, numbers: list[int]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603 (a part of this package, without a shell)
        [
            sys.executable,
            "-P",
            "-m",
            "multilayer.shards.encode_process",
            str(folder.absolute()),
            str(os.getpid()),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={
            "POLARS_MAX_THREADS": "1",  # the processes share the cores
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        start_new_session=True,  # control-c goes to this process only
    )
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(json.dumps(numbers).encode())
    return process


def _pass_on(place: int, output: IO[bytes], lines: "queue.Queue[tuple[int, bytes]]") -> None:
    """Hand the lines of a process on; at its end one that is empty."""
    try:
        for line in output:
            lines.put((place, line))
    except ValueError:  # closed, as nobody listens any more
        return
    lines.put((place, b""))
