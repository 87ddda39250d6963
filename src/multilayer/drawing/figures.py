"""Figures as files.

Each is drawn on a figure of its own with matplotlib's default style, whatever the program or the
user's configuration has set, and written whole or not at all. The same input gives the same bytes.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from multilayer.files import replace_atomically

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "text.parse_math": False,  # a $ in a class name is a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "figure.titlesize": "medium",
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters: small, sharp, and to be searched for
    "svg.hashsalt": "multilayer",
}
_DOTS_PER_INCH = 120
_WITHOUT_DATE = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


@contextmanager
def picture(*paths: str | Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure to draw on, and write it when it is drawn.

    Args:
        paths: files to write; each ends in .png or .svg, which says what it becomes.
        width: in inches.
        height: in inches.

    Raises:
        OutputError: a file cannot be written.
    """
    contents = {}
    with drawing(width, height) as figure:
        yield figure
        for path in map(Path, paths):
            kind = path.suffix[1:]
            content = BytesIO()
            figure.savefig(content, format=kind, metadata=_WITHOUT_DATE[kind])
            contents[path] = content.getvalue()
    for path, data in contents.items():
        with replace_atomically(path) as file:
            file.write(data)


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Give a figure of `width` by `height` inches to draw on, in the project's style."""
    with style.context(["default", _STYLE]), warnings.catch_warnings():
        # The one font that matplotlib brings lacks some scripts: their letters become boxes.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        warnings.filterwarnings("ignore", "Matplotlib currently does not support", UserWarning)
        figure = Figure(figsize=(width, height), dpi=_DOTS_PER_INCH)
        FigureCanvasAgg(figure)  # draws for the figure without a window system
        yield figure


def pixels(figure: Figure) -> Image.Image:
    """The figure as it would be in a PNG file."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return Image.fromarray(numpy.asarray(canvas.buffer_rgba())).convert("RGB")


def save_animation(frames: Sequence[Image.Image], path: str | Path, milliseconds: int) -> None:
    """Write a GIF file that plays for ever and holds its last frame for a while.

    Args:
        frames: of one size, at least one.
        path: the file.
        milliseconds: that a frame is shown; the last one eight times as long.

    Raises:
        OutputError: it cannot be written.
    """
    times = [milliseconds] * (len(frames) - 1) + [8 * milliseconds]
    colours = [frame.quantize(128) for frame in frames]
    content = BytesIO()
    colours[0].save(
        content, format="GIF", save_all=True, append_images=colours[1:], duration=times, loop=0
    )
    with replace_atomically(path) as file:
        file.write(content.getvalue())
