"""A table that is being prepared: bars in a terminal, lines elsewhere."""

import sys
import time
from typing import TYPE_CHECKING

from multilayer.cli.terminal import say, show_over
from multilayer.estimators.progress import in_words

if TYPE_CHECKING:
    from multilayer.fit.large_table import LargeTable, Preparation
    from multilayer.runs.sources import TableOnDisk

_SECONDS_BETWEEN_LINES = 5.0
_BAR_WIDTH = 30


def show_preparation(table: "TableOnDisk", quiet: bool) -> None:
    """Prepare the table and show how far it is, with the time left once that is known.

    Args:
        table: to be prepared.
        quiet: show nothing.
    """
    is_live = sys.stdout.isatty()
    began = next_line_at = time.monotonic()
    part = line = shown = ""
    first_done = 0
    for step in table.prepare():
        now = time.monotonic()
        if quiet:
            continue
        if step.part != part:
            if line:
                _show(line, shown, is_live)
                say(end="\n" if is_live else "")
            part, began, first_done, next_line_at = step.part, now, step.num_done, now
            if part == "encoding":
                _print_what_is_encoded(table.rows)
        line = _line(step, now - began, first_done)
        if is_live or now >= next_line_at:
            _show(line, shown, is_live)
            shown, next_line_at = line, now + _SECONDS_BETWEEN_LINES
    if line:
        _show(line, shown, is_live)
        say(end="\n" if is_live else "")


def _show(line: str, shown: str, is_live: bool) -> None:
    """Print a line, over the last one in a terminal; elsewhere not twice."""
    if is_live:
        show_over(line)
    elif line != shown:
        say(line, flush=True)


def _print_what_is_encoded(table: "LargeTable") -> None:
    say(
        f"columns are judged and scaled by {table.sample_rows:,} of {table.num_rows:,} rows\n"
        f"the rows, encoded, take {table.map_bytes / 1e6:,.1f} MB in {table.folder} until the "
        "training is finished"
    )


def _line(step: "Preparation", seconds: float, first_done: int) -> str:
    if step.num_all is None:
        return f"reading: {step.num_done:,} rows"
    share = step.num_done / step.num_all
    bar = "█" * round(share * _BAR_WIDTH)
    left = ""
    if step.num_done > first_done and step.num_done < step.num_all:
        rest = step.num_all - step.num_done
        left = f", {in_words(seconds / (step.num_done - first_done) * rest)} left"
    return (
        f"encoding: {bar:░<{_BAR_WIDTH}} {share:4.0%}, {step.num_done:,} of {step.num_all:,} "
        f"rows{left}"
    )
