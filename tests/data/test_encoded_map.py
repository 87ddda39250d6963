import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.data.column_kinds import infer_schema
from multilayer.data.encoded_map import EncodedMap, sample_rows, write_encoded_map
from multilayer.data.encoder import Encoder
from multilayer.data.read_table import read_table, read_table_pieces
from multilayer.data.targets import Targets
from multilayer.errors import OutputError, TableError

RNG = np.random.default_rng(0)
TABLE = pl.DataFrame(
    {
        "x": RNG.normal(size=1000),
        "c": [f"c{place % 20}" for place in range(1000)],
        "y": [None if place % 10 == 0 else float(place) for place in range(1000)],
        "label": ["a", "b"] * 500,
    }
)
ENCODER = Encoder.fit(TABLE, infer_schema(TABLE, ["y", "label"]))
NUMBERS = Targets.fit(TABLE["y"].drop_nulls())
CLASSES = Targets.fit(TABLE["label"])
PRESENT = TABLE.filter(pl.col("y").is_not_null())


def pieces(rows_at_once: int = 90) -> list[pl.DataFrame]:
    return [TABLE.slice(start, rows_at_once) for start in range(0, 1000, rows_at_once)]


def test_the_map_holds_what_encoding_at_once_gives(tmp_path: Path) -> None:
    counts = list(write_encoded_map(tmp_path / "map", pieces(), ENCODER, NUMBERS, "it"))
    assert counts[0] == (90, 81)
    assert counts[-1] == (1000, 900)
    encoded = EncodedMap.open(tmp_path / "map")
    np.testing.assert_array_equal(encoded.inputs, ENCODER.encode(PRESENT))
    np.testing.assert_array_equal(encoded.targets, NUMBERS.encode(PRESENT["y"]))
    assert list(write_encoded_map(tmp_path / "map", [], ENCODER, NUMBERS, "it")) == [(1000, 900)]


def test_classes_are_kept_as_numbers(tmp_path: Path) -> None:
    list(write_encoded_map(tmp_path, pieces(), ENCODER, CLASSES, "it"))
    encoded = EncodedMap.open(tmp_path)
    np.testing.assert_array_equal(encoded.targets, CLASSES.encode(TABLE["label"]))


def test_a_file_is_read_in_pieces(tmp_path: Path) -> None:
    TABLE.write_csv(tmp_path / "t.csv")
    list(
        write_encoded_map(
            tmp_path, read_table_pieces(tmp_path / "t.csv"), ENCODER, NUMBERS, "t.csv"
        )
    )
    np.testing.assert_array_equal(EncodedMap.open(tmp_path).inputs, ENCODER.encode(PRESENT))


