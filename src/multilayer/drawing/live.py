"""Learning curves that redraw in place in a terminal."""

import atexit
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

from rich.console import (
    Console,
    ConsoleDimensions,
    ConsoleOptions,
    ConsoleRenderable,
    RenderHook,
)
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from multilayer.drawing.terminal_curves import ChartSettings, Curves, clean_label, draw_curves

_SECONDS_BETWEEN_FRAMES = 0.1
_LEAST_COLUMNS, _LEAST_ROWS = 40, 10  # a smaller terminal gets the status line alone
_FALLBACK_SIZE = (80, 24)  # of terminals that do not tell theirs


class LiveCurves:
    """Learning curves that redraw in place in a terminal.

    The first `update` begins the chart, `close` ends it; a later `update` begins a new one below.
    What the program prints meanwhile appears above the chart. On a stream that cannot redraw
    (see `is_supported`) nothing is drawn at all. As a context manager it closes itself.

    Args:
        settings: labels, limits and scales of the axes; whether the terminal shows Unicode is
            found out here.
        stream: where to draw; None means standard output.

    Raises:
        SettingsError: a scale is unknown or limits do not fit it.
    """

    def __init__(
        self, settings: ChartSettings | None = None, *, stream: TextIO | None = None
    ) -> None:
        self._stream = sys.stdout if stream is None else stream
        settings = settings or ChartSettings()
        settings = settings._replace(unicode=_can_show_braille(self._stream))
        settings.check()
        self._chart = _Chart(settings, self._stream)
        self._live: Live | None = None
        self._next_frame_at = 0.0

    @staticmethod
    def is_supported(stream: TextIO) -> bool:
        """Whether `stream` is a terminal on which a chart can be redrawn in place."""
        try:
            is_terminal = stream.isatty()
        except ValueError:  # the stream is closed
            return False
        term = os.environ.get("TERM", "windows" if os.name == "nt" else "")
        return is_terminal and term not in ("dumb", "unknown", "")

    def update(self, series: Curves, status: str = "") -> None:
        """Show `series`, and below them the one line `status`.

        The chart is redrawn at most ten times a second, and less often where drawing takes long:
        an update that comes too soon is shown with a later one or by `close`.

        Args:
            series: for each label its (x, y) points, in order. It is not copied. Points that
                cannot be drawn (not finite, say) are left out.
            status: one line of text.
        """
        self._chart.series, self._chart.status = series, status
        if time.monotonic() < self._next_frame_at or not self.is_supported(self._stream):
            return
        started = time.monotonic()
        live = self._live or self._start()
        live.refresh()
        finished = time.monotonic()
        self._next_frame_at = finished + max(_SECONDS_BETWEEN_FRAMES, 10 * (finished - started))

    def close(self) -> None:
        """Draw the last state, leave it on the screen and give the terminal back.

        Calling it again does nothing.
        """
        live = self._live
        if live is None:
            return
        try:
            sys.stdout.flush()  # the beginning of a line that the program has printed so far
        finally:
            live.stop()
            live.console.pop_render_hook()
            self._live = None
            self._next_frame_at = 0.0
            atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> Live:
        console = Console(
            file=self._stream,
            force_terminal=True,
            force_interactive=True,
            force_jupyter=False,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
        live = Live(
            self._chart,
            console=console,
            auto_refresh=False,
            # A stream that leads into a file keeps leading there.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._chart.begin(console)
        console.push_render_hook(self._chart)
        atexit.register(self.close)  # a forgotten chart must not leave the cursor hidden
        self._live = live  # before it starts, so that an interrupted start is closed too
        live.start()
        return live


class _Chart(RenderHook):
    """The frame, drawn anew for the window as it is whenever anything is written."""

    def __init__(self, settings: ChartSettings, stream: TextIO) -> None:
        self.series: Curves = {}
        self.status = ""
        self._settings = settings
        self._stream = stream

    def begin(self, console: Console) -> None:
        """Take a console on which nothing is drawn yet."""
        self._console = console
        self._console.size = self._window_size()
        self._drawn_widths: list[int] = []  # columns of each line that is on the screen now

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Follow the window's size before anything is written.

        Most terminals break lines that become too long when the window is narrowed. Live goes up
        by as many rows as it wrote before it draws anew: this goes up by the others.
        """
        size = self._window_size()
        if size == self._console.size:
            return renderables
        self._console.size = size
        num_breaks = sum(max(0, width - 1) // size.width for width in self._drawn_widths)
        one_up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))
        return [Control(*one_up * num_breaks), *renderables]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        width, height = options.size
        lines: list[Text] = []
        if width >= _LEAST_COLUMNS and height >= _LEAST_ROWS:
            # One row is for the status, and one for the cursor that `close` puts on a fresh line;
            # two more, where there are enough, for what the program says at its end.
            free_rows = 4 if height >= 20 else 2
            lines = draw_curves(self.series, self._settings, width, height - free_rows)
        status = Text(clean_label(self.status, self._settings.unicode))
        status.truncate(width, overflow="ellipsis" if self._settings.unicode else "crop")
        lines.append(status)
        self._drawn_widths = [line.cell_len for line in lines]
        yield Text("\n", no_wrap=True, overflow="crop").join(lines)

    def _window_size(self) -> ConsoleDimensions:
        columns = rows = 0
        with suppress(OSError, ValueError):
            columns, rows = os.get_terminal_size(self._stream.fileno())
        return ConsoleDimensions(columns or _FALLBACK_SIZE[0], rows or _FALLBACK_SIZE[1])


def _can_show_braille(stream: TextIO) -> bool:
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return encoding == "utf8" and os.environ.get("TERM") != "linux"  # a font without braille
