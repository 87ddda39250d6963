"""One step of training, value by value: forward, backward, update, as chapter 5.3 has them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from multilayer.engine.activations import ACTIVATIONS
from multilayer.engine.layers.activation import activate
from multilayer.engine.layers.dropout import bits_for, draw_mask
from multilayer.engine.randomness import generator
from multilayer.errors import SettingsError
from multilayer.playground.code import scratch_lines
from multilayer.playground.problems import Problem
from multilayer.playground.setup import Setup
from multilayer.playground.trace_formulas import Followed, Formulas

Phase = Literal["forward", "backward", "update"]
_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # Adam's


@dataclass(frozen=True, eq=False)
class TracedValue:
    """A value of the step.

    Attributes:
        key: such as "H1", "delta2", "W1.grad" or "W1.after".
        phase: of the step.
        layer: from 1; that of the outputs is the last.
        name: key of `WORDS` for what it is; with ".text" behind it, for the explanation.
        symbol: such as "H⁽¹⁾".
        formula: how it is computed, with this layer's symbols.
        values: the numbers.
        code: the line of `as_scratch` that computes it.
        line: the number of this line, from 1.
        by_hand: the formula with numbers put in, for one weight or bias of an update; else "".
        place: row and column of this weight in `values`; None for others.
    """

    key: str
    phase: Phase
    layer: int
    name: str
    symbol: str
    formula: str
    values: NDArray[np.floating] | NDArray[np.integer]
    code: str
    line: int
    by_hand: str = ""
    place: tuple[int, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values; () of a single number."""
        return self.values.shape


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """What Adam remembers from the steps before.

    Attributes:
        first_moment: laid out as the parameters, (num_parameters,) or (num_members, …).
        second_moment: likewise.
        num_steps: that were taken.
    """

    first_moment: Tensor
    second_moment: Tensor
    num_steps: int


def trace_step(
    setup: Setup,
    problem: Problem,
    parameters: Tensor,
    rows: Sequence[int] | Tensor,
    state: OptimizerState | None = None,
) -> list[TracedValue]:
    """Every value of one step of the first network, in the order in which it is computed.

    Nothing is changed. With dropout the masks are drawn for this look alone.

    Args:
        setup: what is on the page.
        problem: made of it.
        parameters: of the engine's network, (num_parameters,) or (num_members, num_parameters).
        rows: numbers of training rows: the batch.
        state: of Adam; None: at its first step.

    Raises:
        SettingsError: there is no row, or a row or the parameters are not of this problem.
    """
    flat = parameters.reshape(-1, parameters.shape[-1])[:1]
    numbers = torch.as_tensor(rows, dtype=torch.int64)
    spec, num_rows = problem.prepared.spec, len(problem.examples)
    if flat.shape[1] != spec.num_parameters:
        raise SettingsError(
            f"parameters must be {spec.num_parameters:,} numbers; they are {flat.shape[1]:,}"
        )
    if numbers.dim() != 1 or not len(numbers) or not 0 <= numbers.min() <= numbers.max() < num_rows:
        raise SettingsError(f"rows must be one or more numbers from 0 to {num_rows - 1:,}")
    with torch.inference_mode():
        return list(_Step(setup, problem, flat, numbers, state).values())


