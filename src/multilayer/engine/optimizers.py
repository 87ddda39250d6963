"""How a gradient becomes a step, over the flat vector of all parameters.

Learning rates are one number, or a tensor (num_members, 1) where members differ.
"""

import math
from typing import Protocol

import torch
from torch import Tensor

Rate = float | Tensor


class Optimizer(Protocol):
    """Changes parameters (num_members, num_parameters) in place."""

    def step(self, gradient: Tensor, learning_rate: Rate) -> None:
        """One step along a gradient of the parameters' shape, which is left unchanged."""


class SGD:
    """Gradient descent with momentum, as torch.optim.SGD: v ← μ v + g, θ ← θ − η v.

    Args:
        parameters: θ, (num_members, num_parameters).
        momentum: μ.
    """

    def __init__(self, parameters: Tensor, momentum: float = 0.0) -> None:
        self.parameters, self.momentum = parameters, momentum
        self.velocity = torch.zeros_like(parameters) if momentum else None

    def step(self, gradient: Tensor, learning_rate: Rate) -> None:
        """See `Optimizer`."""
        if self.velocity is not None:
            gradient = self.velocity.mul_(self.momentum).add_(gradient)
        if isinstance(learning_rate, Tensor):
            self.parameters.addcmul_(gradient, learning_rate, value=-1)
        else:
            self.parameters.add_(gradient, alpha=-learning_rate)


class Adam:
    """Adam (Kingma and Ba, 2015), as torch.optim.Adam.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², and after t steps
    θ ← θ − η m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε).

    Where all members share η, PyTorch's fused kernel does it in one pass over memory.

    Args:
        parameters: θ, (num_members, num_parameters).
        betas: β₁ and β₂.
        epsilon: ε.
    """

    def __init__(
        self,
        parameters: Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters, self.betas, self.epsilon = parameters, betas, epsilon
        self.first_moment = torch.zeros_like(parameters)
        self.second_moment = torch.zeros_like(parameters)
        self.num_steps = 0
        self._num_steps_tensor = torch.zeros((), device=parameters.device)  # as the kernel wants it
        self._denominator: Tensor | None = None

    def step(self, gradient: Tensor, learning_rate: Rate) -> None:
        """See `Optimizer`."""
        self.num_steps += 1
        self._num_steps_tensor += 1
        if isinstance(learning_rate, Tensor):
            self._step_at_own_rates(gradient, learning_rate)
            return
        torch._fused_adam_(
            [self.parameters], [gradient], [self.first_moment], [self.second_moment], [],
            [self._num_steps_tensor], lr=learning_rate, beta1=self.betas[0], beta2=self.betas[1],
            weight_decay=0.0, eps=self.epsilon, amsgrad=False, maximize=False,
        )  # fmt: skip

    def _step_at_own_rates(self, gradient: Tensor, learning_rates: Tensor) -> None:
        if self._denominator is None:
            self._denominator = torch.empty_like(self.parameters)
        (beta_1, beta_2), num_steps = self.betas, self.num_steps
        self.first_moment.lerp_(gradient, 1 - beta_1)
        self.second_moment.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
        torch.sqrt(self.second_moment, out=self._denominator)
        self._denominator.div_(math.sqrt(1 - beta_2**num_steps)).add_(self.epsilon)
        self._denominator.div_(learning_rates)
        value = -1 / (1 - beta_1**num_steps)
        self.parameters.addcdiv_(self.first_moment, self._denominator, value=value)
