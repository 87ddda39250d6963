"""What happens on a real disk that is full, has no room for names, or takes no writing.

As a process of its own, in a namespace where it may mount: `python -m faults.on_small_disk
SCENARIO FOLDER` mounts a small disk on the folder, and prints how many failures it looked at.
"""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from faults.test_faults import WRITERS, old_and_new, outcome, run

from multilayer.errors import OutputError
from multilayer.fit import encode_table, memory_plan
from multilayer.fit.column_roles import ColumnRoles
from multilayer.growing_files import append_line
from multilayer.ordinary_files import whole_lines

PAGE = 4096
DISK_PAGES = 256


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)


def complaint(work: Callable[..., object], *arguments: object) -> str | None:
    """What a writer says if it fails."""
    try:
        work(*arguments)
    except OutputError as error:
        assert "\n" not in str(error)
        return str(error)
    return None


def fill(folder: Path, num_free_pages: int) -> None:
    """Leave so much room on the disk."""
    try:
        with (folder / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(PAGE)):
                pass
    except OSError as error:
        assert error.errno == errno.ENOSPC
    size = (folder / "filler").stat().st_size
    os.truncate(folder / "filler", max(0, size - num_free_pages * PAGE))


def full(folder: Path) -> int:
    """Every writer, with room for less than what it writes; then with enough."""
    mount(folder, f"size={DISK_PAGES * PAGE}")
    num_failures = 0
    for name, (write, read) in WRITERS.items():
        place = folder / name
        place.mkdir()
        old, new = old_and_new(place, write, read)
        for num_free_pages in range(100):
            fill(folder, num_free_pages)
            said = complaint(write, place)
            if said is None:
                break
            assert said == f"cannot write {place / 'file'}: no space left on device"
            assert read(place / "file") == old
            assert not list(place.glob(".*"))
            num_failures += 1
        else:
            raise AssertionError("it never fits")
        assert read(place / "file") == new
        (folder / "filler").unlink()
    return num_failures + full_lines(folder / "lines")


def full_lines(path: Path) -> int:
    """Lines are added until there is no room; all that were added are there."""
    num_lines = 0
    while complaint(append_line, path, f"line {num_lines} " + "x" * 1000) is None:
        num_lines += 1
    assert len(whole_lines(path)) == num_lines > 10
    assert "no space" in (complaint(append_line, path, "x" * PAGE) or "")
    assert len(whole_lines(path)) == num_lines
    return 2


