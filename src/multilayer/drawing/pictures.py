"""Pictures of a training run as PNG files."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from multilayer.drawing.figures import picture
from multilayer.drawing.first_layer import first_layer_mosaic
from multilayer.drawing.pack_history import is_of_pack
from multilayer.drawing.pack_pictures import draw_pack
from multilayer.errors import DataError

Array = numpy.ndarray[Any, Any]

_LARGEST_DRAWN = 1e100  # far beyond any useful loss; near the largest float axes overflow
_LONGEST_NAME = 20
_MOST_CLASSES_WITH_COUNTS = 20
_MOST_CLASS_LABELS = 60
_MOST_MISTAKES = 25
_VALIDATION_LOSSES = {
    "validation_loss": ("validation", "tab:orange"),
    "validation_calibrated_loss": ("validation, calibrated", "tab:red"),
}


def save_learning_curves(epochs: Sequence[Mapping[str, float | None]], path: str | Path) -> None:
    """Draw how losses and validation accuracy went, epoch by epoch.

    Of a pack, whose lines have a `wave`, it is the mixture's loss, and that of each group of draws.

    Args:
        epochs: for each epoch a mapping with the keys epoch, train_loss, validation_loss,
            validation_calibrated_loss and validation_accuracy (a fraction). Figures may be
            missing, None or not finite.
        path: the PNG file to write.

    Raises:
        OutputError: the file cannot be written.
    """
    if is_of_pack(epochs):
        with picture(path, width=10, height=3.8) as figure:
            figure.set_layout_engine("constrained", w_pad=0.1)
            for panel in draw_pack(figure, epochs):
                _finish(panel, epochs, "epoch, one group of draws after the other", None)
        return
    names = ("train_loss", *_VALIDATION_LOSSES, "validation_accuracy")
    curves = {key: _curve(epochs, key) for key in names}
    has_accuracy = bool(curves["validation_accuracy"][0])
    num_panels = 2 if has_accuracy else 1
    with picture(path, width=5 * num_panels, height=3.6) as figure:
        figure.set_layout_engine("constrained", w_pad=0.1)
        panels = figure.subplots(1, num_panels, squeeze=False)[0]
        panels[0].set(title="Loss", ylabel="loss")
        places, losses = curves["train_loss"]
        # A mean over the epoch's batches, each when its turn came: it belongs to the middle.
        middles = [place - 0.5 for place in places]
        _plot(panels[0], middles, losses, name="training", color="tab:blue")
        for key, (name, color) in _VALIDATION_LOSSES.items():
            _plot(panels[0], *curves[key], name=name, color=color)
        if has_accuracy:
            panels[1].set(title="Accuracy", ylabel="share of right answers")
            _plot(panels[1], *curves["validation_accuracy"], name="validation", color="tab:orange")
        for panel in panels:
            _finish(panel, epochs, "epoch", "after the last epoch")


def _finish(
    panel: Axes, epochs: Sequence[Mapping[str, float | None]], label: str, legend: str | None
) -> None:
    panel.set_xlabel(label)
    _mark_epochs(panel, [line["epoch"] for line in epochs])
    panel.grid(visible=True)
    if panel.get_legend_handles_labels()[1]:
        panel.legend(title=legend, loc="best")


def save_first_layer(
    weights: Array,
    image_shape: tuple[int, int],
    path: str | Path,
    max_units: int = 100,
    whose: str = "",
) -> None:
    """Show the weights into hidden units as pictures, those with the largest norm first.

    Args:
        weights: (num_inputs, num_hiddens).
        image_shape: (height, width) of the images; their product is num_inputs.
        path: the PNG file to write.
        max_units: the number of units to show at most.
        whose: which network's they are, for the title; empty: there is one.

    Raises:
        DataError: the weights do not fit the images.
        OutputError: the file cannot be written.
    """
    mosaic = first_layer_mosaic(weights, image_shape, max_units)
    with picture(
        path, width=8, height=0.4 + 6.8 * mosaic.values.shape[0] / mosaic.values.shape[1]
    ) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        image = axes.imshow(mosaic.values, cmap="RdBu_r", vmin=-mosaic.limit, vmax=mosaic.limit)
        axes.set_axis_off()
        axes.set_title(f"{mosaic.title}\n{whose}" if whose else mosaic.title)
        figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02, shrink=0.7, label="weight",
                        extend="both")  # fmt: skip


def save_confusion_matrix(matrix: Array, class_names: Sequence[str], path: str | Path) -> None:
    """Draw how many examples of each true class got each predicted class.

    Cells are shaded by their share of the true class and, up to 20 classes, hold the count.

    Args:
        matrix: counts, (num_classes, num_classes); rows are true, columns predicted classes.
        class_names: one for each class.
        path: the PNG file to write.

    Raises:
        DataError: the matrix is not square or does not fit the names.
        OutputError: the file cannot be written.
    """
    num_classes = len(class_names)
    if matrix.shape != (num_classes, num_classes) or num_classes == 0:
        raise DataError(
            f"the confusion matrix has the shape {matrix.shape}; for {num_classes} class names "
            f"it must be ({num_classes}, {num_classes})"
        )
    num_examples, num_right = int(matrix.sum()), int(numpy.trace(matrix))
    shares = matrix / numpy.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [_shown_name(name) for name in class_names]
    side = min(16.0, 4 + 0.4 * num_classes)
    with picture(path, width=side + 1, height=side) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        axes.spines[:].set_visible(False)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="predicted class", ylabel="true class")
        if num_examples:
            axes.set_title(
                f"Confusion matrix: {num_right:,} of {num_examples:,} right "
                f"({num_right / num_examples:.1%})"
            )
        else:
            axes.set_title("Confusion matrix: no examples")
        labelled = range(0, num_classes, math.ceil(num_classes / _MOST_CLASS_LABELS))
        labels = [names[index] for index in labelled]
        axes.set_yticks(labelled, labels)
        if max(map(len, labels)) > 3:
            axes.set_xticks(labelled, labels, rotation=45, ha="right", rotation_mode="anchor")
        else:
            axes.set_xticks(labelled, labels)
        if num_classes <= _MOST_CLASSES_WITH_COUNTS:
            for row, column in numpy.ndindex(matrix.shape):
                count, share = int(matrix[row, column]), shares[row, column]
                color = "white" if share > 0.5 else "black" if count else "0.7"
                axes.text(column, row, f"{count}", ha="center", va="center", color=color,
                          fontsize="small")  # fmt: skip
        figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="share of the true class")


def save_mistakes(
    images: Array,
    true_labels: Array,
    predicted_labels: Array,
    confidences: Array,
    class_names: Sequence[str],
    path: str | Path,
) -> None:
    """Show the images with a wrong predicted label, the most confident first, 25 at most.

    Args:
        images: uint8, (num_images, height, width); those labelled correctly are passed over.
        true_labels: (num_images,), from 0.
        predicted_labels: (num_images,), from 0.
        confidences: (num_images,), the probability of each predicted label.
        class_names: one for each class.
        path: the PNG file to write.

    Raises:
        OutputError: the file cannot be written.
    """
    wrong = numpy.flatnonzero(true_labels != predicted_labels)
    shown = wrong[numpy.argsort(-confidences[wrong], kind="stable")][:_MOST_MISTAKES]
    num_columns = 5
    num_rows = max(1, math.ceil(len(shown) / num_columns))
    with picture(path, width=1.75 * num_columns, height=0.5 + 2.0 * num_rows) as figure:
        if not len(shown):
            figure.text(0.5, 0.5, "No mistakes", ha="center", va="center", fontsize="x-large")
            return
        head = 0.4 / figure.get_figheight()
        number = f"{len(wrong):,} mistake{'s' * (len(wrong) > 1)}"
        figure.suptitle(
            number if len(shown) == len(wrong) else f"The {len(shown)} most confident of {number}",
            y=1 - head / 2,
            va="center",
        )
        grid = figure.add_gridspec(
            num_rows, num_columns,
            left=0.02, right=0.98, bottom=0.01, top=1 - head - 0.3 / figure.get_figheight(),
            wspace=0.1, hspace=0.35,
        )  # fmt: skip
        for place, index in enumerate(shown):
            axes = figure.add_subplot(grid[divmod(place, num_columns)])
            axes.imshow(images[index], cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
            predicted = _shown_name(class_names[predicted_labels[index]])
            true = _shown_name(class_names[true_labels[index]])
            axes.set_title(
                f"{predicted} ({confidences[index]:.0%})\ntrue: {true}", fontsize="small", pad=3
            )


def _curve(
    epochs: Sequence[Mapping[str, float | None]], key: str
) -> tuple[list[float], list[float]]:
    """Return the epochs that have a figure called `key`, and these figures."""
    points = [(row.get("epoch"), row.get(key)) for row in epochs]
    known = [(epoch, value) for epoch, value in points if epoch is not None and value is not None]
    return [epoch for epoch, _ in known], [value for _, value in known]


def _plot(axes: Axes, x: list[float], y: list[float], name: str, color: str) -> None:
    if not x:
        return
    drawn = [value if abs(value) < _LARGEST_DRAWN else math.nan for value in y]
    axes.plot(x, drawn, color=color, marker="o", markersize=3, label=f"{name}: {y[-1]:#.4g}")


def _mark_epochs(axes: Axes, epochs: Sequence[float | None]) -> None:
    """Whole numbers along the axis, with the last epoch among them."""
    known = [epoch for epoch in epochs if epoch is not None]
    locator = MaxNLocator(integer=True, min_n_ticks=1)
    if not known:
        axes.xaxis.set_major_locator(locator)
        return
    last = max(known)
    ticks = [tick for tick in locator.tick_values(0, last) if 0 <= tick <= last]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    axes.set_xticks([tick for tick in ticks if last - tick >= 0.7 * step or tick == last])
    axes.set_xticks(sorted({*axes.get_xticks(), last}))
    axes.set_xlim(0, last + 0.02 * last)


def _shown_name(name: str) -> str:
    """Return a class name as it is shown: on one line, not too long."""
    name = "".join(character if character.isprintable() else "?" for character in name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def save_reliability_diagram(
    confidences: Sequence[float],
    accuracies: Sequence[float],
    counts: Sequence[int],
    expected_error: float,
    path: str | Path,
) -> None:
    """Draw the share of right answers over the probability they were given, bin by bin.

    Args:
        confidences: mean probability of the answers in each bin.
        accuracies: share of right answers in each bin.
        counts: rows in each bin; drawn below.
        expected_error: the expected calibration error, for the title.
        path: the PNG file to write.

    Raises:
        OutputError: the file cannot be written.
    """
    with picture(path, width=5, height=5.6) as figure:
        figure.set_layout_engine("constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        upper.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="perfect calibration")
        upper.plot(confidences, accuracies, color="tab:blue", marker="o", label="answers")
        upper.set(
            title=f"Expected calibration error {expected_error:.4f}",
            ylabel="share of right answers",
            xlim=(0, 1),
            ylim=(0, 1),
        )
        upper.grid(visible=True)
        upper.legend(loc="best")
        width = 1 / 40
        lower.bar(confidences, counts, width=width, color="tab:blue")
        lower.set(xlabel="probability of the answer", ylabel="rows")
