"""Epochs as they go by: curves in a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from multilayer.cli.terminal import say, show_over
from multilayer.stopwatch import in_words

if TYPE_CHECKING:
    from multilayer.engine.records import EpochRecord
    from multilayer.fit.fit import Fit
    from multilayer.fit.large_table import LargeTable
    from multilayer.fit.table_passes import Preparation
    from multilayer.runs.sources import TableOnDisk

Curves = dict[str, list[tuple[float, float]]]

_NAMES = ("train_loss", "validation_loss", "validation_accuracy")
SECONDS_BETWEEN_LINES = 5.0
_BAR_WIDTH = 30


def show_epochs(epochs: "Iterator[EpochRecord]", fit: "Fit", quiet: bool) -> None:
    """Pull the epochs and show each.

    Args:
        epochs: to be pulled.
        fit: whose they are.
        quiet: show nothing.
    """
    from multilayer.drawing.live import LiveCurves
    from multilayer.drawing.terminal_curves import ChartSettings
    from multilayer.fit.refit import Refit, second_in_words

    history, num_epochs = fit.history, fit.settings.max_epochs
    if isinstance(fit, Refit) and not quiet:
        fit.on_second = _second_in_lines()
    if quiet or not LiveCurves.is_supported(sys.stdout):
        for record in epochs:
            if not quiet:
                line = history[-1]
                scores = ", ".join(f"{name} {line[name]:.4f}" for name in _NAMES if name in line)
                say(f"epoch {record.epoch}/{num_epochs}: {scores}, {record.seconds:.2f} s")
                sys.stdout.flush()
        return
    with LiveCurves(ChartSettings(x_limits=(0, num_epochs))) as curves:
        series: Curves = {}
        seconds = _add(series, history)
        curves.update(series, f"epoch {len(history) + 1} of {num_epochs}")
        if isinstance(fit, Refit):
            fit.on_second = lambda done, of: curves.update(series, second_in_words(done, of))
        for record in epochs:
            seconds += _add(series, history[-1:])
            left = seconds / record.epoch * (num_epochs - record.epoch)
            time = f", {in_words(left)} left" if record.epoch < num_epochs else ""
            curves.update(series, f"epoch {record.epoch} of {num_epochs}{time}")


def _second_in_lines() -> Callable[[int, int], None]:
    """Prints how far the second network is, a line every few seconds and the last."""
    from multilayer.fit.refit import second_in_words

    next_line_at = 0.0

    def show(num_done: int, num_epochs: int) -> None:
        nonlocal next_line_at
        if num_done == num_epochs or time.monotonic() >= next_line_at:
            next_line_at = time.monotonic() + SECONDS_BETWEEN_LINES
            say(second_in_words(num_done, num_epochs), flush=True)

    return show


def epochs_in_words(number: int) -> str:
    """1 epoch, 2 epochs."""
    return f"{number} epoch" if number == 1 else f"{number} epochs"


def place_in_words(place: tuple[int, int] | None) -> str:
    """A line on where a resumed run goes on, with its beginning; empty at the beginning."""
    if place is None:
        return ""
    epoch, num_batches = place
    return f"\ngoing on in epoch {epoch}, where {num_batches} batches were done"


def _add(series: Curves, lines: list[dict[str, Any]]) -> float:
    """Add lines of the history to the curves; the seconds that they took."""
    # The training loss is a mean over the epoch, so that it belongs to the epoch's middle.
    places = {"train_loss": -0.5, "validation_loss": 0.0, "validation_accuracy": 0.0}
    for line in lines:
        for name, shift in places.items():
            if name in line:
                series.setdefault(name, []).append((line["epoch"] + shift, line[name]))
    return float(sum(line["seconds"] for line in lines))


def show_preparation(table: "TableOnDisk", quiet: bool) -> None:
    """Prepare the table and show how far it is, with the time left once that is known.

    Args:
        table: to be prepared.
        quiet: show nothing.
    """
    show_steps(table.prepare(), quiet, lambda: _print_what_is_encoded(table.rows))


def show_steps(
    steps: "Iterator[Preparation]", quiet: bool, when_encoding: Callable[[], None] | None = None
) -> None:
    """Take the steps of a preparation and show how far it is.

    Args:
        steps: to be taken.
        quiet: show nothing.
        when_encoding: called when the encoding begins.
    """
    is_live = sys.stdout.isatty()
    began = next_line_at = time.monotonic()
    part = line = shown = ""
    first_done = 0
    for step in steps:
        now = time.monotonic()
        if quiet:
            continue
        if step.part != part:
            if line:
                _show(line, shown, is_live)
                say(end="\n" if is_live else "")
            part, began, first_done, next_line_at = step.part, now, step.num_done, now
            if part == "encoding" and when_encoding is not None:
                when_encoding()
        line = _line(step, now - began, first_done)
        if is_live or now >= next_line_at:
            _show(line, shown, is_live)
            shown, next_line_at = line, now + SECONDS_BETWEEN_LINES
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
