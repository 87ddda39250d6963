"""Shards: the same bytes from any number of processes, and what is wrong is named."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoded_map import RowFile, RowFiles
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.row_draw import RowDraw
from multilayer.encoding.row_reader import RowReader
from multilayer.encoding.targets import Targets
from multilayer.errors import (
    DataWarning,
    OutputError,
    RunFolderError,
    SettingsError,
    TableError,
)
from multilayer.files import write_text
from multilayer.fit import memory_plan, survey_parts
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.encode_table import TableEncoding
from multilayer.fit.fit import Fit
from multilayer.fit.large_table import LargeTable
from multilayer.fit.survey_parts import Part
from multilayer.fit.table_passes import TablePasses
from multilayer.reading.many_files import open_table
from multilayer.reading.one_file import Reading
from multilayer.runs.run import Run
from multilayer.runs.shards_of_run import configuration_of_shards
from multilayer.runs.sources import open_source
from multilayer.shards.encode_shards import divided
from multilayer.shards.shard_folder import Manifest, is_shard_folder
from multilayer.shards.shard_plan import ShardCuts, ShardPlan, ShardRows

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

LIMIT = 700_000_000
NUM_ROWS = 3000
QUICK = {"hidden_widths": (8,), "max_epochs": 2}


def table(num_rows: int = NUM_ROWS) -> pl.DataFrame:
    generator = np.random.default_rng(0)
    x = generator.normal(size=num_rows)
    town = generator.choice([f"town {place}" for place in range(20)], num_rows)
    y = pl.Series("y", 2 * x + generator.normal(0, 0.1, num_rows))
    return pl.DataFrame(
        {"x": x, "town": town, "w": generator.integers(0, 4, num_rows)}
    ).with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 3).then(None).otherwise(y).alias("y"),
        pl.when(pl.col("x") > 0).then(pl.lit("up")).otherwise(pl.lit("down")).alias("label"),
    )


def write(frame: pl.DataFrame, folder: Path, kind: str, num_files: int = 3) -> Path:
    folder.mkdir(parents=True)
    ends = np.linspace(0, len(frame), num_files + 1).astype(int).tolist()
    for number, start in enumerate(ends[:-1]):
        part = frame[start : ends[number + 1]]
        path = folder / f"part-{number}.{kind}"
        {"csv": part.write_csv, "parquet": part.write_parquet, "jsonl": part.write_ndjson}[kind](
            path
        )
    return folder


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_plan, "_LARGEST_SHARD_BYTES", 5_000)


def encoding(data: Path, **options: object) -> TableEncoding:
    roles = {"target": ("y",), "drop": ("label", "w"), **options.pop("roles", {})}
    return TableEncoding(data, ColumnRoles(**roles), LIMIT, **options)


def encoded(data: Path, folder: Path, num_processes: int = 1, **options: object) -> Path:
    made = encoding(data, **options)
    try:
        for _ in made.steps(folder, num_processes):
            pass
    finally:
        made.release()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_shards_hold_what_encoding_at_once_gives(tmp_path: Path) -> None:
    data = write(table(), tmp_path / "t", "csv")
    options = {"roles": {"weight": "w", "drop": ("label",)}}
    shards = encoded(data, tmp_path / "s", **options)
    manifest = Manifest.read(shards)
    assert manifest.is_complete
    assert len(manifest.entries) > 6
    assert max(path.stat().st_size for path in shards.glob("0*.shard")) < 6_000
    plan, rows = manifest.plan, manifest.opened(shards)
    counting = table().filter(pl.col("y").is_not_null() & (pl.col("w") > 0))
    is_held_out = plan.draw.is_held_out(counting, np.arange(len(counting)))
    assert is_held_out.any()
    for part, kept in ((rows.learned, ~is_held_out), (rows.held_out, is_held_out)):
        expected = counting.filter(kept)
        inputs, targets, weights = part.read()
        np.testing.assert_array_equal(inputs, plan.encoder.encode(expected))
        np.testing.assert_array_equal(targets, plan.targets.encode(expected["y"]))
        mean = counting["w"].mean()
        np.testing.assert_allclose(weights, expected["w"].to_numpy() / mean, rtol=1e-6)
    assert manifest.about["left_out"]["num_without_target"] == 300
    assert [len(digest) for digest in plan.digests] == [64] * 3


@pytest.mark.parametrize("kind", ["csv", pytest.param("parquet", marks=pytest.mark.long)])
def test_any_number_of_processes_gives_the_same_bytes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reads the table in order; several each read parts of it."""
    monkeypatch.setattr(memory_plan, "_MOST_SAMPLED", 500)
    data = write(table(), tmp_path / "t", kind)
    expected = content(encoded(data, tmp_path / "1", 1))
    monkeypatch.setattr(survey_parts, "_FEWEST_BYTES", 0)
    monkeypatch.setattr(survey_parts, "_PART_BYTES", 5_000)
    monkeypatch.setattr(TablePasses, "_in_order", None)
    for num_processes in (2, 3):
        found = encoded(data, tmp_path / str(num_processes), num_processes)
        assert content(found) == expected


