"""One training step: forward, loss, backward, update."""

from collections.abc import Sequence

import torch
from torch import Tensor

from multilayer.engine.backpropagation import DropoutPlan, Passes
from multilayer.engine.batches import Batch
from multilayer.engine.distributed import GradientSum, Ranks
from multilayer.engine.layers import Descent
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.optimizers import SGD, Adam, Optimizer, Rate
from multilayer.engine.randomness import generator
from multilayer.engine.schedules import SCHEDULES
from multilayer.engine.settings import TrainingSettings, of_members
from multilayer.errors import SettingsError


class Step:
    """Takes a population one batch further.

    Args:
        network: its parameters are changed in place.
        settings: one for all members, or one for each.
        num_steps: how many steps the schedule of the learning rate is spread over.
        gradient_sum: sums the gradients of ranks that train together; None: trains alone.

    Attributes:
        gradient: of the last batch, (num_members, num_parameters), laid out as the parameters.
            Plain gradient descent takes its step without ever writing it, see `Linear.backward`.
        averaged: the running average of the parameters, of their shape; None without one.
    """

    def __init__(
        self,
        network: Network,
        settings: TrainingSettings | Sequence[TrainingSettings],
        num_steps: int = 1,
        gradient_sum: GradientSum | None = None,
    ) -> None:
        members = of_members(settings, network.num_members)
        shared = members[0]
        _refuse_what_does_not_work_yet(network, shared)
        self._gradient_sum = gradient_sum
        self.gradient = (
            torch.zeros_like(network.parameters) if gradient_sum is None else gradient_sum.gradient
        )
        self._parameters = network.parameters
        self._weights = [
            weight.view(network.parameters) for weight, _ in network.spec.linear_layers
        ]
        self._passes = Passes(
            network.spec, network.parameters, self.gradient, _dropout_plan(members, self.gradient)
        )
        self._loss = LOSSES[shared.loss]()
        self._optimizer = _make_optimizer(network.parameters, shared)
        self._schedule, self._num_steps, self._steps_done = SCHEDULES[shared.schedule], num_steps, 0
        rates, decays = [m.learning_rate for m in members], [m.weight_decay for m in members]
        self._base_rate = _shared_or_own(rates, network.parameters)
        self._decay = _shared_or_own(decays, network.parameters)
        self._decays = any(decays)
        self._max_norm = shared.max_gradient_norm
        self._average_decay = shared.average_decay
        self.averaged = network.parameters.clone() if shared.average_decay else None
        self._is_plain_descent = (
            (shared.optimizer, shared.momentum, shared.max_gradient_norm) == ("sgd", 0, 0)
            and not isinstance(self._base_rate, Tensor)
            and not isinstance(self._decay, Tensor)
            and gradient_sum is None
        )

    def __call__(
        self,
        inputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        share: float | Tensor = 1.0,
    ) -> Tensor:
        """Train on one batch.

        Args:
            inputs: (num_members, batch, num_inputs), or (1, batch, num_inputs) for all members.
            targets: (num_members or 1, batch) classes, or (…, batch, num_outputs) numbers.
            weights: of the rows, (num_members or 1, batch); None weights them equally.
            share: what part of the batch of all ranks these rows are.

        Returns:
            The loss before the update, (num_members,), in memory that the next call overwrites.
        """
        rate = self._base_rate * self._schedule(self._steps_done / self._num_steps)
        kept = 1 - rate * self._decay
        logits = self._passes.forward(inputs)
        loss, logits_gradient = self._loss(logits, targets, weights)
        if self._is_plain_descent:
            assert isinstance(rate, float)
            assert isinstance(kept, float)
            self._passes.backward(logits_gradient, Descent(rate, kept))
        else:
            self._passes.backward(logits_gradient)
            if self._gradient_sum is not None:
                loss = self._gradient_sum(loss, share)
            if self._max_norm:
                self._shorten_gradient()
            if self._decays:
                for weight in self._weights:
                    weight.mul_(kept.unsqueeze(-1) if isinstance(kept, Tensor) else kept)
            self._optimizer.step(self.gradient, rate)
        self._steps_done += 1
        if self.averaged is not None:
            self._average()
        return loss

    def on(self, batch: Batch) -> Tensor:
        """Train on one batch as its source gives it."""
        return self(batch.inputs, batch.targets, batch.weights, batch.share)

    def _shorten_gradient(self) -> None:
        """Each member's gradient to the largest norm allowed, as clip_grad_norm_ does."""
        norm = torch.linalg.vector_norm(self.gradient, dim=1, keepdim=True)
        self.gradient.mul_((self._max_norm / (norm + 1e-6)).clamp_(max=1))

    def _average(self) -> None:
        """ā ← d ā + (1 − d) θ; d is smaller in the first steps, so that the start is forgotten."""
        assert self.averaged is not None
        decay = min(self._average_decay, (1 + self._steps_done) / (10 + self._steps_done))
        self.averaged.lerp_(self._parameters, 1 - decay)


def _refuse_what_does_not_work_yet(network: Network, settings: TrainingSettings) -> None:
    spec = network.spec
    for name, is_asked_for in {
        "standardize_inputs": spec.standardize_inputs,
        "numeric_embedding": spec.embedded_numbers,
        "one_hot_limit": spec.category_sizes,
        "scale_layer": spec.scale_layer,
        "batch_norm": spec.batch_norm,
        "learned_activation": spec.learned_activation,
        "parametrization": settings.parametrization != "standard",
        "zero_last_layer": settings.zero_last_layer,
        "label_smoothing": settings.label_smoothing,
        "scale_rate_factor": settings.scale_rate_factor != 1,
        "bias_rate_factor": settings.bias_rate_factor != 1,
        "beta_1": settings.beta_1 != 0.9,
        "beta_2": settings.beta_2 != 0.999,
        "drop_last_batch": settings.drop_last_batch,
        "input_dropout": settings.input_dropout,
        "regularization_schedule": settings.regularization_schedule != "constant",
        "schedule": settings.schedule not in SCHEDULES,
        "loss": settings.loss not in LOSSES,
    }.items():
        if is_asked_for:
            raise SettingsError(f"{name} does not work yet")


def _make_optimizer(parameters: Tensor, settings: TrainingSettings) -> Optimizer:
    if settings.optimizer == "adam":
        return Adam(parameters)
    return SGD(parameters, settings.momentum)


def _dropout_plan(members: Sequence[TrainingSettings], like: Tensor) -> DropoutPlan | None:
    shares = [member.dropout for member in members]
    if not any(shares):
        return None
    ranks = Ranks.current()
    name = "dropout" if ranks is None else f"dropout/{ranks.rank}"  # other rows, other masks
    return DropoutPlan(shares, [generator(member.seed, name, like.device) for member in members])


def _shared_or_own(values: list[float], like: Tensor) -> Rate:
    """One number where all members have the same, else (num_members, 1)."""
    if len(set(values)) == 1:
        return float(values[0])
    return like.new_tensor(values).unsqueeze(1)
