"""The process that decodes Parquet and Arrow files, and how it ends."""

import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from multilayer.errors import TableError
from multilayer.reading import columnar as read_columnar
from multilayer.reading import columnar_process
from multilayer.reading.table import read_table, read_table_pieces

WATCH = """
import sys, threading, time
from multilayer.reading import columnar_process
columnar_process._SECONDS_OF_STANDING_STILL = 0.3
sender = columnar_process.Sender(sys.stdout.buffer)
sender.waits = {waits}
threading.Thread(target=columnar_process.leave_if_still, args=(sender,), daemon=True).start()
{work}
"""
STANDING, WORKING = "time.sleep(20)", "end = time.time() + 2\nwhile time.time() < end: pass"


@pytest.mark.parametrize(
    ("waits", "work", "status"),
    [(False, STANDING, 3), (False, WORKING, 0), (True, STANDING.replace("20", "2"), 0)],
    ids=["stands still", "computes", "waits for the reader"],
)
def test_one_that_stands_still_ends(waits: bool, work: str, status: int) -> None:
    program = WATCH.format(waits=waits, work=work)
    assert subprocess.run([sys.executable, "-c", program]).returncode == status


def test_how_it_died_is_said() -> None:
    assert read_columnar._death(3) == "the decoder made no progress"
    assert read_columnar._death(-6) == "the decoder was ended by SIGABRT"
    assert read_columnar._death(1) == "the decoder ended with status 1"


def test_a_reader_that_stops_leaves_no_process(tmp_path: Path, monkeypatch) -> None:
    started = []
    real = subprocess.Popen

    def remembered(*arguments, **options):
        started.append(real(*arguments, **options))
        return started[-1]

    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": range(1_000_000)}).write_parquet(path)
    monkeypatch.setattr(read_columnar.subprocess, "Popen", remembered)
    pieces = read_table_pieces(path, rows_at_once=100_000)
    assert len(next(pieces)) == 100_000
    pieces.close()
    deadline = time.monotonic() + 600
    while started[0].poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert started[0].returncode is not None


def test_rows_come_in_order_and_whole(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(250_000), "b": [f"é{n % 7}" for n in range(250_000)]})
    for name in ("t.parquet", "t.arrow"):
        path = tmp_path / name
        (frame.write_parquet if name == "t.parquet" else frame.write_ipc)(path)
        assert read_table(path).equals(frame)
        assert [len(piece) for piece in islice(read_table_pieces(path), 3)] == [
            100_000, 100_000, 50_000,
        ]  # fmt: skip


def test_a_file_that_is_gone_when_it_is_decoded_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="t is not a readable Arrow file: No such file"):
        list(read_columnar.read_columnar_pieces(tmp_path / "t", False, "t", None))


def test_it_ends_with_the_one_that_asked() -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'multilayer.reading.columnar_process',\n"
        "    '-', 'parquet', 't', '0', str(__import__('os').getpid())], stdin=subprocess.PIPE,\n"
        "    pass_fds=(int(sys.argv[1]),))\n"
        "print(child.pid, flush=True)\n"
        "input()\n"
    )
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", program, str(writing)],
        pass_fds=(writing,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 0
        os.close(writing)
        parent.kill()
    assert os.read(reading, 1) == b""  # once nobody is left to write
    os.close(reading)


@pytest.mark.parametrize("rows_at_once", [None, 1000])
def test_more_rows_than_the_bytes_can_hold_are_refused_before_they_are_decoded(
    tmp_path, monkeypatch, rows_at_once
):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": pl.repeat(1.5, 10**6, eager=True)}).write_parquet(path)
    monkeypatch.setattr(columnar_process, "_LEAST_UNPACKED_BYTES", 0)
    pieces = columnar_process.decoded_pieces(path, True, "t.parquet", rows_at_once)
    with pytest.raises(TableError, match="1,000,000 rows and 1 columns in .* keep fewer rows"):
        next(pieces)
