"""Learning curves that are drawn while they come to be."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from multilayer.book.hyperparameters import HyperParameters
from multilayer.book.screens import Screen, in_notebook, open_screen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class Point(NamedTuple):
    """A point of a curve.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.Point(x=1.0, y=0.25)
        Point(x=1.0, y=0.25)
    """

    x: float
    y: float


class ProgressBoard(HyperParameters):
    """Draws curves point by point and keeps them.

    A notebook shows one picture that is redrawn in place, a terminal shows curves made of text,
    and where the output goes to a file or a pipe `Trainer` prints a plain line for each epoch.
    No window is opened; with `fig` or `axes` the curves are drawn there instead.

    Attributes:
        data: the points of each label's curve, in order, each a `Point` of plain floats.
        lines: the curves as matplotlib drew them last.

    Examples:
        >>> import multilayer as d2l
        >>> board = d2l.ProgressBoard(xlabel="epoch", display=False)
        >>> for x in range(4):
        ...     board.draw(x, x**2, "squares", every_n=2)  # the mean of each two points
        ...
        >>> [(point.x, point.y) for point in board.data["squares"]]
        [(0.5, 0.5), (2.5, 6.5)]
    """

    xlabel: str | None
    ylabel: str | None
    xlim: Sequence[float] | None
    ylim: Sequence[float] | None
    xscale: str
    yscale: str
    ls: Sequence[str]
    colors: Sequence[str]
    fig: "Figure | None"
    axes: "Axes | None"
    figsize: tuple[float, float]
    display: bool

    def __repr__(self) -> str:
        return f"<ProgressBoard: {', '.join(self.data) or 'no curves yet'}>"

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        ls: Sequence[str] = ("-", "--", "-.", ":"),
        colors: Sequence[str] = ("C0", "C1", "C2", "C3"),
        fig: "Figure | None" = None,
        axes: "Axes | None" = None,
        figsize: tuple[float, float] = (3.5, 2.5),
        display: bool = True,
    ) -> None:
        """Say what the picture looks like; every setting may be changed later as an attribute.

        Args:
            xlabel: what stands along the x axis.
            ylabel: what stands along the y axis.
            xlim: the ends of the x axis; None fits them to the points.
            ylim: the ends of the y axis; None fits them to the points.
            xscale: "linear" or "log".
            yscale: "linear" or "log".
            ls: matplotlib's line styles, one for each curve, used again when they run out.
            colors: matplotlib's colours, likewise.
            fig: a figure to draw in.
            axes: axes to draw in.
            figsize: the picture's size in inches.
            display: whether to draw at all; the points are kept in any case.
        """
        self.save_hyperparameters()
        self.data: dict[str, list[Point]] = {}
        self.lines: list[Line2D] = []
        self._waiting: dict[str, list[tuple[float, Any, float]]] = {}
        self._screen: Screen | None = None

    def draw(self, x: float, y: Any, label: str, every_n: float = 1, weight: float = 1) -> None:
        """Collect a point; every `every_n` calls the curve grows by the mean of those collected.

        Args:
            x: where the point stands.
            y: its value, a number or a tensor with one element.
            label: the curve it belongs to.
            every_n: how many points to average; below 2 each is drawn.
            weight: how much the point counts in the average.
        """
        curve = self.data.setdefault(label, [])
        waiting = self._waiting.setdefault(label, [])
        # A tensor is not made a float before the mean is due: a graphics card would have to wait.
        waiting.append((x, y.detach() if isinstance(y, torch.Tensor) else y, weight))
        if len(waiting) < every_n:
            return
        total = sum(weight for _, _, weight in waiting)
        mean_x = sum(float(x) * weight for x, _, weight in waiting) / total
        mean_y = sum(float(y) * weight for _, y, weight in waiting) / total
        curve.append(Point(mean_x, mean_y))
        waiting.clear()
        if self.display:
            self._show()

    def begin(self) -> None:
        """Forget all points and get ready to draw new curves."""
        self.close()
        self.data.clear()
        self._waiting.clear()
        if self.display:
            self._screen = open_screen(self)

    def end_epoch(self, epoch: int) -> None:
        """Print the curves' last values where nothing is drawn because the output is piped."""
        if self.display and self._screen is None:
            values = ", ".join(f"{label} {c[-1].y:.3f}" for label, c in self.data.items() if c)
            print(f"epoch {epoch}: {values}", flush=True)

    def close(self) -> None:
        """Draw the last state and leave it standing; the terminal is the user's again."""
        screen, self._screen = self._screen, None
        if screen is not None:
            screen.close(self)

    def _show(self) -> None:
        if self._screen is None and not _at_prompt():
            self._screen = open_screen(self)
        if self._screen is not None:
            self._screen.show(self)


def _at_prompt() -> bool:
    """Tell whether somebody types at a prompt, which curves that nobody closes would garble."""
    return not in_notebook() and (hasattr(sys, "ps1") or bool(sys.flags.interactive))
