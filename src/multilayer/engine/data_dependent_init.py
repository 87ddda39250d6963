"""First values that training rows give: of what standardises inputs, and of linear layers."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from multilayer.engine.backpropagation import Passes
from multilayer.engine.layers.inputs import OneHotExpansion
from multilayer.engine.number_edges import fit_edges
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec

_ROWS_SEEN = 1024  # by the linear layers; a few hundred would do for means and deviations
_ROWS_TO_A_CHUNK = 4096
_ROWS_TO_A_BIAS = 5


def fit_to_rows(
    spec: NetworkSpec,
    settings: Sequence[TrainingSettings],
    parameters: Tensor,
    inputs: Tensor,
    rows: Sequence[Tensor] | None,
) -> None:
    """Change a population's first values where its settings ask for it.

    Args:
        spec: the networks' shape.
        settings: of each member.
        parameters: as they were drawn, (num_members, num_parameters).
        inputs: the training rows, (num_rows, row_width), of any number type.
        rows: row numbers that each member learns from; None: all rows.
    """
    for member, of_member in enumerate(settings):
        flat = parameters[member : member + 1]
        own_rows = None if rows is None else rows[member]
        if spec.standardize_inputs:
            if rows is None and member > 0:
                for name in ("inputs.shift", "inputs.scale"):
                    spec.slots[name].view(flat).copy_(spec.slots[name].view(parameters[:1]))
            else:
                _standardize_inputs(spec, flat, inputs, own_rows)
        if "numbers.edges" in spec.slots:
            fit_edges(spec, flat, inputs, own_rows, of_member.seed)
        if of_member.initialization == "data":
            source = generator(of_member.seed, "init rows")
            _fit_linear_layers(spec, flat, _drawn_rows(inputs, own_rows, source), source)
        if of_member.zero_last_layer:
            for slot in spec.linear_layers[-1]:
                slot.view(flat).zero_()


def _standardize_inputs(
    spec: NetworkSpec, flat: Tensor, inputs: Tensor, rows: Tensor | None
) -> None:
    """Each input's mean, and for all inputs one deviation from these means."""
    total = torch.zeros(spec.num_inputs, dtype=torch.float64, device=flat.device)
    squares, num_rows = torch.zeros_like(total), len(inputs) if rows is None else len(rows)
    rows_at_once = spec.rows_at_once(_ROWS_TO_A_CHUNK)
    for start in range(0, num_rows, rows_at_once):
        stop = start + rows_at_once
        chunk = inputs[start:stop] if rows is None else inputs[rows[start:stop]]
        chunk = _first_values(spec, chunk)
        total += chunk.sum(0)
        squares += chunk.square_().sum(0)
    mean = total / num_rows
    deviation = (squares / num_rows - mean.square()).clamp_(min=0).mean().sqrt()
    spec.slots["inputs.shift"].view(flat).copy_(mean)
    if deviation > 0:
        spec.slots["inputs.scale"].view(flat).fill_(float(1 / deviation))


def _first_values(spec: NetworkSpec, rows: Tensor) -> Tensor:
    """Rows (num_rows, row_width) as inputs (num_rows, num_inputs): scaled, or made dense."""
    if not spec.one_hot_blocks:
        return rows.to(torch.float64, copy=True).mul_(spec.input_scale)
    outputs = torch.empty(len(rows), spec.num_inputs, dtype=torch.float64, device=rows.device)
    return OneHotExpansion(spec.num_inputs, spec.one_hot_blocks, outputs).forward(rows)


def _drawn_rows(inputs: Tensor, rows: Tensor | None, source: Generator) -> Tensor:
    """Up to `_ROWS_SEEN` of a member's rows, as a batch (1, num_rows, row_width)."""
    num_rows = len(inputs) if rows is None else len(rows)
    drawn = torch.randperm(num_rows, generator=source)[:_ROWS_SEEN].to(inputs.device)
    return inputs[drawn if rows is None else rows[drawn]].unsqueeze(0)


def _fit_linear_layers(spec: NetworkSpec, flat: Tensor, inputs: Tensor, source: Generator) -> None:
    """Rescale weights and choose biases, layer by layer (Holzmüller et al., 2024).

    Over the rows each neuron's values z have deviation 1 (unless they are constant), and its bias
    is −Σ cᵢ zᵢ for five rows drawn at random with shares c drawn evenly from all that sum to 1, so
    that the neuron bends where there are rows (after Steinwart, "A Sober Look at Neural Network
    Initializations", 2019).
    """
    passes, num_rows = Passes(spec, flat), inputs.shape[1]
    for number, (weight, bias) in enumerate(spec.linear_layers):
        own_weight = weight.view(flat)[0]
        passes.forward(inputs)
        values = passes.linear_inputs[number][0] @ own_weight
        deviation = values.std(dim=0, correction=0)
        factor = torch.where(deviation > 0, 1 / deviation, 1)
        own_weight.mul_(factor)
        values *= factor
        num_neurons = weight.shape[1]
        rows = torch.randint(num_rows, (_ROWS_TO_A_BIAS, num_neurons), generator=source)
        # Independent exponential numbers over their sum are even on the simplex.
        shape = (_ROWS_TO_A_BIAS, num_neurons)
        shares = torch.rand(shape, generator=source, dtype=torch.float32).neg_().log1p_().neg_()
        shares /= shares.sum(0)
        chosen = values.gather(0, rows.to(values.device))
        bias.view(flat)[0].copy_(-(chosen * shares.to(values)).sum(0, keepdim=True))
