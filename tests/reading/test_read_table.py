import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import warnings
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather

from multilayer.columns.kinds import infer_schema
from multilayer.errors import DataWarning, MultilayerError, TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.table_source import read_rows
from multilayer.reading import json_lines as read_json
from multilayer.reading.byte_stream import open_unpacked
from multilayer.reading.frames import as_frame
from multilayer.reading.table import read_table, read_table_pieces

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}
FRAME = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "é"], "c": [1.5, -0.25, 3.0]})


def written(frame: pl.DataFrame, kind: str) -> bytes:
    file = io.BytesIO()
    writers = {
        "csv": frame.write_csv,
        "tsv": lambda file: frame.write_csv(file, separator="\t"),
        "parquet": frame.write_parquet,
        "arrow": frame.write_ipc,
        "feather": lambda file: frame.write_ipc(file, compression="lz4"),
        "jsonl": frame.write_ndjson,
    }
    writers[kind](file)
    return file.getvalue()


KINDS = ["csv", "tsv", "parquet", "arrow", "feather", "jsonl"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind}"
    path.write_bytes(written(FRAME, kind))
    assert read_table(path).equals(FRAME)
    assert pl.concat(list(read_table_pieces(path, rows_at_once=2))).height == 3


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_compressed_files_are_read(kind: str, packing: str, tmp_path: Path) -> None:
    path = tmp_path / "named-as-you-like"
    path.write_bytes(PACKERS[packing](written(FRAME, kind)))
    assert read_table(path).equals(FRAME)


@pytest.mark.parametrize("packing", PACKERS)
def test_a_damaged_archive_is_named(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    packed = PACKERS[packing](b"a,b\n" + os.urandom(3000).hex().encode() + b",1\n")
    changed = packed[:40] + b"\xff" * 20 + packed[60:]
    # zstandard has no checksum unless it is asked for one.
    for damaged in (packed[:-9], packed[:30], *([changed] if packing != "zst" else [])):
        path.write_bytes(damaged)
        with pytest.raises(TableError, match=r"t\.csv is damaged: \w+"):
            read_table(path)


def test_standard_input_is_read() -> None:
    program = "from multilayer import read_table; print(read_table('-').rows())"
    for kind in ("csv", "parquet", "jsonl"):
        for pack in (bytes, gzip.compress):
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", program],
                input=pack(written(FRAME, kind)),
                capture_output=True,
                check=True,
            )
            assert done.stdout.decode().strip() == str(FRAME.rows())


def test_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('a\\n1\\n')"]):
        assert read_table(pipe).rows() == [(1,)]


