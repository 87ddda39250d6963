"""How a gradient becomes a step, over the flat vector of all parameters."""

import math
from typing import Protocol

import torch
from torch import Tensor

from multilayer.engine.settings import TrainingSettings


class Optimizer(Protocol):
    """Changes parameters (num_members, num_parameters) in place."""

    def step(self, gradient: Tensor) -> None:
        """One step along a gradient of the parameters' shape, which is left unchanged."""


class SGD:
    """Gradient descent with momentum, as torch.optim.SGD: v ← μ v + g, θ ← θ − η v.

    Args:
        parameters: θ, (num_members, num_parameters).
        learning_rate: η.
        momentum: μ.
    """

    def __init__(self, parameters: Tensor, learning_rate: float, momentum: float = 0.0) -> None:
        self.parameters, self.learning_rate, self.momentum = parameters, learning_rate, momentum
        self.velocity = torch.zeros_like(parameters) if momentum else None

    def step(self, gradient: Tensor) -> None:
        """See `Optimizer`."""
        if self.velocity is not None:
            gradient = self.velocity.mul_(self.momentum).add_(gradient)
        self.parameters.add_(gradient, alpha=-self.learning_rate)


class Adam:
    """Adam (Kingma and Ba, 2015), as torch.optim.Adam.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², and after t steps
    θ ← θ − η m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε).

    Args:
        parameters: θ, (num_members, num_parameters).
        learning_rate: η.
        betas: β₁ and β₂.
        epsilon: ε.
    """

    def __init__(
        self,
        parameters: Tensor,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters, self.learning_rate = parameters, learning_rate
        self.betas, self.epsilon = betas, epsilon
        self.first_moment = torch.zeros_like(parameters)
        self.second_moment = torch.zeros_like(parameters)
        self.num_steps = 0
        self._denominator = torch.empty_like(parameters)

    def step(self, gradient: Tensor) -> None:
        """See `Optimizer`."""
        beta_1, beta_2 = self.betas
        self.num_steps += 1
        self.first_moment.lerp_(gradient, 1 - beta_1)
        self.second_moment.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
        torch.sqrt(self.second_moment, out=self._denominator)
        self._denominator.div_(math.sqrt(1 - beta_2**self.num_steps)).add_(self.epsilon)
        step_size = self.learning_rate / (1 - beta_1**self.num_steps)
        self.parameters.addcdiv_(self.first_moment, self._denominator, value=-step_size)


def make_optimizer(parameters: Tensor, settings: TrainingSettings) -> Optimizer:
    """The optimizer that the settings name, for parameters (num_members, num_parameters)."""
    if settings.optimizer == "adam":
        return Adam(parameters, settings.learning_rate)
    return SGD(parameters, settings.learning_rate, settings.momentum)
