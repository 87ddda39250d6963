"""Figures, drawn with matplotlib's pyplot as the book draws them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from multilayer.book.screens import in_notebook

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def use_svg_display() -> None:
    """Have a notebook show pyplot's figures as SVG; elsewhere this does nothing.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.use_svg_display()
    """
    if in_notebook():
        from matplotlib_inline import backend_inline

        backend_inline.set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size of the figures to come, in inches.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.set_figsize((4.5, 3.0))
        >>> [float(size) for size in d2l.plt.rcParams["figure.figsize"]]
        [4.5, 3.0]
    """
    from matplotlib import pyplot as plt

    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def set_axes(
    axes: "Axes",
    xlabel: str | None,
    ylabel: str | None,
    xlim: Sequence[float] | None,
    ylim: Sequence[float] | None,
    xscale: str,
    yscale: str,
    legend: Sequence[str] | None,
) -> None:
    """Label the axes, give them their limits and scales, and draw a legend and a grid.

    Examples:
        >>> import multilayer as d2l
        >>> figure, axes = d2l.plt.subplots()
        >>> d2l.set_axes(axes, "x", "y", [0, 1], None, "linear", "log", None)
        >>> axes.get_xlabel(), axes.get_yscale()
        ('x', 'log')
        >>> d2l.plt.close()
    """
    axes.set(xlabel=xlabel or "", ylabel=ylabel or "", xscale=xscale, yscale=yscale)
    if xlim:
        axes.set_xlim(*xlim)
    if ylim:
        axes.set_ylim(*ylim)
    if legend:
        axes.legend(legend)
    axes.grid(visible=True)


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] = (),
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = ("-", "m--", "g-.", "r:"),
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: "Axes | None" = None,
) -> None:
    """Draw one curve or several.

    Args:
        X: the points' x values, or a list of such for each curve; the y values, if `Y` is not
            given, over 0, 1, 2, ….
        Y: the y values, or a list of such for each curve.
        xlabel: what stands along the x axis.
        ylabel: what stands along the y axis.
        legend: the curves' names.
        xlim: the ends of the x axis.
        ylim: the ends of the y axis.
        xscale: "linear", "log", …
        yscale: "linear", "log", …
        fmts: matplotlib's format strings, one for each curve, used again when they run out.
        figsize: the figure's size in inches.
        axes: where to draw; pyplot's current axes, if not given.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.plot([0, 1, 2], [[0, 1, 4], [0, 2, 4]], "x", "y", legend=["square", "double"])
        >>> [text.get_text() for text in d2l.plt.gca().get_legend().get_texts()]
        ['square', 'double']
        >>> d2l.plt.close()
    """
    if axes is None:
        from matplotlib import pyplot as plt

        set_figsize(figsize)
        axes = plt.gca()
    axes.clear()
    if Y is None:
        curves_y = _as_curves(X)
        curves_x = [range(len(y)) for y in curves_y]
    else:
        curves_x, curves_y = _as_curves(X), _as_curves(Y)
        if len(curves_x) == 1:
            curves_x *= len(curves_y)
    for i, (x, y) in enumerate(zip(curves_x, curves_y, strict=True)):
        axes.plot(_plain(x), _plain(y), fmts[i % len(fmts)])
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)


def show_images(
    imgs: Sequence[Any],
    num_rows: int,
    num_cols: int,
    titles: Sequence[str] | None = None,
    scale: float = 1.5,
) -> Any:
    """Show images in a grid.

    Args:
        imgs: tensors (height, width) or (height, width, 3), or what matplotlib's `imshow` takes;
            the first num_rows × num_cols are shown.
        num_rows: rows of pictures.
        num_cols: pictures in a row.
        titles: what stands over each picture.
        scale: the size of a picture in inches.

    Returns:
        The axes, a NumPy array (num_rows · num_cols,).

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> images = torch.zeros(2, 28, 28)
        >>> axes = d2l.show_images(images, num_rows=1, num_cols=2, titles=["a", "b"])
        >>> [one.get_title() for one in axes]
        ['a', 'b']
        >>> d2l.plt.close()
    """
    from matplotlib import pyplot as plt

    figsize = (num_cols * scale, num_rows * scale)
    axes = plt.subplots(num_rows, num_cols, figsize=figsize, squeeze=False)[1].flatten()
    for ax in axes:
        ax.set_axis_off()
    for i, (ax, image) in enumerate(zip(axes, imgs, strict=False)):
        ax.imshow(_plain(image))
        if titles:
            ax.set_title(titles[i])
    return axes


def _as_curves(values: Any) -> list[Any]:
    """One curve or a list of curves, as a list of curves."""
    return [values] if _num_axes(values) == 1 else list(values)


def _num_axes(values: Any) -> int:
    if hasattr(values, "ndim"):
        return int(values.ndim)
    if isinstance(values, Sequence):
        return 1 + (_num_axes(values[0]) if values else 0)
    return 0


def _plain(values: Any) -> Any:
    """Tensors without their gradient, for matplotlib."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
