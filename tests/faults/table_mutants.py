"""Tables of every kind that is read, and what chance makes of them."""

import datetime
import io
import json
import random

import polars as pl
from faults.mutation import mutated_bytes, mutated_value

FRAME = pl.DataFrame(
    {
        "whole": [1, 2, None],
        "text": ["x", None, "é"],
        "real": [1.5, -0.25, 3.0],
        "truth": [True, False, None],
        "time": [datetime.datetime(2024, 1, 31, 12)] * 3,
    }
)
COMPRESSIONS = ("uncompressed", "snappy", "gzip", "zstd", "lz4")
NAMES = ("a", "b", "price", "ü", "a b", "x" * 300, "", " a", "7", '"q"', "a,b", "column_1")
FIELDS = (
    "", "1", "-2.5", "007", "1e309", "9007199254740993", "NA", "nan", "inf", "-inf", "true",
    "2024-01-31", "2024-01-31T12:00+02:00", "31.12.2024", '"', '""', '"a,b"', '"a\nb"', '"a""b"',
    '5" pipe', "\0", "\r", "\n", "é", "日本", "\ufeff", "=1+1", "1,5", "x" * 70_000,
    "9" * 400, " 1 ", "\x1a", "\u2028", "'", ";", "|", "\t", "{", "[1]", "1_000",
)  # fmt: skip
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-32")


def mutated_csv(chance: random.Random) -> bytes:
    """A table as somebody may have written it: mostly right, and wrong in a way or two."""
    num_columns, num_rows = chance.randrange(1, 6), chance.randrange(8)
    delimiter = chance.choice((",", ",", ";", "\t", "|"))
    ending = chance.choice(("\n", "\n", "\r\n", "\r", "\n\n"))
    width = num_columns if chance.random() < 0.95 else chance.choice((0, 50, 3000))
    names = [
        chance.choice(NAMES) if chance.random() < 0.1 else f"c{place}" for place in range(width)
    ]
    rows = [names]
    for _ in range(num_rows):
        row = [_field(chance) for _ in range(width)]
        if chance.random() < 0.03:
            row = row[:-1] if chance.random() < 0.5 else [*row, _field(chance)]
        rows.append(row)
    text = ending.join(delimiter.join(row) for row in rows)
    text += chance.choice(("", ending, '"', "\0", "\x1a")) if chance.random() < 0.3 else ending
    content = text.encode()
    if chance.random() < 0.15:
        content = text.encode(chance.choice(ENCODINGS), "replace")
    elif chance.random() < 0.1:  # half in one encoding, half in another
        middle = len(text) // 2
        content = text[:middle].encode() + text[middle:].encode("latin-1", "replace")
    return bytes(mutated_bytes(content, chance)) if chance.random() < 0.3 else content


def _field(chance: random.Random) -> str:
    if chance.random() < 0.25:
        return chance.choice(FIELDS)
    return str(chance.randrange(100))


def mutated_json_lines(chance: random.Random) -> bytes:
    """Objects with values that are mostly plain; lines, or a list."""
    plain = {"whole": 1, "text": "x", "real": 0.5, "truth": True, "none": None}
    objects = []
    for _ in range(chance.randrange(1, 5)):
        value = mutated_value(plain, chance) if chance.random() < 0.4 else plain
        objects.append(value if chance.random() < 0.97 else [value])
    if chance.random() < 0.15:
        text = json.dumps(objects)
    else:
        text = "".join(json.dumps(value) + chance.choice(("\n", "\n", "\r\n")) for value in objects)
    if chance.random() < 0.05:
        text = text.replace("1", chance.choice(("NaN", "Infinity", "1e999", "-0", "01", "9" * 400)))
    content = text.encode("utf-8-sig" if chance.random() < 0.03 else "utf-8", "replace")
    if chance.random() < 0.02:
        depth = chance.choice((100, 5000))
        content = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    return bytes(mutated_bytes(content, chance)) if chance.random() < 0.5 else content


def parquet_files() -> list[bytes]:
    """The same table in every compression, in one row group and in two."""
    files = []
    for compression in COMPRESSIONS:
        for row_group_size in (None, 2):
            file = io.BytesIO()
            FRAME.write_parquet(file, compression=compression, row_group_size=row_group_size)
            files.append(file.getvalue())
    return files


def arrow_files() -> list[bytes]:
    """The same table in every compression, with and without a dictionary."""
    files = []
    for frame in (FRAME, FRAME.with_columns(pl.col("text").cast(pl.Categorical))):
        for compression in ("uncompressed", "lz4", "zstd"):
            file = io.BytesIO()
            frame.write_ipc(file, compression=compression)
            files.append(file.getvalue())
    return files
