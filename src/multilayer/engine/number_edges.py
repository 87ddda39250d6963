"""Where the bins of the piecewise embedding of numbers begin and end."""

import torch
from torch import Tensor

from multilayer.engine.randomness import generator
from multilayer.engine.specification import NetworkSpec

_MOST_ROWS = 1 << 16  # whose quantiles are those of all rows to a fraction of a bin
_ROUNDS = 20  # of taking rows from frequent values, as each makes the bins smaller
_LEAST_WIDTH = 1e-5  # of a bin, as a share of all bins' width: float32 tells no finer ones apart


def fit_edges(
    spec: NetworkSpec, flat: Tensor, inputs: Tensor, rows: Tensor | None, seed: int
) -> None:
    """Write the edges of the bins into a member's parameters.

    Args:
        spec: the network's shape.
        flat: the member's parameters, (1, num_parameters).
        inputs: the training rows, (num_rows, row_width), of any number type. Of more than 65,536
            so many are drawn.
        rows: row numbers that the member learns from; None: all rows.
        seed: of the member.
    """
    edges = spec.slots["numbers.edges"].view(flat)[0]
    num_rows = len(inputs) if rows is None else len(rows)
    if num_rows > _MOST_ROWS:
        drawn = torch.randperm(num_rows, generator=generator(seed, "embedding rows"))[:_MOST_ROWS]
        drawn = drawn.to(inputs.device)
        rows = drawn if rows is None else rows[drawn]
    for column in range(spec.embedded_numbers):
        values = inputs[:, column] if rows is None else inputs[rows, column]
        found = edges_of(values.double() * spec.input_scale, spec.number_components)
        if spec.standardize_inputs:
            shift, scale = (spec.slots[f"inputs.{name}"].view(flat) for name in ("shift", "scale"))
            found = (found - shift[0, 0, column]) * scale[0, 0, column]
        edges[column, 0].copy_(found)


def edges_of(values: Tensor, num_bins: int) -> Tensor:
    """Edges of a column's bins: its distinct values if they are few, else its quantiles.

    A value that more rows have than lie in a bin counts as one bin's rows only, so that the bins of
    a column of many zeros are where its other values are.

    Args:
        values: (num_rows,), float64, at least one.
        num_bins: at least 2.

    Returns:
        (num_bins + 1,), ascending. If that is more bins than there are, some in the middle have no
        width. Of equal values none has a width; otherwise the first and the last have one, so that
        both are open towards values beyond these.
    """
    edges: Tensor
    edges, counts = values.unique(return_counts=True)
    if len(edges) > num_bins + 1:
        edges = edges[_quantile_places(counts.to(values.dtype), num_bins)].unique()
    if len(edges) == 1:
        return edges.expand(num_bins + 1)
    least = _LEAST_WIDTH * (edges[-1] - edges[0])
    between = edges[1:-1]
    between = between[(between - edges[:-2] > least) & (edges[-1] - between > least)]
    if len(between) == 0:  # a single bin would be closed on one side
        between = edges[[0, -1]].mean(dim=0, keepdim=True)
    missing = num_bins - 1 - len(between)
    return torch.cat([edges[:1], between, between[-1:].expand(missing), edges[-1:]])


def _quantile_places(counts: Tensor, num_bins: int) -> Tensor:
    """Which of the distinct values are edges, given how many rows have each."""
    for _ in range(_ROUNDS):
        counts = counts.clamp(max=counts.sum() / num_bins)
    shares = torch.linspace(0, 1, num_bins + 1, dtype=counts.dtype, device=counts.device)
    middles = (counts.cumsum(0) - counts / 2) / counts.sum()
    places = torch.searchsorted(middles, shares)
    places[0], places[-1] = 0, len(counts) - 1
    return places