def test_parts_with_an_error_are_read_again_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(table(), tmp_path / "t", "csv")
    path = data / "part-2.csv"
    path.write_text(path.read_text() + "1,2\n")
    messages = []
    for fewest in (2**25, 0):
        monkeypatch.setattr(survey_parts, "_FEWEST_BYTES", fewest)
        with pytest.raises(TableError) as caught:
            encoded(data, tmp_path / str(fewest), 2)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "part-2.csv (line 1002) has 2 fields, it must have 5" in messages[0]


def test_parts_of_a_file_are_whole_chunks() -> None:
    for num_rows in (0, 1, 299, 300, 301, 1234):
        parts = [Part(0, place, 3).rows(num_rows, 100) for place in range(3)]
        assert [row for part in parts for row in part] == list(range(num_rows))
        assert all(part.start % 100 == 0 for part in parts)


def test_shards_are_divided_by_rows_and_text_files_stay_whole(tmp_path: Path) -> None:
    made = Manifest.read(encoded(write(table(), tmp_path / "t", "csv"), tmp_path / "s")).plan
    for kind in ("Parquet", "CSV"):
        plan = replace(made, head=replace(made.head, kind=kind))
        numbers = list(range(len(plan.shards)))
        for num_parts in (1, 2, 3, 50):
            parts = divided(plan, numbers, num_parts)
            assert sorted(number for part in parts for number in part) == numbers
            assert len(parts) <= num_parts
            if kind == "CSV":
                files = [{plan.shards[number].file for number in part} for part in parts]
                assert sum(map(len, files)) == 3
        sizes = [
            sum(plan.shards[number].num_rows for number in part)
            for part in divided(plan, numbers, 3)
        ]
        assert max(sizes) - min(sizes) <= 1000


