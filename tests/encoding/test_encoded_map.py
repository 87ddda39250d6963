import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoded_map import EncodedMap
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.row_draw import RowDraw
from multilayer.encoding.targets import Targets
from multilayer.errors import DataWarning, OutputError, TableError
from multilayer.fit.encode_table import MapPlan, write_encoded_map
from multilayer.fit.row_reader import RowReader
from multilayer.reading.table import read_table, read_table_pieces

RNG = np.random.default_rng(0)
TABLE = pl.DataFrame(
    {
        "x": RNG.normal(size=1000),
        "c": [f"c{place % 20}" for place in range(1000)],
        "y": [None if place % 10 == 0 else float(place) for place in range(1000)],
        "label": ["a", "b"] * 500,
        "w": RNG.integers(0, 4, 1000),
    }
)
ENCODER = Encoder.fit(TABLE, infer_schema(TABLE, ["y", "label"], drop=["w"]))
NUMBERS = Targets.fit(TABLE["y"].drop_nulls())
CLASSES = Targets.fit(TABLE["label"])
PRESENT = TABLE.filter(pl.col("y").is_not_null())
READER = RowReader(("y",), ("Float64",), None, "it")
PLAN = MapPlan(READER, ENCODER, NUMBERS, None, None, "it")
DRAW = RowDraw.of_share(0.25, 900, seed=1)


