"""A search as it goes by: the best trials in a terminal, a line a group elsewhere."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from multilayer.cli.terminal import say

if TYPE_CHECKING:
    from rich.console import Group

    from multilayer.experiments.tune.search import Progress

_SECONDS_BETWEEN_FRAMES = 0.2
_SECONDS_BETWEEN_LINES = 10.0


def show_search(steps: "Iterator[Progress]", quiet: bool) -> None:
    """Pull the steps of a search and show them.

    Args:
        steps: to be pulled.
        quiet: show nothing.
    """
    from multilayer.drawing.live import LiveCurves

    if quiet:
        for _ in steps:
            pass
    elif LiveCurves.is_supported(sys.stdout):
        _show_live(steps)
    else:
        _show_lines(steps)


def _show_lines(steps: "Iterator[Progress]") -> None:
    """A line when a group has ended, and at least every ten seconds."""
    from multilayer.experiments.tune import words

    num_finished, next_line_at = 0, time.monotonic() + _SECONDS_BETWEEN_LINES
    for progress in steps:
        now = time.monotonic()
        has_more = progress.tally.num_finished > num_finished
        if not has_more and now < next_line_at:
            continue
        num_finished, next_line_at = progress.tally.num_finished, now + _SECONDS_BETWEEN_LINES
        best = progress.tally.best
        line = f"; best: {words.best_line(best[0])}" if has_more and best else ""
        say(f"{words.status(progress)}{line}", flush=True)


def _show_live(steps: "Iterator[Progress]") -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), auto_refresh=False, transient=True) as live:
        next_frame_at = 0.0
        for progress in steps:
            if time.monotonic() >= next_frame_at:
                live.update(_frame(progress), refresh=True)
                next_frame_at = time.monotonic() + _SECONDS_BETWEEN_FRAMES


def _frame(progress: "Progress") -> "Group":
    """The best trials and where the search is; a narrow window cuts the ends of lines."""
    from rich.console import Group
    from rich.text import Text

    from multilayer.errors import escaped
    from multilayer.experiments.tune import words

    best = progress.tally.best
    lines = [words.status(progress)]
    if best:
        (settings, *names), rows = words.best_headers(best), words.best_rows(best)
        cells = [[*names, settings], *([*numbers, what] for what, *numbers in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join([*map(str.rjust, numbers, widths), what]) for *numbers, what in cells
        ] + lines
    return Group(*(Text(escaped(line), overflow="ellipsis", no_wrap=True) for line in lines))