@pytest.mark.parametrize("num_pieces", [1, 5, 11])
def test_it_goes_on_after_a_kill(num_pieces: int, tmp_path: Path) -> None:
    list(write_encoded_map(tmp_path / "whole", pieces(), ENCODER, NUMBERS, "it"))
    writing = write_encoded_map(tmp_path / "map", pieces(), ENCODER, NUMBERS, "it")
    for _ in range(num_pieces):
        next(writing)
    writing.close()
    for name in ("inputs.float32", "targets.bin"):  # a piece of which half was written
        with (tmp_path / "map" / name).open("ab") as file:
            file.write(b"torn")
    with pytest.raises(TableError, match="no complete encoded table"):
        EncodedMap.open(tmp_path / "map")
    # The pieces may end elsewhere the second time.
    counts = list(write_encoded_map(tmp_path / "map", pieces(70), ENCODER, NUMBERS, "it"))
    assert counts[0][0] > 90 * num_pieces
    for name in ("inputs.float32", "targets.bin"):
        assert (tmp_path / "map" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("change", ["table", "encoder", "targets", "lost", "garbage"])
def test_another_table_begins_anew(change: str, tmp_path: Path) -> None:
    writing = write_encoded_map(tmp_path, pieces(), ENCODER, NUMBERS, "it")
    next(writing)
    next(writing)
    writing.close()
    encoder, targets, made_of = ENCODER, NUMBERS, "it"
    if change == "table":
        made_of = "other"
    elif change == "encoder":
        encoder = Encoder.fit(TABLE.head(50), infer_schema(TABLE, ["y", "label"]))
    elif change == "targets":
        targets = CLASSES
    elif change == "lost":
        (tmp_path / "inputs.float32").write_bytes(b"")
    else:
        (tmp_path / "map.json").write_text("[")
    counts = list(write_encoded_map(tmp_path, pieces(), encoder, targets, made_of))
    assert counts[0][0] == 90
    assert len(EncodedMap.open(tmp_path)) == counts[-1][1]


def test_chunks_give_every_row_once_in_random_order(tmp_path: Path) -> None:
    list(write_encoded_map(tmp_path, pieces(), ENCODER, NUMBERS, "it"))
    encoded = EncodedMap.open(tmp_path)
    limit = 4000
    chunks = list(encoded.shuffled_chunks(limit, np.random.default_rng(0)))
    assert len(chunks) > 3
    assert all(inputs.nbytes + targets.nbytes <= limit / 2 for inputs, targets in chunks)
    inputs, targets = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    order = np.argsort(targets[:, 0])
    np.testing.assert_array_equal(inputs[order], encoded.inputs)
    np.testing.assert_array_equal(targets[order], encoded.targets)
    assert np.abs(np.corrcoef(np.arange(900), targets[:, 0])[0, 1]) < 0.3
    assert np.std(chunks[0][1]) > 0.5  # the rows of a chunk are from all over the table
    again = list(encoded.shuffled_chunks(limit, np.random.default_rng(1)))
    assert (again[0][1] != chunks[0][1]).any()
    (everything,) = encoded.shuffled_chunks(10**6, np.random.default_rng(2))
    assert len(everything[0]) == 900


def test_pytorch_takes_the_map_as_it_is(tmp_path: Path) -> None:
    list(write_encoded_map(tmp_path, pieces(), ENCODER, NUMBERS, "it"))
    encoded = EncodedMap.open(tmp_path)
    inputs = torch.from_numpy(encoded.inputs)
    rows = torch.tensor([5, 899, 0])
    assert torch.equal(inputs.index_select(0, rows), torch.tensor(ENCODER.encode(PRESENT))[rows])


def test_a_sample_is_drawn_evenly_and_repeats() -> None:
    numbers = pl.DataFrame({"n": range(1000)})
    parts = [numbers.slice(start, 77) for start in range(0, 1000, 77)]
    sample = sample_rows(parts, 200, 0)["n"]
    assert len(sample) == 200
    assert sample.is_sorted()
    assert abs(sample.mean() - 499.5) < 80  # 4 standard errors
    assert sample_rows(parts, 200, 0)["n"].equals(sample)
    assert not sample_rows(parts, 200, 1)["n"].equals(sample)
    assert sample_rows(parts, 5000, 0).equals(numbers)
    with pytest.raises(TableError, match="no table"):
        sample_rows([], 5, 0)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="'y' is not in the table"):
        list(write_encoded_map(tmp_path, [TABLE.drop("y")], ENCODER, NUMBERS, "it"))
    bad = TABLE.with_columns(pl.col("x").cast(pl.String)).with_columns(
        pl.when(pl.col("y") == 995).then(pl.lit("bad")).otherwise(pl.col("x")).alias("x")
    )
    parts = [bad.slice(start, 100) for start in range(0, 1000, 100)]
    with pytest.raises(TableError, match="row 996 of column 'x' of the table must be a number"):
        list(write_encoded_map(tmp_path, parts, ENCODER, NUMBERS, "it"))
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OutputError, match="cannot write the encoded table in"):
        list(write_encoded_map(file, pieces(), ENCODER, NUMBERS, "it"))
    empty = tmp_path / "empty"
    list(write_encoded_map(empty, [TABLE.head(1)], ENCODER, NUMBERS, "it"))
    with pytest.raises(TableError, match="no rows with a target"):
        EncodedMap.open(empty)


def test_a_damaged_map_is_named(tmp_path: Path) -> None:
    list(write_encoded_map(tmp_path, pieces(), ENCODER, NUMBERS, "it"))
    progress = json.loads((tmp_path / "map.json").read_text())
    (tmp_path / "map.json").write_text(json.dumps(progress | {"num_rows": 901}))
    with pytest.raises(TableError, match="inputs.float32 is shorter than map.json says"):
        EncodedMap.open(tmp_path)


def test_a_table_written_as_parquet_is_read_the_same_way(tmp_path: Path) -> None:
    TABLE.write_parquet(tmp_path / "t.parquet")
    parts = list(read_table_pieces(tmp_path / "t.parquet", rows_at_once=333))
    assert [len(part) for part in parts] == [333, 333, 333, 1]
    assert pl.concat(parts).equals(read_table(tmp_path / "t.parquet"))