def pieces(rows_at_once: int = 90, table: pl.DataFrame = TABLE) -> list[pl.DataFrame]:
    return [table.slice(start, rows_at_once) for start in range(0, len(table), rows_at_once)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.bin")}


def test_the_map_holds_what_encoding_at_once_gives(tmp_path):
    steps = list(write_encoded_map(tmp_path / "map", pieces(), PLAN))
    assert (steps[0].num_rows_read, steps[0].num_learned) == (90, 81)
    assert (steps[-1].num_rows_read, steps[-1].num_learned) == (1000, 900)
    inputs, targets, weights = EncodedMap.open(tmp_path / "map").learned.read()
    np.testing.assert_array_equal(inputs, ENCODER.encode(PRESENT))
    np.testing.assert_array_equal(targets, NUMBERS.encode(PRESENT["y"]))
    assert weights is None
    (step,) = write_encoded_map(tmp_path / "map", [], PLAN)
    assert step == steps[-1]


def test_classes_are_kept_as_numbers_and_weights_by_their_mean(tmp_path):
    reader = RowReader(("label",), (None,), "w", "it")
    counting = TABLE.filter(pl.col("w") > 0)
    plan = MapPlan(reader, ENCODER, CLASSES, None, float(counting["w"].mean()), "it")
    list(write_encoded_map(tmp_path, pieces(), plan))
    inputs, targets, weights = EncodedMap.open(tmp_path).learned.read()
    np.testing.assert_array_equal(targets, CLASSES.encode(counting["label"]))
    np.testing.assert_array_equal(inputs, ENCODER.encode(counting))
    expected = (counting["w"] / counting["w"].mean()).to_numpy().astype(np.float32)
    np.testing.assert_array_equal(weights, expected)


def test_held_out_rows_lie_apart(tmp_path):
    list(write_encoded_map(tmp_path, pieces(), replace(PLAN, draw=DRAW)))
    encoded = EncodedMap.open(tmp_path)
    assert (encoded.learned.num_rows, encoded.held_out.num_rows) == (675, 225)
    is_held_out = DRAW.is_held_out(PRESENT, np.arange(900))
    for part, rows in ((encoded.learned, ~is_held_out), (encoded.held_out, is_held_out)):
        inputs, targets, _ = part.read()
        np.testing.assert_array_equal(inputs, ENCODER.encode(PRESENT.filter(rows)))
        np.testing.assert_array_equal(targets, NUMBERS.encode(PRESENT.filter(rows)["y"]))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_is_read_in_pieces(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    (TABLE.write_csv if suffix == "csv" else TABLE.write_parquet)(path)
    list(write_encoded_map(tmp_path, read_table_pieces(path, rows_at_once=333), PLAN))
    inputs, targets, _ = EncodedMap.open(tmp_path).learned.read()
    np.testing.assert_array_equal(inputs, ENCODER.encode(PRESENT))
    np.testing.assert_array_equal(targets, NUMBERS.encode(PRESENT["y"]))


@pytest.mark.parametrize("num_pieces", [1, 5, 11])
def test_it_goes_on_after_a_kill(num_pieces, tmp_path):
    plan = replace(PLAN, draw=DRAW)
    list(write_encoded_map(tmp_path / "whole", pieces(), plan))
    writing = write_encoded_map(tmp_path / "map", pieces(), plan)
    for _ in range(num_pieces):
        next(writing)
    writing.close()
    for path in (tmp_path / "map").glob("*.bin"):  # a piece of which half was written
        with path.open("ab") as file:
            file.write(b"torn")
    with pytest.raises(TableError, match="no complete encoded table"):
        EncodedMap.open(tmp_path / "map")
    # The pieces may end elsewhere the second time.
    steps = list(write_encoded_map(tmp_path / "map", pieces(70), plan))
    assert steps[0].num_rows_read > 90 * num_pieces
    assert content(tmp_path / "map") == content(tmp_path / "whole")


@pytest.mark.parametrize("change", ["table", "encoder", "targets", "draw", "lost", "garbage"])
@pytest.mark.filterwarnings("ignore:.*all rows are encoded again")
def test_another_table_begins_anew(change, tmp_path):
    writing = write_encoded_map(tmp_path, pieces(), PLAN)
    next(writing)
    next(writing)
    writing.close()
    other = {
        "table": replace(PLAN, made_of="other"),
        "encoder": replace(
            PLAN, encoder=Encoder.fit(TABLE.head(50), infer_schema(TABLE, ["y", "label"]))
        ),
        "targets": replace(
            PLAN, targets=CLASSES, reader=replace(READER, target=("label",), number_types=(None,))
        ),
        "draw": replace(PLAN, draw=DRAW),
    }
    if change == "lost":
        (tmp_path / "learned_inputs.bin").write_bytes(b"")
    elif change == "garbage":
        (tmp_path / "map.json").write_text("[")
    steps = list(write_encoded_map(tmp_path, pieces(), other.get(change, PLAN)))
    assert steps[0].num_rows_read == 90
    assert EncodedMap.open(tmp_path).learned.num_rows == steps[-1].num_learned


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(TableError, match="'y' is not in it"):
        list(write_encoded_map(tmp_path, [TABLE.drop("y")], PLAN))
    bad = TABLE.with_columns(pl.col("x").cast(pl.String)).with_columns(
        pl.when(pl.col("y") == 995).then(pl.lit("bad")).otherwise(pl.col("x")).alias("x")
    )
    with pytest.raises(TableError, match="row 996 of column 'x' of it must be a number"):
        list(write_encoded_map(tmp_path, pieces(100, bad), PLAN))
    with pytest.raises(TableError, match="target 'y' of it is missing in .*rows? 1"):
        list(
            write_encoded_map(
                tmp_path, pieces(), replace(PLAN, reader=replace(READER, is_strict=True))
            )
        )
    weighted = replace(PLAN, reader=replace(READER, weight="w"))
    for value, match in ((-1, r"must be at least 0, in row 2 it is -1"), (None, "missing in row")):
        table = TABLE.with_columns(pl.lit(value, dtype=pl.Int64).alias("w"))
        with pytest.raises(TableError, match=match):
            list(write_encoded_map(tmp_path, pieces(100, table), weighted))
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OutputError, match="cannot write the encoded table in"):
        list(write_encoded_map(file, pieces(), PLAN))
    empty = tmp_path / "empty"
    list(write_encoded_map(empty, [TABLE.head(1)], PLAN))
    with pytest.raises(TableError, match="no training rows"):
        EncodedMap.open(empty)


@pytest.mark.parametrize("num_pieces", [4, None])
@pytest.mark.parametrize("name", ["learned_inputs", "learned_targets", "held_out_inputs"])
def test_rows_that_were_damaged_are_encoded_anew(name, num_pieces, tmp_path):
    plan = replace(PLAN, draw=DRAW)
    list(write_encoded_map(tmp_path / "whole", pieces(), plan))
    for _, _ in zip(
        range(num_pieces or 100), write_encoded_map(tmp_path / "map", pieces(), plan), strict=False
    ):
        pass  # left after so many pieces, or complete
    path = tmp_path / "map" / f"{name}.bin"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    path.write_bytes(damaged)
    with pytest.warns(DataWarning, match=rf"{name}.bin is damaged .* encoded again"):
        steps = list(write_encoded_map(tmp_path / "map", pieces(), plan))
    assert steps[0].num_rows_read == 90
    assert content(tmp_path / "map") == content(tmp_path / "whole")
    (step,) = write_encoded_map(tmp_path / "map", [], plan)  # and now it is whole
    assert step == steps[-1]


def test_a_damaged_map_is_named(tmp_path):
    list(write_encoded_map(tmp_path, pieces(), PLAN))
    encoded = EncodedMap.open(tmp_path)
    progress = json.loads((tmp_path / "map.json").read_text())
    (tmp_path / "map.json").write_text(json.dumps(progress | {"num_learned": 901}))
    with pytest.raises(TableError, match="learned_inputs.bin is shorter than map.json says"):
        EncodedMap.open(tmp_path)
    (tmp_path / "learned_inputs.bin").write_bytes(b"short")
    with pytest.raises(TableError, match="learned_inputs.bin is shorter than map.json says"):
        encoded.learned.read()
    (tmp_path / "learned_inputs.bin").unlink()
    with pytest.raises(TableError, match="cannot read .*learned_inputs.bin: no such file"):
        encoded.learned.read()


def test_a_table_written_as_parquet_is_read_the_same_way(tmp_path):
    TABLE.write_parquet(tmp_path / "t.parquet")
    parts = list(read_table_pieces(tmp_path / "t.parquet", rows_at_once=333))
    assert [len(part) for part in parts] == [333, 333, 333, 1]
    assert pl.concat(parts).equals(read_table(tmp_path / "t.parquet"))