def test_a_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 5_000_000))
    with (
        pytest.raises(TableError, match=r"bomb.csv unpacks to more than 1,000,000 bytes"),
        open_unpacked(path, limit_bytes=1_000_000) as stream,
    ):
        while stream.read(2**16):
            pass


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    (tmp_path / "empty").mkdir()
    for path, message in [
        (tmp_path / "empty", f"^{tmp_path}/empty is a folder without files"),
        (Path("/dev/zero"), "^cannot read /dev/zero: it is a device"),
        (tmp_path / "none.csv", "none.csv: no such file"),
        (loop, "loop: too many levels"),
        (Path("a\0b"), "null"),
        (tmp_path / ("x" * 300), "name too long"),
    ]:
        with pytest.raises(TableError, match=message):
            read_table(path)
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    secret.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(TableError, match="permission denied"):
            read_table(secret)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.parquet", b"PAR1", "not a readable Parquet file"),
        ("t.parquet", written(FRAME, "parquet")[:-5], "not a readable Parquet file"),
        ("t.parquet", b"PAR1" + bytes(200) + b"PAR1", "not a readable Parquet file"),
        ("t.arrow", written(FRAME, "arrow")[:-20], "not a readable Arrow file"),
        ("t.feather", b"FEA1....", "Feather file of version 1"),
        ("t.jsonl", b'{"a": 1}\n{"a": 2\n', "line 2 of .*t.jsonl is not JSON: "),
        ("t.jsonl", b'{"a": 1}\n\n[2]\n', "line 3 of .* must be an object .* it is a list"),
        ("t.jsonl", b'{"a": [1, 2]}\n' * 2, "every field of .*t.jsonl holds lists"),
        ("t.jsonl", b'{"a": {"b": 2}}\n' * 2, "every field of .*t.jsonl holds lists"),
        ("t.jsonl", b'{"a": "\xff"}\n', "line 1 of .* is not JSON"),
        ("t.jsonl", b"{" + b'"a":{' * 100_000, "line 1 of .* is not JSON"),
        ("t.jsonl", b'{"a": 1}\n{"a": 1, "b": 0, "a": 2}\n', "^line 2 of .* names 'a' twice$"),
        ("t.json", b'[{"a": 1, "a": 2}]', "^an object of .*t.json names 'a' twice$"),
        ("t.json", b"[1, 2]", "item 1 of .* must be an object"),
        ("t.json", b"[{}", "is not JSON"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_named(name, content, message, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


def test_columns_that_cannot_be_read_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pl.DataFrame({"a": [1], "tags": [["x"]], "raw": [b"x"]})
    frame.write_parquet(path)
    left_out: list[str] = []
    with pytest.warns(DataWarning) as caught:
        assert read_table(path, left_out=left_out).to_dict(as_series=False) == {"a": [1]}
    assert left_out == ["tags", "raw"]
    assert [str(one.message).partition(" of ")[0] for one in caught] == [
        f"column {name!r}" for name in ("tags", "raw")
    ]
    frame.select("tags").write_parquet(path)
    with pytest.raises(TableError, match="no column of .*: column 'tags' of .* holds list"):
        read_table(path)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_category_of_numbers_stays_one_as_in_frames(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind}"
    codes = pa.array([3, 1, None] * 10).dictionary_encode()
    texts = pa.array(["u", "v", "u"] * 10).dictionary_encode()
    table = pa.table({"x": [1.0, 2, 3] * 10, "my code": codes, "t": texts})
    (pq.write_table if kind == "parquet" else feather.write_feather)(table, path)
    kinds = [column.kind for column in infer_schema(read_table(path)).columns]
    assert kinds == ["numeric", "categorical", "categorical"]
    assert kinds == [column.kind for column in infer_schema(as_frame(table)).columns]
    pieces = list(read_table_pieces(path, rows_at_once=7))
    assert pl.concat(pieces)["my code"].to_list() == ["3", "1", None] * 10
    target = read_rows(path, ColumnRoles(("my code",))).rows.targets
    assert set(target.tolist()) == {1, 3}


def test_a_footer_that_lies_is_refused(tmp_path: Path) -> None:
    content = written(pl.DataFrame({"a": range(200)}), "parquet")
    path = tmp_path / "t.parquet"
    footer = content[len(content) - 8 - int.from_bytes(content[-8:-4], "little") :]
    for number in (b"\x8e\x00", b"\xe0\x12"):  # 7 and 1,200 for 200
        path.write_bytes(content.replace(footer, footer.replace(b"\x90\x03", number, 1)))
        for rows_at_once in (100, 1000):
            with pytest.raises(TableError, match="rows, it has|a readable Parquet file"):
                list(read_table_pieces(path, rows_at_once=rows_at_once))
        with pytest.raises(TableError, match="rows, it has 200"):
            read_table(path)


def test_texts_that_a_dictionary_repeats_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for size, num_rows, message in [
        (40_000_000, 2, "row 1 of column 'a' of .* holds 40,000,000 bytes of text"),
        (20_000_000, 60, "unpacks to more than 1,073,741,824 bytes of text"),
    ]:
        texts = pa.DictionaryArray.from_arrays(
            pa.array([0] * num_rows, pa.int32()), pa.array(["v" * size])
        )
        pq.write_table(pa.table({"a": texts}), path, compression="zstd")
        with pytest.raises(TableError, match=message):
            list(read_table_pieces(path, rows_at_once=1000))


def test_json_lines_may_differ(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n\n{"b": "y", "c": true}\n{"a": 2.5, "c": null}\n')
    frame = read_table(path)
    assert frame.to_dict(as_series=False) == {
        "a": [1.0, None, 2.5], "b": ["x", "y", None], "c": [None, True, None]
    }  # fmt: skip
    path.write_text('{"a": 1}\n{"a": "x"}\n{"a": NaN}\n')
    assert read_table(path)["a"].to_list() == ["1", "x", None]
    path.write_text('[{"a": 1}, {"a": 2}]')
    assert read_table(path)["a"].to_list() == [1, 2]


@pytest.mark.parametrize("text", ['{"a": 1}\n{"a": 2}\n', '[{"a": 1}, {"a": 2}]'])
def test_json_may_begin_with_a_byte_order_mark(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text, "utf-8-sig")
    assert read_table(path).to_dict(as_series=False) == {"a": [1, 2]}


def test_json_lines_come_in_pieces(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read_json, "PIECE_BYTES", 64)
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"a": row, "b": row / 4}) + "\n" for row in range(100)))
    assert read_table(path)["a"].to_list() == list(range(100))
    with path.open("a") as file:
        file.write('{"a": 1}}\n')
    with pytest.raises(TableError, match="line 101 of"):
        read_table(path)


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from("abc"), st.none() | st.text(max_size=3) | st.integers()),
        min_size=1,
        max_size=4,
    )
)
def test_any_json_lines_are_a_table_or_a_named_error(rows, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("json") / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if any(rows):
        assert len(read_table(path)) == len(rows)
    else:
        with pytest.raises(TableError, match="objects without fields"):
            read_table(path)


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(["parquet", "arrow", "jsonl", "csv"]), data=st.data())
def test_a_damaged_file_is_a_table_or_a_named_error(kind, data, tmp_path_factory) -> None:
    content = bytearray(written(FRAME, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / f"t.{kind}"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            read_table(path)
    except MultilayerError as error:
        assert "\n" not in str(error)
