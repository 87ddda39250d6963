"""What commands show of a pack."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from multilayer.cli.epochs import SECONDS_BETWEEN_LINES, Curves
from multilayer.cli.terminal import print_table, say
from multilayer.pack.pack_document import NUM_COLUMNS, mixture_table, pack_in_words

if TYPE_CHECKING:
    from multilayer.engine.records import EpochRecord
    from multilayer.pack.pack_fit import PackFit


def show_pack(epochs: "Iterator[EpochRecord]", fit: "PackFit", quiet: bool) -> None:
    """Pull the epochs and show them: curves in a terminal, elsewhere eight lines for each group.

    Args:
        epochs: to be pulled.
        fit: that they are of.
        quiet: show nothing.
    """
    from multilayer.drawing.live import LiveCurves

    if quiet or not LiveCurves.is_supported(sys.stdout):
        next_line_at = 0.0
        for _ in epochs:
            progress, now = fit.progress, time.monotonic()
            if not quiet and (progress.is_look or now >= next_line_at):
                say(progress.in_words(), flush=True)
                next_line_at = now + SECONDS_BETWEEN_LINES
        return
    with LiveCurves() as curves:
        for _ in epochs:
            curves.update(_curves(fit.history), fit.progress.place_in_words())


def _curves(history: list[dict[str, Any]]) -> Curves:
    """Losses on held-out rows: of the mixture in all epochs, and of the networks in training."""
    wave = history[-1]["wave"]
    return {
        "mixture": [
            (line["epoch"], line["mixture_loss"])
            for line in history
            if line.get("mixture_loss") is not None
        ],
        "networks in training": [
            (line["epoch"], line.get("validation_calibrated_loss", line["validation_loss"]))
            for line in history
            if line["wave"] == wave
        ],
    }


def print_pack(pack: Mapping[str, Any]) -> None:
    """Say how a pack ended, and how good its mixture is.

    Args:
        pack: see `PackDocument`.
    """
    tried, mixture = pack_in_words(pack)
    say(f"pack: {tried}\nmixture: {mixture}")


def print_mixture(pack: Mapping[str, Any]) -> None:
    """Print who is in the mixture, in a terminal that is too narrow with the settings below.

    Args:
        pack: see `PackDocument`.
    """
    headers, rows = mixture_table(pack)
    widths = (max(map(len, column)) + 3 for column in zip(headers, *rows, strict=True))
    is_whole = not sys.stdout.isatty() or sum(widths) <= shutil.get_terminal_size().columns
    num_columns = len(headers) if is_whole else NUM_COLUMNS
    print_table(headers[:num_columns], [row[:num_columns] for row in rows], num_text_columns=0)
    if not is_whole:
        for row in rows:
            pairs = zip(headers[num_columns:], row[num_columns:], strict=True)
            say(f"draw {row[0]}: {', '.join(f'{name} {value}' for name, value in pairs)}")