def kill_after(shards: Path, num_shards: int, data: Path, num_processes: int) -> None:
    """Encode as a process of its own, and kill it with those that it has started."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from multilayer.fit import memory_plan\n"
        "memory_plan._LARGEST_SHARD_BYTES = 5_000\n"
        "from multilayer.fit.encode_table import TableEncoding\n"
        "from multilayer.fit.column_roles import ColumnRoles\n"
        "made = TableEncoding(Path(sys.argv[1]), ColumnRoles(('y',), drop=('label', 'w')),"
        f" {LIMIT})\n"
        "for _ in made.steps(Path(sys.argv[2]), int(sys.argv[3])): pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(data), str(shards), str(num_processes)]
    )
    while process.poll() is None and len(list(shards.glob("0*.shard"))) < num_shards:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("num_processes", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_kill_costs_open_shards_alone(num_processes: int, tmp_path: Path) -> None:
    data = write(table(20_000), tmp_path / "t", "csv", 4)
    whole = content(encoded(data, tmp_path / "whole"))
    shards = tmp_path / "shards"
    kill_after(shards, 3, data, num_processes)
    assert is_shard_folder(shards)
    with pytest.raises(TableError, match="not complete: the encoding was stopped"):
        Manifest.read(shards).opened(shards)
    time.sleep(0.6)  # those that were started notice that they are alone
    there = {path.name: path.stat().st_mtime_ns for path in shards.glob("0*.shard")}
    assert 3 <= len(there) < len(whole) - 2
    encoded(data, shards, 3 - num_processes)
    assert content(shards) == whole
    for name, written in there.items():
        assert (shards / name).stat().st_mtime_ns == written  # not made again


def test_a_disk_that_is_full_costs_the_open_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On real disks: tests/faults/test_full_disk.py."""
    data, shards = write(table(), tmp_path / "t", "csv"), tmp_path / "shards"
    whole, real = content(encoded(data, tmp_path / "whole")), os.write

    def written(descriptor: int, content: bytes) -> int:
        if (shards / "000002.shard").exists() and len(content) > 1000:
            real(descriptor, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content)

    with monkeypatch.context() as patch:
        patch.setattr("multilayer.files.os.write", written)
        with pytest.raises(OutputError) as caught:
            encoded(data, shards)
    assert str(caught.value) == f"cannot write {shards / '000003.shard'}: no space left on device"
    assert not list(shards.glob(".*.part"))
    there = {path: path.stat().st_mtime_ns for path in shards.glob("0*.shard")}
    assert len(there) == 3
    encoded(data, shards)
    assert content(shards) == whole
    assert {path: path.stat().st_mtime_ns for path in there} == there  # not made again


def test_a_process_that_is_killed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(table(), tmp_path / "t", "csv")
    program = "import os; os.kill(os.getpid(), 9)"
    monkeypatch.setattr(
        "multilayer.shards.encode_shards._started",
        lambda *_: subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE),
    )
    with pytest.raises(TableError, match=r"process that encoded shards into .* by SIGKILL; run"):
        encoded(data, tmp_path / "s", 2)


