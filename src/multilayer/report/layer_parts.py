"""Activations and gradients by layer, as a report shows them."""

from typing import Any

from multilayer.diagnostics.layer_statistics import GradientNorm, LayerStatistics, layer_statistics
from multilayer.drawing.html.chart import Bar, BarTable
from multilayer.drawing.html.content import LayerSummary
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network

_HEADERS = ("neurons", "mean", "deviation", "zeros", "silent neurons", "saturated")


def layer_parts(network: Network, examples: Examples, loss: str) -> dict[str, Any]:
    """Fields of `RunContent` about the layers."""
    layers, norms = layer_statistics(network, examples, loss)
    return {
        "layer_headers": _HEADERS,
        "layers": [
            _layer(f"hidden\N{NO-BREAK SPACE}{number}", one) for number, one in enumerate(layers, 1)
        ],
        "gradients": _gradients(norms),
    }


def _layer(name: str, one: LayerStatistics) -> LayerSummary:
    largest = max(one.histogram)
    saturated = "–" if one.saturated_share is None else f"{one.saturated_share:.1%}"
    low, high = one.range
    return LayerSummary(
        name,
        (
            f"{one.width:,}",
            f"{one.mean:.3g}",
            f"{one.deviation:.3g}",
            f"{one.zero_share:.1%}",
            f"{one.silent_share:.1%}",
            saturated,
        ),
        [count / largest for count in one.histogram],
        f"{low:.3g} to {high:.3g}",
    )


def _gradients(norms: list[GradientNorm]) -> BarTable:
    largest = max(norm.gradient for norm in norms) or 1.0
    return BarTable(
        "Norm of the loss’s gradient by weight matrix",
        ("weights", "norm (÷ the weights’)"),
        [
            Bar(
                norm.name,
                f"{norm.gradient:.3g}"
                + (f" ({norm.gradient / norm.weight:.2g})" if norm.weight else ""),
                norm.gradient / largest,
            )
            for norm in norms
        ],
    )
