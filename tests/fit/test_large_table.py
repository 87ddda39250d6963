"""Training within a limit on memory, held against training in memory."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.errors import OutputError, RunFolderError, SettingsError, TableError
from multilayer.fit import encode_table, memory_plan, table_size
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.large_table import LargeTable
from multilayer.fit.table_size import choose_memory_limit
from multilayer.model.model_file import load_model
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.earlier_runs import TableRun
from multilayer.runs.run import Run
from multilayer.runs.sources import open_source

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

LIMIT = 700_000_000
QUICK = {"hidden_widths": (16,), "max_epochs": 3}


def table(num_rows: int, seed: int = 0) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(num_rows, 3))
    town = generator.choice(["Bern", "Oslo", "Rome"], num_rows)
    y = 2 * x[:, 0] + x[:, 1] * x[:, 2] + (town == "Oslo") + generator.normal(0, 0.1, num_rows)
    frame = pl.DataFrame(
        {
            **{f"x{place}": x[:, place] for place in range(3)},
            "town": town,
            "street": generator.integers(0, 100, num_rows),
            "w": generator.integers(0, 3, num_rows),
            "y": y,
            "label": np.where(y > 0, "up", "down"),
        }
    )
    some = [pl.when(pl.col(name) < 2).then(name).alias(name) for name in ("x0", "x1", "x2")]
    return frame.with_columns(some)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    rows = table(5000).with_columns(
        y=pl.when(pl.int_range(pl.len()) % 50 == 7).then(None).otherwise("y")
    )
    rows.write_parquet(folder / "t.parquet")
    rows.write_csv(folder / "t.csv")
    rows.write_ndjson(folder / "t.jsonl")
    table(800, seed=1).write_csv(folder / "v.csv")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "multilayer" / "encoded-tables"


def prepared(path: Path, target: str = "y", limit: int = LIMIT, **options) -> LargeTable:
    other = "label" if target == "y" else "y"
    roles = {"target": (target,), "drop": (other, "w", "street"), **options.pop("roles", {})}
    changes = {**QUICK, **options.pop("changes", {})}
    large = LargeTable(path, ColumnRoles(**roles), limit, changes=changes, **options)
    for _ in large.prepare():
        pass
    return large


def finished(run: TableRun):
    for _ in run.epochs():
        pass
    run.finish()
    return load_model(run.folder.path / "model.safetensors")


@pytest.mark.parametrize(
    ("name", "target", "recipe", "weight"),
    [
        ("t.parquet", "y", "default", None),
        ("t.csv", "label", "fast", "w"),
        ("t.jsonl", "y", "best", None),
    ],
)
def test_what_fits_in_a_chunk_is_trained_as_in_memory_bit_for_bit(
    files, tmp_path, cache, name, target, recipe, weight
):
    drop = ("label" if target == "y" else "y", "street", *(() if weight else ("w",)))
    options = {"recipe_name": recipe, "validation": files / "v.csv"}
    roles = {"drop": drop, "weight": weight}
    large = prepared(files / name, target, roles=roles, **options)
    assert large.num_without_target == (100 if target == "y" else 0)
    run = TableRun.of_large(large, tmp_path / "disk")
    assert list(cache.iterdir())
    model = finished(run)
    assert not list(cache.iterdir())  # nothing is left of the encoded rows
    other = TableRun(
        files / name, ColumnRoles((target,), **roles), tmp_path / "memory", changes=QUICK, **options
    )
    expected = finished(other)
    assert model.encoder.to_json() == expected.encoder.to_json()
    assert model.targets == expected.targets
    assert model.temperature == expected.temperature
    assert torch.equal(model.network.parameters, expected.network.parameters)
    keys = ("epoch", "train_loss", "validation_loss")
    for line, expected_line in zip(run.history, other.history, strict=True):
        assert [line[key] for key in keys] == [expected_line[key] for key in keys]


def test_rows_are_held_out_and_the_model_learns(files, tmp_path):
    large = prepared(files / "t.parquet", changes={"max_epochs": 20}, recipe_name="fast")
    assert large.num_rows == 4900
    assert large.prepared.num_held_out == 980
    run = TableRun.of_large(large, tmp_path / "run")
    model = finished(run)
    document = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert document["data"]["memory_limit"] == LIMIT
    rows = table(1000, seed=3)
    y = rows["y"].to_numpy()
    assert (y - model.predict(rows)).std() < 0.5 * y.std()
    low, high = model.intervals(rows, 0.9)
    assert 0.85 < ((low[:, 0] <= y) & (y <= high[:, 0])).mean() < 0.95


@pytest.mark.parametrize(
    "changes", [{"loss": "poisson"}, {"loss": "quantile", "quantiles": (0.1, 0.5, 0.9)}]
)
def test_every_loss_of_numbers_is_trained_as_in_memory(files, tmp_path, changes):
    counts = pl.read_parquet(files / "t.parquet").drop_nulls("y").with_columns(y=pl.col("street"))
    counts = counts.drop("street", "label", "w")
    for name, rows in (("rows", counts[:4000]), ("held-out", counts[4000:])):
        rows.write_parquet(tmp_path / f"{name}.parquet")
    changes, held_out = {**QUICK, **changes}, tmp_path / "held-out.parquet"
    roles = ColumnRoles(("y",))
    large = LargeTable(
        tmp_path / "rows.parquet", roles, LIMIT, changes=changes, validation=held_out
    )
    for _ in large.prepare():
        pass
    whole = TableRun(
        tmp_path / "rows.parquet", roles, tmp_path / "whole", changes=changes, validation=held_out
    )
    run = TableRun.of_large(large, tmp_path / "large")
    models = [finished(whole), finished(run)]
    assert models[0].targets == models[1].targets
    assert torch.equal(models[0].network.parameters, models[1].network.parameters)


def test_groups_are_held_out_together_and_folds_are_networks_of_the_same_rows(files):
    roles = {"drop": ("y", "w"), "group_by": "street"}
    large = prepared(files / "t.csv", "label", roles=roles, recipe_name="best")
    assert len(large.prepared.members) == 5
    assert 300 < large.prepared.num_held_out < 1900
    assert [column.kind for column in large.schema.columns if column.name == "street"] == [
        "dropped"
    ]
    large.remove()


def test_a_class_of_a_single_row_is_learned_from(files, tmp_path):
    rows = table(3000).with_columns(
        label=pl.when(pl.int_range(pl.len()) == 2999).then(pl.lit("once")).otherwise("label")
    )
    rows.write_parquet(tmp_path / "t.parquet")
    for seed in range(3):
        large = prepared(tmp_path / "t.parquet", "label", changes={"seed": seed})
        assert large.prepared.targets.classes == ("down", "once", "up")
        assert 1 in large.prepared.examples.rows.read()[1]
        large.remove()


def test_validation_rows_are_stratified(files, tmp_path):
    is_rare = pl.int_range(pl.len()) % 500 == 3  # 10 of 5,000 rows
    rows = table(5000).with_columns(label=pl.when(is_rare).then(pl.lit("rare")).otherwise("label"))
    rows.write_csv(tmp_path / "t.csv")
    for seed in range(2):
        large = prepared(tmp_path / "t.csv", "label", changes={"seed": seed})
        _, targets, _ = large.prepared.examples.rows.read()
        assert (targets == 1).sum() == 8  # by chance alone from 5 to 10
        large.remove()


def test_a_pack_within_a_limit_is_that_of_memory_bit_for_bit(files, tmp_path):
    changes = {"num_draws": 3, "max_epochs": 4}
    options = {"recipe_name": "pack", "validation": files / "v.csv"}
    large = prepared(files / "t.parquet", changes=changes, **options)
    model = finished(TableRun.of_large(large, tmp_path / "disk"))
    roles = ColumnRoles(("y",), drop=("label", "w", "street"))
    changes = {**QUICK, **changes}
    other = TableRun(files / "t.parquet", roles, tmp_path / "memory", changes=changes, **options)
    expected = finished(other)
    for network, of_memory in zip(model.network.networks, expected.network.networks, strict=True):
        assert torch.equal(network.parameters, of_memory.parameters)
    assert model.network.shares == expected.network.shares
    pack, of_memory = model.details["pack"], expected.details["pack"]
    assert [one["loss"] for one in pack["mixture"]] == [one["loss"] for one in of_memory["mixture"]]


def test_a_pack_in_chunks_goes_on_bit_for_bit(files, tmp_path, monkeypatch):
    monkeypatch.setattr(memory_plan, "_PROGRAM_BYTES", 0)
    monkeypatch.setattr(memory_plan, "_FEWEST_PIECE_BYTES", 0)
    monkeypatch.setattr(memory_plan, "_FEWEST_HELD_OUT", 50)
    options = {
        "recipe_name": "pack", "limit": 320_000,
        "changes": {"num_draws": 3, "max_epochs": 4, "batch_size": 64},
    }  # fmt: skip
    large = prepared(files / "t.parquet", **options)
    examples = large.prepared.examples
    assert len(examples.chunks(torch.Generator(), 64)) > 1
    assert large.prepared.num_held_out > 50
    expected = finished(TableRun.of_large(large, tmp_path / "whole"))
    stop = Event()
    run = TableRun.of_large(prepared(files / "t.parquet", **options), tmp_path / "run")
    for record in run.epochs(stop):
        if record.epoch == 6:  # the second of the wave of two draws
            stop.set()
    assert run.finish()["status"] == "interrupted"
    saved = RunConfiguration.saved_in(tmp_path / "run")
    source = open_source(saved)
    list(source.prepare())
    model = finished(Run(saved, source))
    for network, other in zip(model.network.networks, expected.network.networks, strict=True):
        assert torch.equal(network.parameters, other.parameters)


def test_memory_is_planned_for_the_largest_wave_of_a_pack(files):
    limits = []
    for recipe_name in ("default", "pack"):
        with pytest.raises(SettingsError, match="smallest that works is") as error:
            prepared(
                files / "t.parquet", limit=470_000_000, recipe_name=recipe_name,
                changes={"hidden_widths": (512, 512), "batch_size": 4096},
            )  # fmt: skip
        limits.append(int(re.findall(r"is (\d+) MB", str(error.value))[0]))
    assert limits[1] > limits[0] + 50  # two networks at once, and up to 32 kept


def test_numbers_outside_the_sample_widen_the_range(files, monkeypatch):
    monkeypatch.setattr(memory_plan, "_MOST_SAMPLED", 1000)
    large = prepared(files / "t.parquet", validation=files / "v.csv")
    assert large.sample_rows == 1000
    y = pl.read_parquet(files / "t.parquet")["y"]
    assert large.prepared.targets.scale.lowest[0] == pytest.approx(y.min(), rel=1e-6)
    assert large.prepared.targets.scale.highest[0] == pytest.approx(y.max(), rel=1e-6)
    large.remove()


def test_held_out_rows_and_chunks_keep_to_a_small_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_plan, "_PROGRAM_BYTES", 0)
    monkeypatch.setattr(memory_plan, "_FEWEST_PIECE_BYTES", 0)
    table(5000).write_parquet(tmp_path / "t.parquet")
    large = prepared(tmp_path / "t.parquet", limit=800_000, recipe_name="fast")
    examples = large.prepared.examples
    assert examples.chunk_bytes < 400_000
    assert len(examples.chunks(torch.Generator(), 256)) == 1
    assert large.prepared.num_held_out * examples.rows.row_bytes < 100_000
    large.remove()
    with pytest.raises(SettingsError, match=r"MB is too small .* smallest that works is \d+ MB"):
        prepared(tmp_path / "t.parquet", limit=700_000, changes={"batch_size": 20000})


KILLED = """
import os, sys
from multilayer.fit import memory_plan
memory_plan._LARGEST_SHARD_BYTES = 30_000
from multilayer.fit.large_table import LargeTable
from multilayer.fit.column_roles import ColumnRoles
table = LargeTable(sys.argv[1], ColumnRoles(("y",), drop=("label",)), 700_000_000)
for step in table.prepare():
    if step.part == "encoding" and step.num_done > 2000:
        print(step.num_done, flush=True)
        os.kill(os.getpid(), 9)