@pytest.mark.parametrize("num_processes", [1, 2])
def test_an_error_names_the_file_and_the_row(
    num_processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a row that is not in the sample, so that only the encoding finds it."""
    monkeypatch.setattr(memory_plan, "_MOST_SAMPLED", 100)
    data = write(table().with_columns(pl.col("x").cast(pl.String)), tmp_path / "t", "csv")
    path = data / "part-2.csv"
    lines = path.read_text().split("\n")
    lines[900] = "bad" + lines[900][lines[900].index(",") :]
    path.write_text("\n".join(lines))
    with pytest.raises(TableError, match=rf"^row 900 of column 'x' of {path} must be a number"):
        encoded(data, tmp_path / "s", num_processes, roles={"as_kind": {"x": "numeric"}})
    lines[900] = lines[901]
    path.write_text("\n".join(lines))
    with pytest.raises(OutputError, match="holds shards of another table"):
        encoded(data, tmp_path / "s", num_processes, roles={"as_kind": {"x": "numeric"}})


def test_damaged_shards_are_named(tmp_path: Path) -> None:
    data = write(table(), tmp_path / "t", "csv")
    shards = encoded(data, tmp_path / "s")
    manifest, path = Manifest.read(shards), shards / "000002.shard"
    whole = path.read_bytes()

    def refused() -> str:
        with pytest.raises(TableError) as caught:
            Manifest.read(shards).opened(shards)
        return str(caught.value)

    path.unlink()
    assert refused() == f"cannot read the shard {path}: no such file or directory"
    path.write_bytes(whole[:1000])
    assert f"the shard {path} is cut short:" in refused()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert refused() == f"the shard {path} was changed or damaged: its checksum is wrong"
    path.write_bytes((shards / "000001.shard").read_bytes())
    assert f"the shard {path} was changed or damaged" in refused()
    other = encoded(write(table()[::-1], tmp_path / "o", "csv"), tmp_path / "other")
    path.write_bytes((other / path.name).read_bytes())
    assert refused() == f"the shard {path} is of another table or encoding"
    with pytest.warns(
        DataWarning, match=f"the shard {path} is damaged; its rows are encoded again"
    ):
        encoded(data, shards)
    assert path.read_bytes() == whole
    document = json.loads((shards / "shards.json").read_text())
    for change, message in (
        ({"format_version": 9}, "is of format 9, and this version reads 1"),
        ({"plan": {}}, "is damaged or of another version"),
        ({"entries": [{}]}, "is damaged or of another version"),
    ):
        write_text(shards / "shards.json", json.dumps(document | change))
        with pytest.raises(TableError, match=message):
            Manifest.read(shards)
    document["entries"][0]["name"] = "../t/part-0.csv"
    write_text(shards / "shards.json", json.dumps(document))
    assert "shard 0 is '../t/part-0.csv'" in refused()
    (shards / "shards.json").write_text("{")
    with pytest.raises(TableError, match=r"shards.json is damaged: it is no JSON"):
        Manifest.read(shards)
    (shards / "sample.shard").write_bytes(b"")
    with pytest.raises(TableError, match=r"sample.shard is cut short"):
        manifest.sample_inputs(shards)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    data = write(table(), tmp_path / "t", "csv")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"full is not empty: it holds mine.txt"):
        encoded(data, full)
    shards = encoded(data, tmp_path / "s")
    before = content(shards)
    with pytest.raises(OutputError, match="holds shards of another table, or made with other arg"):
        encoded(data, shards, changes={"one_hot_limit": 3})
    encoded(data, shards)  # complete already
    assert content(shards) == before
    first = encoding(data)
    next(first.steps(tmp_path / "two"))
    with pytest.raises(RunFolderError, match=f"in use by process {os.getpid()}"):
        encoded(data, tmp_path / "two")
    first.release()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the folder"):
        encoded(data, tmp_path / "file" / "s")


def test_files_that_change_or_go_are_named(tmp_path: Path) -> None:
    data = write(table(), tmp_path / "t", "csv")
    for number, change in enumerate(("changed", "gone", "more")):
        made = encoding(data)
        steps = made.steps(tmp_path / f"s{number}")
        assert next(step for step in steps if step.part == "encoding").num_done
        path = data / "part-2.csv"
        kept = path.read_bytes()
        if change == "changed":
            table()[:1000].write_csv(path)
        elif change == "gone":
            path.unlink()
        else:
            table()[:10].write_csv(data / "part-3.csv")
        with pytest.raises(TableError, match=r"was changed while it was read|[Nn]o such file"):
            list(steps)
        made.release()
        path.write_bytes(kept)


def test_training_from_shards_is_training_within_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = write(table(), tmp_path / "t", "csv")
    roles = ColumnRoles(("label",), drop=("y", "w"))
    large = LargeTable(data, roles, LIMIT, recipe_name="fast", changes=QUICK)
    assert list(large.prepare())
    expected = Fit(large.prepared)
    for _ in expected.epochs():
        pass
    shards = encoded(data, tmp_path / "s", recipe_name="fast", roles={
        "target": ("label",), "drop": ("y", "w")})  # fmt: skip
    for path in data.iterdir():
        path.unlink()  # the table is not needed any more
    configuration = configuration_of_shards(
        shards, None, QUICK, tmp_path / "run", flags={}, memory_limit=LIMIT
    )
    source = open_source(configuration)
    assert list(source.prepare()) == []
    run = Run(configuration, source)
    for _ in run.epochs():
        pass
    run.finish()
    assert torch.equal(run.fit.network.parameters, expected.network.parameters)
    assert is_shard_folder(shards)  # they stay
    document = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert document["data"]["load"] == str(shards)
    large.remove()
    with pytest.raises(SettingsError, match="--target does not go with shards"):
        configuration_of_shards(shards, None, {}, flags={"--target": ["y"]})
    for changes, message in (
        ({"one_hot_limit": 3}, "one_hot_limit was 0 when .* was encoded, and cannot be 3"),
        ({"validation_fraction": 0.5}, r"validation_fraction was 0\.\d+ when"),
    ):
        with pytest.raises(SettingsError, match=message):
            list(open_source(configuration_of_shards(shards, None, changes, flags={})).prepare())
    with pytest.raises(SettingsError, match="--validation does not go with shards"):
        LargeTable(shards, roles, LIMIT, validation=data)


def test_shards_without_held_out_rows_hold_none_out(tmp_path: Path) -> None:
    data = write(table(), tmp_path / "t", "csv")
    shards = encoded(data, tmp_path / "s", changes={"validation_fraction": 0.0})
    configuration = configuration_of_shards(shards, None, QUICK, flags={}, memory_limit=LIMIT)
    source = open_source(configuration)
    list(source.prepare())
    assert source.settings.validation_fraction == 0
    assert source.fit.num_held_out is None
    pack = configuration_of_shards(shards, "pack", QUICK, flags={}, memory_limit=LIMIT)
    with pytest.raises(SettingsError, match="a pack is mixed by .* none are held out"):
        list(open_source(pack).prepare())


def test_rows_are_read_across_files(tmp_path: Path) -> None:
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    counts = (0, 7, 0, 1, 12, 0)
    files, start = [], 0
    for number, count in enumerate(counts):
        path = tmp_path / str(number)
        path.write_bytes(b"before" + rows[start : start + count].tobytes() + b"after")
        files.append(RowFile(path, "float32", (2,), 6))
        start += count
    several = RowFiles(tuple(files), counts)
    assert several.row_bytes == 8
    generator = np.random.default_rng(0)
    for _ in range(200):
        ends = np.sort(generator.integers(0, 21, size=6)).tolist()
        ranges = [range(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True)]
        found = several.empty(sum(map(len, ranges)))
        several.read(ranges, found)
        np.testing.assert_array_equal(
            found, np.concatenate([rows[r.start : r.stop] for r in ranges])
        )
    (tmp_path / "4").write_bytes(b"short")
    with pytest.raises(TableError, match="4 is shorter than it was"):
        several.read([range(5, 20)], several.empty(15))


def test_blocks_are_counted_however_the_table_is_cut() -> None:
    generator = np.random.default_rng(0)
    sizes = (23, 0, 9, 41)
    counts = [generator.random(size) < 0.7 for size in sizes]
    expected = None
    for _ in range(20):
        cuts = ShardCuts(5)
        for file, of_file in enumerate(counts):
            places = np.sort(generator.integers(0, len(of_file) + 1, size=3)).tolist()
            for start, end in zip([0, *places], [*places, len(of_file)], strict=True):
                cuts.add(file, start, end - start, np.flatnonzero(of_file[start:end]))
        shards = cuts.shards(12)
        expected = shards if expected is None else expected
        assert shards == expected
    assert sum(shard.num_rows for shard in expected) == sum(sizes)
    assert {shard.num_rows for shard in expected} == {10, 3, 9, 1}
    every = np.concatenate(counts)
    starts = np.cumsum([0, *sizes])
    for shard in expected:
        first = starts[shard.file] + shard.first_row
        assert shard.first_counting == every[:first].sum()


def test_a_plan_is_read_back_as_it_was(tmp_path: Path) -> None:
    frame = table()
    frame.write_csv(tmp_path / "t.csv")
    files, head = open_table(tmp_path / "t.csv", Reading())
    plan = ShardPlan(
        files, ("digest",), head, (ShardRows(0, 0, NUM_ROWS, 0),),
        RowReader(("y",), ("Float64",), "w", "it"),
        Encoder.fit(frame, infer_schema(frame, ["y", "label"], drop=["w"])),
        Targets.fit(frame["y"].drop_nulls()), RowDraw.of_share(0.2, 2000, 0, (3,)), 1.5,
        Reading().table_format, points=Reading().points or _no_points(), rows_at_once=10,
        text_bytes=100,
    )  # fmt: skip
    again = ShardPlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again.to_json() == plan.to_json()
    assert again.fingerprint == plan.fingerprint
    assert again.reader == plan.reader
    assert (again.head, again.shards, again.draw) == (plan.head, plan.shards, plan.draw)


def _no_points():
    from multilayer.columns.thousands_points import ThousandsPoints

    return ThousandsPoints()
