"""The places that a progress board can draw on: axes, a notebook, a terminal."""

import io
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from multilayer.book.board import ProgressBoard
    from multilayer.drawing.live import LiveCurves


def notebook_shell() -> Any:
    """Return IPython's shell if this code runs in a notebook, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if getattr(shell, "kernel", None) is not None else None


def in_notebook() -> bool:
    """Tell whether this code runs in a notebook."""
    return notebook_shell() is not None


class AxesScreen:
    """Draws on matplotlib axes and leaves alone what else is drawn there."""

    def __init__(self, axes: "Axes") -> None:
        self.axes = axes

    def show(self, board: "ProgressBoard") -> None:
        """Draw the board's curves as they are now."""
        while board.lines:
            line = board.lines.pop()
            if line.axes is not None:  # the axes may have been cleared
                line.remove()
        for i, (label, curve) in enumerate(board.data.items()):
            rounds, which = divmod(i, len(board.colors))
            board.lines += self.axes.plot(
                [point.x for point in curve],
                [point.y for point in curve],
                color=board.colors[which],
                # One style further in each round, so that a colour's curves differ.
                linestyle=board.ls[(i + rounds) % len(board.ls)],
                label=label,
            )
        self.axes.set(xlabel=board.xlabel or "", ylabel=board.ylabel or "")
        self.axes.set(xscale=board.xscale, yscale=board.yscale)
        self.axes.relim()
        self.axes.autoscale_view()
        if board.xlim:
            self.axes.set_xlim(*board.xlim)
        if board.ylim:
            self.axes.set_ylim(*board.ylim)
        self.axes.legend()

    def close(self, board: "ProgressBoard") -> None:
        """Draw the last state."""
        self.show(board)


class NotebookScreen:
    """Draws one picture below a cell and redraws it in place."""

    seconds_between_redraws = 0.3  # a redraw takes a tenth of that

    def __init__(self, board: "ProgressBoard") -> None:
        # A figure that pyplot does not know is not shown a second time at the end of the cell.
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=board.figsize)
        self.screen = AxesScreen(self.figure.add_subplot())
        self.picture: Any = None
        self.drawn_at = 0.0
        self.close_board = board.close
        self.events = notebook_shell().events
        self.events.register("post_run_cell", self.cell_ended)

    def show(self, board: "ProgressBoard") -> None:
        """Redraw the picture unless it was redrawn a moment ago."""
        if time.monotonic() - self.drawn_at > self.seconds_between_redraws:
            self.redraw(board)

    def redraw(self, board: "ProgressBoard") -> None:
        """Redraw the picture as SVG, in the cell that it was first drawn in."""
        from IPython.display import SVG, display

        self.screen.show(board)
        svg = io.StringIO()
        self.figure.savefig(svg, format="svg", bbox_inches="tight")
        if self.picture is None:
            self.picture = display(SVG(svg.getvalue()), display_id=True)
        else:
            self.picture.update(SVG(svg.getvalue()))
        self.drawn_at = time.monotonic()

    def cell_ended(self, result: object) -> None:
        """Finish the picture of a board that nobody closed; the next cell gets its own."""
        self.close_board()

    def close(self, board: "ProgressBoard") -> None:
        """Draw the last state."""
        self.events.unregister("post_run_cell", self.cell_ended)
        if board.data:
            self.redraw(board)


class TerminalScreen:
    """Draws curves made of text in a terminal; at the program's end they close themselves."""

    def __init__(self) -> None:
        self.curves: LiveCurves | None = None

    def show(self, board: "ProgressBoard") -> None:
        """Draw the board's curves as they are now."""
        if self.curves is None:
            from multilayer.drawing.live import LiveCurves
            from multilayer.drawing.terminal_curves import ChartSettings

            self.curves = LiveCurves(
                ChartSettings(
                    board.xlabel or "", board.ylabel or "",
                    _as_limits(board.xlim), _as_limits(board.ylim), board.xscale, board.yscale,
                )
            )  # fmt: skip
        self.curves.update(board.data)

    def close(self, board: "ProgressBoard") -> None:
        """Draw the last state and give the terminal back."""
        if self.curves is not None:
            self.curves.close()


Screen = AxesScreen | NotebookScreen | TerminalScreen


def open_screen(board: "ProgressBoard") -> Screen | None:
    """Return the place that a board draws on here; None where only plain lines make sense."""
    if board.axes is not None:
        return AxesScreen(board.axes)
    if board.fig is not None:
        return AxesScreen(board.fig.gca())
    if in_notebook():
        return NotebookScreen(board)
    if sys.stdout.isatty() and _terminal_can_redraw():
        return TerminalScreen()
    return None


def _as_limits(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return (ends[0], ends[1]) if ends else None


def _terminal_can_redraw() -> bool:
    from multilayer.drawing.live import LiveCurves

    return LiveCurves.is_supported(sys.stdout)
