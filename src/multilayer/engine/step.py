"""One training step: forward, loss, backward, update."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from multilayer.engine.backpropagation import Passes
from multilayer.engine.batches import Batch
from multilayer.engine.distributed import GradientSum
from multilayer.engine.layers.dropout import DropoutPlan
from multilayer.engine.layers.linear import Descent
from multilayer.engine.losses import loss_to_train
from multilayer.engine.network import Network
from multilayer.engine.optimizers import SGD, Adam, Optimizer, Rate
from multilayer.engine.randomness import generator, restore_generators, states_of
from multilayer.engine.rate_groups import RateGroup, rate_groups
from multilayer.engine.schedules import REGULARIZATION_SCHEDULES, SCHEDULES
from multilayer.engine.settings import TrainingSettings, of_members
from multilayer.engine.whole_batch import WholeBatch


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
        passes: forward and backward through the network.
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
        self._gradient_sum = gradient_sum
        self.gradient = (
            torch.zeros_like(network.parameters) if gradient_sum is None else gradient_sum.gradient
        )
        self._parameters = network.parameters
        last_weight, _ = network.spec.linear_layers[-1]
        self._weights = network.parameters[:, : last_weight.stop]  # they come first
        self._whole = None if gradient_sum is None else WholeBatch(gradient_sum.ranks)
        self._dropout = _dropout_plan(members, self.gradient, self._whole)
        self.passes = Passes(
            network.spec, network.parameters, self.gradient, self._dropout, self._whole
        )
        self._loss = loss_to_train(shared)
        groups = rate_groups(network.spec, shared)
        self._optimizer = _make_optimizer(network.parameters, shared, groups)
        self._schedule, self._num_steps, self._steps_done = SCHEDULES[shared.schedule], num_steps, 0
        self._regularization = REGULARIZATION_SCHEDULES[shared.regularization_schedule]
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
            and network.spec.is_linear_layers_alone
            and groups == (RateGroup(0, network.spec.num_parameters),)
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
        done = self._steps_done / self._num_steps
        rate, strength = self._base_rate * self._schedule(done), self._regularization(done)
        kept = 1 - rate * self._decay * strength
        if self._dropout is not None:
            self._dropout.strength = strength
        logits = self.passes.forward(inputs)
        loss, logits_gradient = self._loss(logits, targets, weights)
        if self._is_plain_descent:
            assert isinstance(rate, float)
            assert isinstance(kept, float)
            self.passes.backward(logits_gradient, Descent(rate, kept))
        else:
            if self._gradient_sum is not None:
                logits_gradient.mul_(share.view(-1, 1, 1) if isinstance(share, Tensor) else share)
            self.passes.backward(logits_gradient)
            if self._gradient_sum is not None:
                loss = self._gradient_sum(loss, share)
            if self._max_norm:
                self._shorten_gradient()
            if self._decays:
                self._weights.mul_(kept)
            self._optimizer.step(self.gradient, rate)
        self._steps_done += 1
        if self.averaged is not None:
            self._average()
        return loss

    def run(self, batch: Batch) -> Tensor:
        """Train on one batch as its source gives it."""
        if self._whole is not None:
            self._whole.num_rows, self._whole.part = batch.num_rows, batch.part
            self._whole.is_empty = isinstance(batch.share, float) and batch.share == 0
        return self(batch.inputs, batch.targets, batch.weights, batch.share)

    def count_replay(self) -> None:
        """Count a step that a recording has taken, in which no code of ours ran."""
        self._steps_done += 1
        if isinstance(self._optimizer, Adam):
            self._optimizer.num_steps += 1

    def finish(self) -> None:
        """Nothing is left running; see `MemberThreads.finish`."""

    def state(self) -> dict[str, Tensor]:
        """Everything but the parameters that a step changes and a later one depends on."""
        state = {"steps_done": torch.tensor(self._steps_done), **self._optimizer.state()}
        if self.averaged is not None:
            state["averaged"] = self.averaged
        if self._dropout is not None:
            state["masks"] = states_of(self._dropout.sources)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` held."""
        self._steps_done = int(state["steps_done"])
        self._optimizer.restore(state)
        if self.averaged is not None:
            self.averaged.copy_(state["averaged"])
        if self._dropout is not None:
            restore_generators(self._dropout.sources, state["masks"])

    def _shorten_gradient(self) -> None:
        """Each member's gradient to the largest norm allowed, as clip_grad_norm_ does."""
        norm = torch.linalg.vector_norm(self.gradient, dim=1, keepdim=True)
        self.gradient.mul_((self._max_norm / (norm + 1e-6)).clamp_(max=1))

    def _average(self) -> None:
        """ā ← d ā + (1 − d) θ; d is smaller in the first steps, so that the start is forgotten."""
        assert self.averaged is not None
        decay = min(self._average_decay, (1 + self._steps_done) / (10 + self._steps_done))
        self.averaged.lerp_(self._parameters, 1 - decay)


def _make_optimizer(
    parameters: Tensor, settings: TrainingSettings, groups: Sequence[RateGroup]
) -> Optimizer:
    if settings.optimizer == "adam":
        return Adam(parameters, (settings.beta_1, settings.beta_2), groups=groups)
    return SGD(parameters, settings.momentum, groups)


def _dropout_plan(
    members: Sequence[TrainingSettings], like: Tensor, whole: WholeBatch | None
) -> DropoutPlan | None:
    shares, input_share = [member.dropout for member in members], members[0].input_dropout
    if not any(shares) and not input_share:
        return None
    sources = [generator(member.seed, "dropout", like.device) for member in members]
    return DropoutPlan(shares, sources, input_share, whole=whole)


def _shared_or_own(values: list[float], like: Tensor) -> Rate:
    """One number where all members have the same, else (num_members, 1)."""
    if len(set(values)) == 1:
        return float(values[0])
    return like.new_tensor(values).unsqueeze(1)
