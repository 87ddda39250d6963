"""The README's picture of the peers' table."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from multilayer.files import replace_atomically

# Middle greys and colours, which stand out on a white page and on a black one.
_TEXT, _OTHERS, _ENGINE, _FLOOR = "#7d8590", "#8b949e", "#2f81f7", "#bb8009"


def save_speed_chart(medians: Mapping[str, Mapping[str, float]], path: str | Path) -> None:
    """Draw a panel a case: a bar for each contender, as long as its step takes.

    Args:
        medians: seconds of a step by case and contender; all cases with the same contenders, the
            engine among them.
        path: an SVG file.
    """
    names = list(next(iter(medians.values())))
    height = 0.7 + 0.2 * len(names)
    # Text as text, in the reader's own font; no date and no random names in the file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "speed", "font.size": 8}):
        figure = Figure(figsize=(8.5, height), layout="constrained")
        panels = figure.subplots(1, len(medians), sharey=True, squeeze=False)[0]
        for axes, (title, seconds) in zip(panels, medians.items(), strict=True):
            ratios = [seconds[name] / seconds["engine"] for name in names]
            colors = [{"engine": _ENGINE, "floor": _FLOOR}.get(name, _OTHERS) for name in names]
            bars = axes.barh(names, ratios, color=colors, height=0.7)
            axes.bar_label(bars, [f"{ratio:.1f}" for ratio in ratios], padding=2, color=_TEXT)
            axes.set_title(title, color=_TEXT, fontsize=8)
            axes.set_xlim(0, 1.2 * max(ratios))
            axes.set_xticks([])
            axes.tick_params(left=False, labelcolor=_TEXT)
            axes.spines[:].set_visible(False)
        panels[0].invert_yaxis()
        figure.supxlabel("time of a training step, as a multiple of the engine's",
                         color=_TEXT, fontsize=8)  # fmt: skip
        with replace_atomically(path) as file:
            figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
