"""The page of `graphics_card.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from reporting import machine, markdown_table

from multilayer.cli.bench import in_words

NOT_TRIED = (
    "What no release has run on a card, and the tables below have only where they say so: "
    "`--device cuda` itself; steps recorded as CUDA graphs; several cards (NCCL), which this "
    "program does not try; dropout and embeddings at speed; a table from shards. Without a card "
    "the tests hold the code to what can be known: tests/engine/test_card_without_card.py."
)


def page(kept: Mapping[str, Sequence[dict[str, Any]]], pieces: Sequence[str]) -> str:
    """Everything that was found, as Markdown, and what was not."""
    last = {piece: lines[-1] for piece, lines in kept.items()}
    cards = sorted({line["card"] for line in last.values()})
    dates = sorted(line["measured"] for line in last.values())
    parts = [
        "The engine on a graphics card (`benchmarks/graphics_card.py`).",
        f"{'; '.join(cards) or 'nothing measured'}"
        + (f"; {dates[0]} to {dates[-1]} UTC" if dates else ""),
        machine(), NOT_TRIED, tests_said(last), agreement_table(last), speed_tables(last),
        population_table(last),
    ]  # fmt: skip
    missing = [piece for piece in pieces if piece not in last]
    if missing:
        parts.append(f"Not measured: {'; '.join(missing)}.")
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def tests_said(last: Mapping[str, Any]) -> str:
    """What the tests for a card said."""
    if "tests" not in last:
        return ""
    counts, failed = last["tests"]["counts"], last["tests"]["failed"]
    said = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    lines = [f"Tests for a card (tests/engine/test_cuda.py): {said or last['tests']['last']}."]
    return "\n".join([*lines, *(f"- {line}" for line in failed)])


def agreement_table(last: Mapping[str, Any]) -> str:
    """How far losses on the card are from those of the processor."""
    rows = []
    for piece, found in last.items():
        if piece.startswith("agreement"):
            for kind, of_kind in found["kinds"].items():
                is_within = of_kind["difference"] <= of_kind["tolerance"]
                rows.append(
                    [
                        f"{piece.partition(': ')[2]}, {kind}", f"{of_kind['difference']:.1e}",
                        f"{of_kind['tolerance']:.0e}", "yes" if is_within else "**no**",
                    ]
                )  # fmt: skip
    headers = [
        "losses of three epochs", "largest relative difference to the processor", "allowed",
        "within",
    ]  # fmt: skip
    return markdown_table(headers, rows) if rows else ""


def speed_tables(last: Mapping[str, Any]) -> str:
    """A table for each case and precision."""
    tables = []
    for piece, found in last.items():
        if not piece.startswith("speed"):
            continue
        times, rows = found["seconds"], []
        ours = times["engine"].get("median")
        for name, of_contender in times.items():
            if "error" in of_contender:
                rows.append([name, "", "", "", of_contender["error"]])
                continue
            rows.append(
                [
                    name, in_words(of_contender["median"]),
                    f"{in_words(of_contender['least'])} to {in_words(of_contender['most'])}",
                    f"{of_contender['median'] / ours:.2f}" if ours else "",
                    f"{of_contender['rounds']} rounds",
                ]
            )  # fmt: skip
        title = f"{found['case']}, {piece.rpartition(', ')[2]}"
        headers = [title, "time of a step", "least to most", "to engine", ""]
        tables.append(markdown_table(headers, rows))
    return "\n".join(tables)


def population_table(last: Mapping[str, Any]) -> str:
    """Populations beside as many single networks one after another."""
    rows = []
    for piece, found in last.items():
        if not piece.startswith("population"):
            continue
        single = found["seconds"]["1"].get("median")
        for size, of_size in found["seconds"].items():
            row = [f"{found['case']}, K = {size}"]
            if "error" in of_size or single is None:
                rows.append([*row, of_size.get("error", ""), "", ""])
                continue
            each = of_size["median"] / int(size)
            rows.append([*row, in_words(of_size["median"]), in_words(each), f"{single / each:.2f}"])
    headers = ["", "a step of all", "a step of one", "times faster than one after another"]
    return markdown_table(headers, rows) if rows else ""
