"""How a gradient becomes a step, over the flat vector of all parameters.

Learning rates are one number, or a tensor (num_members, 1) where members differ. Groups of
parameters may learn at multiples of it; what is in no group stays as it is.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from multilayer.engine.rate_groups import RateGroup

Rate = float | Tensor


class Optimizer(Protocol):
    """Changes parameters (num_members, num_parameters) in place."""

    def step(self, gradient: Tensor, learning_rate: Rate) -> None:
        """One step along a gradient of the parameters' shape, which is left unchanged."""

    def state(self) -> dict[str, Tensor]:
        """What is remembered from step to step."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` held."""


class SGD:
    """Gradient descent with momentum, as torch.optim.SGD: v ← μ v + g, θ ← θ − η v.

    Args:
        parameters: θ, (num_members, num_parameters).
        momentum: μ.
        groups: what learns at which multiple of η; None: everything at η.
    """

    def __init__(
        self,
        parameters: Tensor,
        momentum: float = 0.0,
        groups: Sequence[RateGroup] | None = None,
    ) -> None:
        self.parameters, self.momentum = parameters, momentum
        self.velocity = torch.zeros_like(parameters) if momentum else None
        self._rates = None if _is_plain(groups, parameters) else _rates(groups, parameters)

    def step(self, gradient: Tensor, learning_rate: Rate) -> None:
        """See `Optimizer`."""
        if self.velocity is not None:
            gradient = self.velocity.mul_(self.momentum).add_(gradient)
        if self._rates is not None:
            self.parameters.addcmul_(gradient, self._rates * learning_rate, value=-1)
        elif isinstance(learning_rate, Tensor):
            self.parameters.addcmul_(gradient, learning_rate, value=-1)
        else:
            self.parameters.add_(gradient, alpha=-learning_rate)

    def state(self) -> dict[str, Tensor]:
        """See `Optimizer`."""
        return {} if self.velocity is None else {"velocity": self.velocity}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimizer`."""
        if self.velocity is not None:
            self.velocity.copy_(state["velocity"])


class Adam:
    """Adam (Kingma and Ba, 2015), as torch.optim.Adam.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², and after t steps
    θ ← θ − η m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε).

    Where all members share η, PyTorch's fused kernel does it in one pass over memory, called once
    for each group.

    Args:
        parameters: θ, (num_members, num_parameters).
        betas: β₁ and β₂.
        epsilon: ε.
        groups: what learns at which multiples of η and ε; None: everything at η with ε.
    """

    def __init__(
        self,
        parameters: Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        groups: Sequence[RateGroup] | None = None,
    ) -> None:
        self.parameters, self.betas, self.epsilon = parameters, betas, epsilon
        self.first_moment = torch.zeros_like(parameters)
        self.second_moment = torch.zeros_like(parameters)
        self.num_steps = 0
        # As the kernel wants it.
        self._num_steps_tensor = torch.zeros((), dtype=torch.float32, device=parameters.device)
        self._groups = groups or (RateGroup(0, parameters.shape[1]),)
        self._is_plain = _is_plain(groups, parameters)
        self._parts = [
            [_parts(t, group) for t in (parameters, self.first_moment, self.second_moment)]
            for group in self._groups
        ]
        self._gradient_parts: tuple[Tensor | None, list[list[Tensor]]] = None, []
        self._denominator: Tensor | None = None

    def step(self, gradient: Tensor, learning_rate: Rate) -> None:
        """See `Optimizer`."""
        self.num_steps += 1
        self._num_steps_tensor += 1
        if isinstance(learning_rate, Tensor):
            self._step_at_own_rates(gradient, learning_rate)
            return
        if self._gradient_parts[0] is not gradient:
            self._gradient_parts = gradient, [_parts(gradient, group) for group in self._groups]
        for group, gradients, (parameters, first, second) in zip(
            self._groups, self._gradient_parts[1], self._parts, strict=True
        ):
            torch._fused_adam_(
                parameters, gradients, first, second, [],
                [self._num_steps_tensor] * len(parameters), lr=learning_rate * group.rate,
                beta1=self.betas[0], beta2=self.betas[1], weight_decay=0.0,
                eps=self.epsilon * group.epsilon, amsgrad=False, maximize=False,
            )  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """See `Optimizer`."""
        return {
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "num_steps": torch.tensor(self.num_steps),
            "num_steps_of_kernel": self._num_steps_tensor,
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimizer`."""
        self.first_moment.copy_(state["first_moment"])
        self.second_moment.copy_(state["second_moment"])
        self.num_steps = int(state["num_steps"])
        self._num_steps_tensor.copy_(state["num_steps_of_kernel"])

    def _step_at_own_rates(self, gradient: Tensor, learning_rates: Tensor) -> None:
        if self._denominator is None:
            self._denominator = torch.empty_like(self.parameters)
            self._rates = _rates(self._groups, self.parameters)
            self._epsilons = _epsilons(self._groups, self.parameters, self.epsilon)
        (beta_1, beta_2), num_steps = self.betas, self.num_steps
        self.first_moment.lerp_(gradient, 1 - beta_1)
        self.second_moment.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
        torch.sqrt(self.second_moment, out=self._denominator)
        self._denominator.div_(math.sqrt(1 - beta_2**num_steps))
        self._denominator.add_(self.epsilon if self._is_plain else self._epsilons)
        self._denominator.div_(learning_rates)
        if not self._is_plain:
            self._denominator.div_(self._rates)  # a rate of 0 makes it infinite: θ stays
        value = -1 / (1 - beta_1**num_steps)
        self.parameters.addcdiv_(self.first_moment, self._denominator, value=value)


def _is_plain(groups: Sequence[RateGroup] | None, parameters: Tensor) -> bool:
    """Whether everything learns at the learning rate itself."""
    return groups is None or tuple(groups) == (RateGroup(0, parameters.shape[1]),)


def _rates(groups: Sequence[RateGroup] | None, parameters: Tensor) -> Tensor:
    """Multiples of the learning rate, (1, num_parameters); 0 where there is no group."""
    rates = parameters.new_zeros(1, parameters.shape[1])
    for group in groups or ():
        rates[:, group.start : group.stop] = group.rate
    return rates


def _epsilons(groups: Sequence[RateGroup], parameters: Tensor, epsilon: float) -> Tensor:
    """Adam's ε of each parameter, (1, num_parameters)."""
    epsilons = parameters.new_full((1, parameters.shape[1]), epsilon)
    for group in groups:
        epsilons[:, group.start : group.stop] *= group.epsilon
    return epsilons


def _parts(tensor: Tensor, group: RateGroup) -> list[Tensor]:
    """A group's part of (num_members, num_parameters), each piece without gaps in memory."""
    part = tensor[:, group.start : group.stop]
    return [part] if part.is_contiguous() else list(part)
