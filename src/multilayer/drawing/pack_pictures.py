"""The learning curves of a pack, whose networks are trained one group after the other."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multilayer.drawing.pack_history import Line, first_loss, groups_of

_LARGEST_DRAWN = 1e100  # near the largest float axes overflow
_MOST_GROUPS_MARKED = 40


def draw_pack(figure: Figure, epochs: Sequence[Line]) -> list[Axes]:
    """Draw the mixture's loss, and beside it those of the networks in training.

    Args:
        figure: to draw on.
        epochs: of the history; see `save_learning_curves`.
    """
    left, right = figure.subplots(1, 2)
    left.set(title="The mixture on held-out rows", ylabel="loss")
    losses: list[float] = []
    known = [line for line in epochs if not math.isnan(_drawn(line.get("mixture_loss")))]
    if known:
        places = [_drawn(line["epoch"]) for line in known]
        losses = [_drawn(line["mixture_loss"]) for line in known]
        left.step(places, losses, where="post", color="tab:blue",
                  label=f"mixture: {losses[-1]:#.4g}")  # fmt: skip
        left.plot(places[-1:], losses[-1:], "o", color="tab:blue", markersize=4)
    alone = _drawn(first_loss(epochs))
    if not math.isnan(alone):
        least = min(losses, default=alone)
        span = max(alone - least, 0.02 * abs(alone)) or 1.0
        left.set_ylim(least - 0.2 * span, alone + 2 * span)  # its first epochs would hide the rest
        left.axhline(alone, color="0.4", linestyle="--", linewidth=1,
                     label=f"first draw, the recipe's settings: {alone:#.4g}")  # fmt: skip
    right.set(title="The networks in training, their mean", ylabel="loss")
    has_calibrated = any(line.get("validation_calibrated_loss") is not None for line in epochs)
    held_out = "validation_calibrated_loss" if has_calibrated else "validation_loss"
    groups = groups_of(epochs)
    for number, group in enumerate(groups):
        places = [_drawn(line["epoch"]) for line in group]
        for key, name, color, shift in (
            ("train_loss", "training", "tab:blue", -0.5),
            (held_out, "held-out, calibrated" if has_calibrated else "held-out", "tab:orange", 0),
        ):
            right.plot([place + shift for place in places],
                       [_drawn(line.get(key)) for line in group], color=color, linewidth=1,
                       label=None if number else name)  # fmt: skip
    starts = [_drawn(group[0]["epoch"]) for group in groups[1:]]
    for axes in (left, right):
        for start in starts if len(starts) <= _MOST_GROUPS_MARKED else ():
            axes.axvline(start - 0.5, color="0.85", linewidth=0.8, zorder=0)
    return [left, right]


def _drawn(value: float | None) -> float:
    return value if value is not None and abs(value) < _LARGEST_DRAWN else math.nan