class _Step:
    def __init__(
        self,
        setup: Setup,
        problem: Problem,
        flat: Tensor,
        rows: Tensor,
        state: OptimizerState | None,
    ) -> None:
        spec = problem.prepared.spec
        self._setup, self._state, self._flat = setup, state, flat
        batch = problem.examples.at(rows)
        self._X, self._y = torch.from_numpy(problem.dense(batch)).to(flat.dtype), batch.targets
        self._is_of_classes = problem.task == "classes"
        if not self._is_of_classes:
            self._y = self._y.to(flat.dtype)
        self._slots = spec.linear_layers
        self._depth = len(spec.hidden_widths)
        self._formulas = Formulas(setup, is_of_classes=self._is_of_classes)
        self._lines = {
            key: (number, line.text.strip())
            for number, line in enumerate(scratch_lines(setup, problem), 1)
            for key in line.values
        }
        self._values: dict[str, Tensor] = {}

    def values(self) -> Iterator[TracedValue]:
        """All of them."""
        yield from self._forward()
        yield from self._backward()
        for layer in range(1, self._depth + 2):
            for kind in "Wb":
                yield from self._update(kind, layer)

    def _forward(self) -> Iterator[TracedValue]:
        last = self._depth + 1
        source = generator(self._setup.seed, "trace dropout")
        yield self._traced("X", "forward", 1, self._X)
        yield self._traced("y", "forward", last, self._y)
        self._values["H0"] = values = self._X
        for layer in range(1, last):
            values = values @ self._parameter("W", layer) + self._parameter("b", layer)
            yield self._traced(f"Z{layer}", "forward", layer, values)
            activation = ACTIVATIONS[self._setup.activations[layer - 1]]
            inputs, values = values, torch.empty_like(values)
            slopes = torch.empty_like(values) if activation.forward_with_slope else None
            self._values[f"saved{layer}"] = activate(activation, inputs, values, slopes)
            if self._setup.dropout:
                yield self._traced(f"A{layer}", "forward", layer, values)
                mask = torch.empty_like(values)
                draw_mask(self._setup.dropout, source, bits_for(mask), mask)
                yield self._traced(f"M{layer}", "forward", layer, mask)
                values = values * mask
            yield self._traced(f"H{layer}", "forward", layer, values)
        values = values @ self._parameter("W", last) + self._parameter("b", last)
        yield self._traced("O", "forward", last, values)
        loss = functional.cross_entropy if self._is_of_classes else functional.mse_loss
        yield self._traced("loss", "forward", last, loss(values, self._y))

    def _backward(self) -> Iterator[TracedValue]:
        last, outputs = self._depth + 1, self._values["O"]
        if self._is_of_classes:
            right = functional.one_hot(self._y, outputs.shape[1])
            delta = (outputs.softmax(1) - right) / len(outputs)
        else:
            delta = 2 * (outputs - self._y) / outputs.numel()
        yield self._traced(f"delta{last}", "backward", last, delta)
        yield from self._gradients(last, delta)
        for layer in range(self._depth, 0, -1):
            gradient = delta @ self._parameter("W", layer + 1).T
            yield self._traced(f"dH{layer}", "backward", layer, gradient)
            delta = gradient.clone()
            if self._setup.dropout:
                delta *= self._values[f"M{layer}"]
            activation = ACTIVATIONS[self._setup.activations[layer - 1]]
            activation.backward(delta, self._values[f"saved{layer}"])
            yield self._traced(f"delta{layer}", "backward", layer, delta)
            yield from self._gradients(layer, delta)

    def _gradients(self, layer: int, delta: Tensor) -> Iterator[TracedValue]:
        before = self._values[f"H{layer - 1}"]
        yield self._traced(f"W{layer}.grad", "backward", layer, before.T @ delta)
        yield self._traced(f"b{layer}.grad", "backward", layer, delta.sum(0))

    def _update(self, kind: str, layer: int) -> Iterator[TracedValue]:
        name, setup = f"{kind}{layer}", self._setup
        before, gradient = self._parameter(kind, layer), self._values[f"{kind}{layer}.grad"]
        flat = int(gradient.abs().argmax())
        place = tuple(int(at) for at in np.unravel_index(flat, tuple(gradient.shape)))
        kept = before
        if setup.weight_decay and kind == "W":
            kept = before * (1 - setup.learning_rate * setup.weight_decay)
            yield self._traced(f"{name}.decayed", "update", layer, kept)
        followed = Followed(name, place, float(before[place]), float(gradient[place]))
        if setup.optimizer == "sgd":
            after = kept - setup.learning_rate * gradient
        else:
            first, second = self._moment("first", kind, layer), self._moment("second", kind, layer)
            first = first + (1 - _BETAS[0]) * (gradient - first)
            second = second + (1 - _BETAS[1]) * (gradient**2 - second)
            yield self._traced(f"{name}.m", "update", layer, first)
            yield self._traced(f"{name}.v", "update", layer, second)
            num_steps = 1 + (0 if self._state is None else self._state.num_steps)
            mean, square = (
                moment / (1 - beta**num_steps)
                for moment, beta in zip((first, second), _BETAS, strict=True)
            )
            after = kept - setup.learning_rate * mean / (square.sqrt() + _EPSILON)
            followed = Followed(
                name, place, float(before[place]), float(gradient[place]),
                float(mean[place]), float(square[place]),
            )  # fmt: skip
        by_hand = self._formulas.by_hand(followed, float(after[place]))
        yield self._traced(f"{name}.after", "update", layer, after, by_hand, place)

    def _parameter(self, kind: str, layer: int) -> Tensor:
        return self._of_layer(self._flat, kind, layer)

    def _moment(self, which: str, kind: str, layer: int) -> Tensor:
        if self._state is None:
            return torch.zeros_like(self._parameter(kind, layer))
        moment: Tensor = getattr(self._state, f"{which}_moment")
        return self._of_layer(moment.reshape(-1, moment.shape[-1])[:1], kind, layer)

    def _of_layer(self, flat: Tensor, kind: str, layer: int) -> Tensor:
        """W (inputs, outputs) or b (outputs,)."""
        slot = self._slots[layer - 1]["Wb".index(kind)]
        values = slot.view(flat)[0]
        return values if kind == "W" else values[0]

    def _traced(
        self,
        key: str,
        phase: Phase,
        layer: int,
        values: Tensor,
        by_hand: str = "",
        place: tuple[int, ...] | None = None,
    ) -> TracedValue:
        self._values[key] = values
        line, code = self._lines[key]
        return TracedValue(
            key,
            phase,
            layer,
            self._formulas.name(key),
            self._formulas.symbol(key),
            self._formulas.formula(key),
            values.numpy().copy(),
            code,
            line,
            by_hand,
            place,
        )
