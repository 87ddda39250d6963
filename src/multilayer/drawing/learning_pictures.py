"""Pictures of learning: decision regions, first weights, and trajectories on the loss surface."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from multilayer.drawing.figures import drawing, picture, pixels, save_animation
from multilayer.drawing.first_layer import side_by_side

Array = NDArray[Any]
_COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown")
MOST_REGIONS = len(_COLORS)
_MOST_UNITS = 25
_MOST_PANELS = 8
_FRAME_MILLISECONDS = 200


@dataclass(frozen=True, eq=False)
class Plane:
    """Points with classes, and the part of the plane that is shown.

    Args:
        points: (num_points, 2).
        labels: (num_points,).
        extent: left, right, bottom, top.
        names: of the two axes; None: they have none, and the same unit.
    """

    points: Array
    labels: Array
    extent: tuple[float, float, float, float]
    names: tuple[str, str] | None = None


def save_regions(
    plane: Plane, probabilities: Sequence[Array], epochs: Sequence[int], folder: Path
) -> None:
    """Draw regions.png, regions.svg (some epochs side by side) and regions.gif (all of them).

    Args:
        plane: the points.
        probabilities: at each epoch, (height, width, num_classes), from the bottom up.
        epochs: their numbers; 0 is before training.
        folder: where the files go.

    Raises:
        OutputError: a file cannot be written.
    """
    chosen = _spread(len(epochs), _MOST_PANELS)
    num_columns = min(4, len(chosen))
    num_rows = math.ceil(len(chosen) / num_columns)
    files = (folder / "regions.png", folder / "regions.svg")
    height = _height_of(plane, 2.6)
    with picture(*files, width=2.6 * num_columns, height=height * num_rows) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
        for axes in panels[len(chosen) :]:
            axes.set_visible(False)
        for axes, number in zip(panels, chosen, strict=False):
            _draw_regions(axes, plane, probabilities[number], epochs[number])
    frames = []
    for values, epoch in zip(probabilities, epochs, strict=True):
        with drawing(4.0, _height_of(plane, 4.0)) as figure:
            figure.set_layout_engine("constrained")
            _draw_regions(figure.add_subplot(), plane, values, epoch)
            frames.append(pixels(figure))
    save_animation(frames, folder / "regions.gif", _FRAME_MILLISECONDS)


def save_first_layer_epochs(
    weights: Sequence[Array], epochs: Sequence[int], image_shape: tuple[int, int], folder: Path
) -> None:
    """Draw first_layer_epochs.png (some epochs) and first_layer_epochs.gif (all of them).

    Args:
        weights: at each epoch, (num_inputs, num_hiddens).
        epochs: their numbers; 0 is before training.
        image_shape: height and width of an input.
        folder: where the files go.

    Raises:
        OutputError: a file cannot be written.
    """
    norms = numpy.linalg.norm(weights[-1], axis=0)
    units = numpy.argsort(-norms, kind="stable")[:_MOST_UNITS]  # the same ones in every epoch
    limit = max(float(numpy.quantile(numpy.abs(w[:, units]), 0.99)) for w in weights) or 1.0
    num_columns = math.ceil(math.sqrt(len(units)))
    mosaics = [side_by_side(w[:, units], image_shape, num_columns) for w in weights]
    chosen = _spread(len(epochs), 4)
    with picture(folder / "first_layer_epochs.png", width=3 * len(chosen), height=3.4) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, len(chosen), squeeze=False)[0]
        for axes, number in zip(panels, chosen, strict=True):
            _draw_mosaic(axes, mosaics[number], limit, epochs[number])
        figure.suptitle(f"Weights into the {len(units)} units with the largest norm at the end")
    frames = []
    for mosaic, epoch in zip(mosaics, epochs, strict=True):
        with drawing(4.0, 4.3) as figure:
            figure.set_layout_engine("constrained")
            _draw_mosaic(figure.add_subplot(), mosaic, limit, epoch)
            frames.append(pixels(figure))
    save_animation(frames, folder / "first_layer_epochs.gif", _FRAME_MILLISECONDS)


def save_loss_surface(
    losses: Array, xs: Array, ys: Array, path_points: Array, shares: tuple[float, float],
    folder: Path,
) -> None:  # fmt: skip
    """Draw loss_surface.png and loss_surface.svg.

    Args:
        losses: (len(ys), len(xs)).
        xs: steps along the first direction.
        ys: steps along the second.
        path_points: where the training was after each epoch, (num_epochs + 1, 2).
        shares: of the trajectory's variance that each direction holds.
        folder: where the files go.

    Raises:
        OutputError: a file cannot be written.
    """
    files = (folder / "loss_surface.png", folder / "loss_surface.svg")
    with picture(*files, width=6.5, height=5) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        finite = losses[numpy.isfinite(losses)]
        levels = numpy.geomspace(max(finite.min(), 1e-6), finite.max() * 1.0001, 25)
        filled = axes.contourf(xs, ys, losses, levels=levels, cmap="viridis_r", norm="log")
        axes.contour(xs, ys, losses, levels=levels, colors="white", linewidths=0.4, alpha=0.6)
        axes.plot(*path_points.T, "o-", color="tab:red", markersize=3, linewidth=1.2,
                  label="trajectory, a point an epoch")  # fmt: skip
        axes.plot(*path_points[0], "s", color="black", label="first weights")
        axes.plot(*path_points[-1], "*", color="black", markersize=11, label="last weights")
        axes.set(
            title="Training loss in the plane of the trajectory's two principal directions",
            xlabel=f"first direction ({shares[0]:.0%} of the trajectory's variance)",
            ylabel=f"second direction ({shares[1]:.0%})",
        )
        axes.legend(fontsize="small", frameon=True)
        ticks = numpy.geomspace(levels[0], levels[-1], 6)
        bar = figure.colorbar(filled, ax=axes, label="loss", ticks=ticks)
        bar.ax.set_yticklabels([f"{tick:.3g}" for tick in ticks])
        bar.ax.minorticks_off()


def _height_of(plane: Plane, width: float) -> float:
    """Inches for a panel so wide with its title; axes with names fill what they are given."""
    if plane.names is not None:
        return width + 0.2
    left, right, bottom, top = plane.extent
    return width * (top - bottom) / (right - left) + 0.3


def _draw_regions(axes: Axes, plane: Plane, probabilities: Array, epoch: int) -> None:
    colors = numpy.array([to_rgb(color) for color in _COLORS])
    mixed = probabilities @ colors[: probabilities.shape[-1]]
    shown = numpy.clip(0.5 + 0.5 * mixed, 0, 1)
    axes.imshow(shown, extent=plane.extent, origin="lower", interpolation="bilinear")
    if plane.names is not None:
        axes.set_aspect("auto")
    for label, color in zip(numpy.unique(plane.labels), _COLORS, strict=False):
        axes.plot(*plane.points[plane.labels == label].T, "o", color=color, markersize=2.5,
                  markeredgecolor="white", markeredgewidth=0.3)  # fmt: skip
    axes.set(
        title=f"epoch {epoch}" if epoch else "before training",
        xlim=plane.extent[:2], ylim=plane.extent[2:],
    )  # fmt: skip
    if plane.names is None:
        axes.set(xticks=[], yticks=[])
        return
    axes.set_xlabel(plane.names[0], parse_math=False)
    axes.set_ylabel(plane.names[1], parse_math=False)
    axes.locator_params(nbins=4)


def _draw_mosaic(axes: Axes, mosaic: Array, limit: float, epoch: int) -> None:
    axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_axis_off()
    axes.set_title(f"epoch {epoch}" if epoch else "before training")


def _spread(number: int, most: int) -> list[int]:
    """At most so many of `number` places, the first and the last among them, denser early on."""
    if number <= most:
        return list(range(number))
    places = numpy.geomspace(1, number, most).round().astype(int) - 1
    return sorted(set(places.tolist()))