"""


def test_encoding_goes_on_after_a_kill(files, cache, monkeypatch):
    arguments = [sys.executable, "-c", KILLED, files / "t.parquet"]
    killed = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    num_done = int(killed.stdout)
    assert 2000 < num_done < 5000
    monkeypatch.setattr(memory_plan, "_LARGEST_SHARD_BYTES", 30_000)
    large = LargeTable(files / "t.parquet", ColumnRoles(("y",), drop=("label",)), LIMIT)
    steps = [step.num_done for step in large.prepare() if step.part == "encoding"]
    assert steps[0] > num_done  # the first shard after those that were done
    resumed = large.prepared.examples.rows.read()
    large.remove()
    whole = LargeTable(files / "t.parquet", ColumnRoles(("y",), drop=("label",)), LIMIT)
    assert min(step.num_done for step in whole.prepare() if step.part == "encoding") < 2000
    for array, expected in zip(resumed[:2], whole.prepared.examples.rows.read()[:2], strict=True):
        np.testing.assert_array_equal(array, expected)
    whole.remove()


def test_a_table_of_very_many_columns_needs_a_larger_limit(tmp_path, cache):
    """Known from its first rows: neither a survey nor a training is begun."""
    wide = pl.DataFrame({f"x{place}": [0.5, 1.5] * 10 for place in range(6000)})
    wide.with_columns(y=pl.Series([0, 1] * 10)).write_csv(tmp_path / "wide.csv")
    large = LargeTable(tmp_path / "wide.csv", ColumnRoles(("y",)), 500_000_000)
    with pytest.raises(SettingsError, match=r"for a table of 6,001 columns; the smallest .* MB"):
        next(large.prepare())


def test_a_table_that_is_replaced_while_it_is_read_is_refused(files, tmp_path, cache):
    path = tmp_path / "t.parquet"
    rows = pl.read_parquet(files / "t.parquet")
    rows.write_parquet(path)
    status = path.stat()
    large = LargeTable(path, ColumnRoles(("y",), drop=("label",)), LIMIT)
    steps = large.prepare()
    next(steps)
    rows.with_columns(y=-pl.col("y")).write_parquet(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(TableError, match="was changed while it was read"):
        list(steps)
    large.remove()


def test_an_interrupted_run_goes_on_bit_for_bit(files, tmp_path, cache):
    options = {"recipe_name": "fast", "changes": {"max_epochs": 4}}
    whole = TableRun.of_large(prepared(files / "t.parquet", **options), tmp_path / "whole")
    expected = finished(whole)
    stop = Event()
    run = TableRun.of_large(prepared(files / "t.parquet", **options), tmp_path / "run")
    for record in run.epochs(stop):
        if record.epoch == 2:
            stop.set()
    assert run.finish()["status"] == "interrupted"
    assert list(cache.iterdir())  # the encoded rows are there to go on with
    saved = RunConfiguration.saved_in(tmp_path / "run")
    assert saved.memory_limit == LIMIT
    source = open_source(saved)
    steps = [step for step in source.prepare() if step.part == "encoding"]
    assert len(steps) == 1  # nothing was encoded anew
    resumed = Run(saved, source)
    assert resumed.place == (3, 0)
    model = finished(resumed)
    assert torch.equal(model.network.parameters, expected.network.parameters)
    assert [line["train_loss"] for line in resumed.history] == [
        line["train_loss"] for line in whole.history
    ]


def test_one_process_at_a_time_prepares_a_table(files):
    large = prepared(files / "t.csv")
    with pytest.raises(RunFolderError, match=f"in use by process {os.getpid()}"):
        prepared(files / "t.csv")
    large.release()
    again = prepared(files / "t.csv")
    again.remove()


def test_what_cannot_be_is_answered_with_one_line(files, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="300 MB is too small for any table; the smallest that"):
        prepared(files / "t.csv", limit=300_000_000)
    with pytest.raises(SettingsError, match="unknown recipe 'b'"):
        prepared(files / "t.csv", recipe_name="b")
    with pytest.raises(SettingsError, match="a time column needs all rows in memory"):
        prepared(files / "t.csv", roles={"time_column": "w"})
    with pytest.raises(TableError, match="standard input cannot be read twice"):
        prepared(Path("-"))
    with pytest.raises(TableError, match="cannot read .*absent.csv: no such file"):
        prepared(files / "absent.csv")
    with pytest.raises(TableError, match="column 'price' is not in"):
        prepared(files / "t.csv", roles={"target": ("price",)})
    with pytest.raises(TableError, match=r"target 'y' of .* is missing in 100 rows \(rows 8, 58"):
        prepared(files / "t.csv", is_strict=True)
    table(1).write_csv(tmp_path / "one.csv")
    with pytest.raises(TableError, match="there is 1 row to train on; at least 2"):
        prepared(tmp_path / "one.csv")
    table(50).with_columns(label=pl.lit("up")).write_csv(tmp_path / "alone.csv")
    with pytest.raises(TableError, match="has the class 'up' alone"):
        prepared(tmp_path / "alone.csv", "label")
    monkeypatch.setattr(encode_table, "_SPARE_BYTES", 2**60)
    with pytest.raises(OutputError, match="the encoded rows of .* need 0 MB, and the disk of"):
        prepared(files / "t.csv")


def test_a_table_too_large_for_the_free_memory_is_told_by_its_file(files, tmp_path, monkeypatch):
    assert choose_memory_limit(files / "t.parquet") is None
    assert choose_memory_limit("-") is None
    assert choose_memory_limit(files / "absent.csv") is None
    monkeypatch.setattr(table_size, "free_bytes", lambda: 1_000_000)
    monkeypatch.setattr(table_size, "_STEP_BYTES", 1000)
    for name in ("t.parquet", "t.csv", "t.jsonl"):
        assert choose_memory_limit(files / name) == 500_000
    assert choose_memory_limit(files / "v.csv") is None
    monkeypatch.setattr(table_size, "free_bytes", lambda: None)
    assert choose_memory_limit(files / "t.csv") is None
