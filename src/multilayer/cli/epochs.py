"""Epochs as they go by: curves in a terminal, lines elsewhere."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from multilayer.cli.terminal import say
from multilayer.estimators.progress import in_words

if TYPE_CHECKING:
    from multilayer.engine.records import EpochRecord

_Curves = dict[str, list[tuple[float, float]]]

_NAMES = ("train_loss", "validation_loss", "validation_accuracy")


def show_epochs(
    epochs: "Iterator[EpochRecord]", history: list[dict[str, Any]], num_epochs: int, quiet: bool
) -> None:
    """Pull the epochs and show each.

    Args:
        epochs: to be pulled.
        history: a line for each epoch pulled so far, in the form of history.jsonl.
        num_epochs: that are planned.
        quiet: show nothing.
    """
    from multilayer.drawing.live import LiveCurves
    from multilayer.drawing.terminal_curves import ChartSettings

    if quiet or not LiveCurves.is_supported(sys.stdout):
        for record in epochs:
            if not quiet:
                line = history[-1]
                scores = ", ".join(f"{name} {line[name]:.4f}" for name in _NAMES if name in line)
                say(f"epoch {record.epoch}/{num_epochs}: {scores}, {record.seconds:.2f} s")
                sys.stdout.flush()
        return
    with LiveCurves(ChartSettings(x_limits=(0, num_epochs))) as curves:
        series: _Curves = {}
        seconds = _add(series, history)
        curves.update(series, f"epoch {len(history) + 1} of {num_epochs}")
        for record in epochs:
            seconds += _add(series, history[-1:])
            left = seconds / record.epoch * (num_epochs - record.epoch)
            time = f", {in_words(left)} left" if record.epoch < num_epochs else ""
            curves.update(series, f"epoch {record.epoch} of {num_epochs}{time}")


def epochs_in_words(number: int) -> str:
    """1 epoch, 2 epochs."""
    return f"{number} epoch" if number == 1 else f"{number} epochs"


def place_in_words(place: tuple[int, int] | None) -> str:
    """A line on where a resumed run goes on, with its beginning; empty at the beginning."""
    if place is None:
        return ""
    epoch, num_batches = place
    return f"\ngoing on in epoch {epoch}, where {num_batches} batches were done"


def _add(series: _Curves, lines: list[dict[str, Any]]) -> float:
    """Add lines of the history to the curves; the seconds that they took."""
    # The training loss is a mean over the epoch, so that it belongs to the epoch's middle.
    places = {"train_loss": -0.5, "validation_loss": 0.0, "validation_accuracy": 0.0}
    for line in lines:
        for name, shift in places.items():
            if name in line:
                series.setdefault(name, []).append((line["epoch"] + shift, line[name]))
    return float(sum(line["seconds"] for line in lines))
