"""What `scale.py` has measured, as tables in Markdown."""

from typing import Any

import reporting
from scale_peers import BATCH, METHODS, WIDTHS
from scale_table import FILES, NUM_COLUMNS

LARGE_WIDTHS = (2048, 2048)


def in_words(
    kind: str, num_rows: int, limit_mb: int, known: dict[str, dict[str, Any]], note: str
) -> str:
    """All tables.

    Args:
        kind: of the files.
        num_rows: of the table.
        limit_mb: on the memory of a process.
        known: what was measured, by name.
        note: a sentence about the machine.
    """
    about = (
        f"{num_rows:,} rows of {NUM_COLUMNS} columns in {FILES} {kind} files, made by a seeded "
        f"generator; each process has one thread, and a limit of {limit_mb:,} MB."
    )
    parts = [
        about,
        note,
        reporting.machine().strip(),
        _encoding(num_rows, known),
        _kill(known),
        _training(limit_mb, known),
        _large(known),
        _peers(known),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _encoding(num_rows: int, known: dict[str, dict[str, Any]]) -> str:
    found = {name: known[name] for name in ("encode 1", "encode 2") if name in known}
    if not found:
        return ""
    rows = []
    for name, one in found.items():
        seconds, cells = one["seconds"], num_rows * (NUM_COLUMNS + 1)
        rows.append([
                name.removeprefix("encode "),
                f"{seconds:.1f}",
                f"{one['reading_seconds']:.1f}",
                f"{one['cpu_seconds']:.1f}",
                f"{num_rows / seconds:,.0f}",
                f"{cells / one['cpu_seconds']:,.0f}",
                f"{one['peak_bytes'] / 1e6:,.0f}",
                f"{one['read_bytes'] / one['table_bytes']:.2f}",
            ])  # fmt: skip
    heads = [
        "processes", "seconds", "of these to judge", "core seconds", "rows/s",
        "cells/s of a core", "largest peak MB", "bytes read / table",
    ]  # fmt: skip
    text = "## Encoding\n\n" + reporting.markdown_table(heads, rows)
    text += (
        "\nThe table is read three times: for its checksum, to judge it, and to encode it. Of "
        "Parquet, a row group is read anew for each 100,000 of its rows, and what goes through "
        "pipes counts too: the last column is all of it."
    )
    if len(found) == 2:
        ratio = found["encode 1"]["seconds"] / found["encode 2"]["seconds"]
        text += f" Two processes take {ratio:.2f} times less than one (aim: 1.7)."
    return text


def _kill(known: dict[str, dict[str, Any]]) -> str:
    if "kill" not in known:
        return ""
    lost, after = known["kill"]["lost_seconds"], known["kill"]["after_shards"]
    return f"A kill after {after} shards costs {lost:.1f} s, of which one shard is made again."


def _training(limit_mb: int, known: dict[str, dict[str, Any]]) -> str:
    if "train 1" not in known:
        return ""
    rows, rates = [], {}
    for name, what in (
        ("train in memory", "rows in memory, 1 process"),
        ("train 1", "shards, 1 process"),
        ("train 2", "shards, 2 processes"),
    ):
        if name not in known:
            continue
        one = known[name]
        rates[name] = one["trained_rows"] / one["train_seconds"]
        is_whole = "seconds" in one
        rows.append([
                what,
                f"{rates[name]:,.0f}",
                f"{one['train_seconds']:.1f}",
                f"{one['seconds']:.1f}" if is_whole else "",
                ", ".join(f"{peak / 1e6:,.0f}" for peak in one["peaks"]) if is_whole else "",
                f"{one['read_bytes'] / one['shard_bytes']:.2f}" if is_whole else "",
            ])  # fmt: skip
    widths = ", ".join(map(str, WIDTHS))
    heads = [
        "", "rows/s", "seconds of the epoch", "of the command", "peak MB of each process",
        "bytes read / shards",
    ]  # fmt: skip
    text = (
        f"## Training\n\nOne epoch of a network of {widths} neurons, batches of {BATCH:,}, Adam:"
        f"\n\n{reporting.markdown_table(heads, rows)}"
    )
    text += (
        "\nThe shards are read twice: once to be held against their checksums, once to learn "
        "from. The smallest of the peaks of two processes is that of torchrun itself."
    )
    if "train in memory" in rates:
        text += (
            f" From shards, one process is at {rates['train 1'] / rates['train in memory']:.2f} of "
            "the speed of rows in memory (aim: 0.9)."
        )
    if "train 2" in rates:
        text += (
            f" Two processes are {rates['train 2'] / rates['train 1']:.2f} times as fast as one "
            "(aim: 1.7)."
        )
    peaks = [
        peak for name in ("train 1", "train 2") for peak in known.get(name, {}).get("peaks", ())
    ]
    is_within = max(peaks) <= limit_mb * 10**6
    return text + f" Every peak is {'within' if is_within else 'NOT within'} the limit."


def _large(known: dict[str, dict[str, Any]]) -> str:
    if not {"large 1", "large 2"} <= known.keys():
        return ""
    alone, two = known["large 1"], known["large 2"]
    widths = ", ".join(map(str, LARGE_WIDTHS))
    return (
        f"An epoch of {widths} neurons on {alone['trained_rows']:,} rows takes one process "
        f"{alone['train_seconds']:.1f} s and two {two['train_seconds']:.1f}: "
        f"{alone['train_seconds'] / two['train_seconds']:.2f} times as fast (aim: 1.7)."
    )


def _peers(known: dict[str, dict[str, Any]]) -> str:
    found = {name: known[f"peer {name}"] for name in METHODS if f"peer {name}" in known}
    if not found:
        return ""
    rows = [
        [METHODS[name][1], f"{one['rows']:,}", f"{one['seconds']:.1f}",
         f"{one['rows'] / one['seconds']:,.0f}"]
        for name, one in found.items()
    ]  # fmt: skip
    text = (
        "## Others\n\nOne pass, reading and encoding included, one thread; networks of the same "
        "size and batch. How good the answers are is not compared.\n\n"
    )
    if "encode 1" in known and "train 1" in known:
        encoded, trained = known["encode 1"], known["train 1"]
        num_rows = encoded["rows_of_table"]
        seconds = encoded["seconds"] + trained["seconds"]
        rows.insert(
            0,
            ["`multilayer encode` and `train`, one process each", f"{num_rows:,}",
             f"{seconds:.1f}", f"{num_rows / seconds:,.0f}"],
        )  # fmt: skip
    return text + reporting.markdown_table(["", "rows", "seconds", "rows/s"], rows)