def full_run(folder: Path) -> int:
    """A run with checkpoints meets the end of the disk at many places, and goes on from there."""
    mount(folder, f"size={DISK_PAGES * PAGE}")
    (folder / "clean").mkdir()
    run(folder / "clean")
    expected, num_failures = outcome(folder / "clean"), 0
    place = folder / "run"
    for num_free_pages in range(60):
        place.mkdir()
        fill(folder, num_free_pages)
        said = complaint(run, place)
        (folder / "filler").unlink()
        if said is not None:
            assert "no space left on device" in said
            num_failures += 1
            run(place)
        assert outcome(place) == expected
        for path in sorted(place.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        place.rmdir()
        if said is None:
            return num_failures
    raise AssertionError("it never fits")


def no_names(folder: Path) -> int:
    """The disk has room, and no inode for another file."""
    mount(folder, f"size={DISK_PAGES * PAGE},nr_inodes=40")
    places = {name: folder / name for name in WRITERS}
    states = {}
    for name, (write, read) in WRITERS.items():
        places[name].mkdir()
        states[name] = old_and_new(places[name], write, read)
    append_line(folder / "lines", "first")
    takers = []
    try:
        while True:
            takers.append(folder / f"taker-{len(takers)}")
            takers[-1].touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC
    for name, (write, read) in WRITERS.items():
        said = complaint(write, places[name])
        assert said == f"cannot write {places[name] / 'file'}: no space left on device"
        assert read(places[name] / "file") == states[name][0]
    append_line(folder / "lines", "second")  # needs none
    takers[0].unlink()
    for name, (write, read) in WRITERS.items():
        write(places[name])
        assert read(places[name] / "file") == states[name][1]
    assert whole_lines(folder / "lines") == ["first", "second"]
    return len(WRITERS)


def read_only(folder: Path) -> int:
    """The disk takes no writing any more, as disks do that have failed."""
    mount(folder, f"size={DISK_PAGES * PAGE}")
    states = {}
    for name, (write, read) in WRITERS.items():
        (folder / name).mkdir()
        states[name] = old_and_new(folder / name, write, read)
    append_line(folder / "lines", "first")
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    for name, (write, read) in WRITERS.items():
        said = complaint(write, folder / name)
        assert said == f"cannot write {folder / name / 'file'}: read-only file system"
        assert read(folder / name / "file") == states[name][0]
    assert "read-only" in (complaint(append_line, folder / "lines", "second") or "")
    assert whole_lines(folder / "lines") == ["first"]
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    for name, (write, read) in WRITERS.items():
        write(folder / name)
        assert read(folder / name / "file") == states[name][1]
    return len(WRITERS) + 1


def limited(folder: Path) -> int:
    """A quota of so many bytes a file, which needs no mount."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    num_failures = 0
    for name, (write, read) in WRITERS.items():
        place = folder / name
        place.mkdir()
        old, new = old_and_new(place, write, read)
        size = (place / "new" / "file").stat().st_size
        for most in (*range(0, size, max(1, size // 50)), size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            said = complaint(write, place)
            assert said == f"cannot write {place / 'file'}: file too large"
            assert read(place / "file") == old
            assert not list(place.glob(".*"))
            num_failures += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        write(place)
        assert read(place / "file") == new
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return num_failures


def shards(folder: Path) -> int:
    """The disk is full while shards are written; what was written stays, and it goes on."""
    table = folder.parent / "table"
    table.mkdir()
    generator = np.random.default_rng(0)
    for number in range(4):
        x = generator.normal(size=2000)
        pl.DataFrame({"x": x, "y": 2 * x + generator.normal(size=2000)}).write_csv(
            table / f"{number}.csv"
        )
    memory_plan._LARGEST_SHARD_BYTES = PAGE
    encode_table._SPARE_BYTES = 0
    real, pages = encode_table.encode_shards, [0]

    def with_little_room(place: Path, *arguments: object) -> object:
        if pages[0]:
            fill(folder, pages[0])
        yield from real(place, *arguments)

    encode_table.encode_shards = with_little_room

    def encode(place: Path, num_processes: int) -> None:
        encoding = encode_table.TableEncoding(table, ColumnRoles(("y",)), 700_000_000)
        try:
            for _ in encoding.steps(place, num_processes):
                pass
        finally:
            encoding.release()

    mount(folder, f"size={DISK_PAGES * PAGE}")
    encode(folder.parent / "whole", 1)
    whole = {path.name: path.read_bytes() for path in (folder.parent / "whole").iterdir()}
    num_failures = 0
    for num_processes, num_free_pages in ((1, 1), (1, 8), (2, 8)):
        place, pages[0] = folder / f"{num_processes}-{num_free_pages}", num_free_pages
        said = complaint(encode, place, num_processes)
        assert said is not None
        assert re.fullmatch(rf"cannot write {place}/0\d+\.shard: no space left on device", said), (
            said
        )
        assert not list(place.glob(".*.part"))
        there = {path: path.stat().st_mtime_ns for path in place.glob("0*.shard")}
        assert bool(there) == (num_free_pages > 4)
        assert len(there) < len(whole) - 4
        (folder / "filler").unlink()
        pages[0] = 0
        encode(place, num_processes)
        assert {path.name: path.read_bytes() for path in place.iterdir()} == whole
        assert {path: path.stat().st_mtime_ns for path in there} == there  # not made again
        num_failures += 1
    return num_failures


SCENARIOS = {
    work.__name__: work for work in (full, full_run, no_names, read_only, limited, shards)
}  # fmt: skip


if __name__ == "__main__":
    print(SCENARIOS[sys.argv[1]](Path(sys.argv[2])))
