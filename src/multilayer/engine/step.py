"""One training step: forward, loss, backward, update."""

import torch
from torch import Tensor

from multilayer.engine.backpropagation import Passes
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.optimizers import make_optimizer
from multilayer.engine.settings import TrainingSettings


class Step:
    """Takes a population one batch further.

    Args:
        network: its parameters are changed in place.
        settings: loss, optimiser and learning rate.

    Attributes:
        gradient: of the last batch, (num_members, num_parameters), laid out as the parameters.
    """

    def __init__(self, network: Network, settings: TrainingSettings) -> None:
        self.gradient = torch.zeros_like(network.parameters)
        self._passes = Passes(network.spec, network.parameters, self.gradient)
        self._loss = LOSSES[settings.loss]()
        self._optimizer = make_optimizer(network.parameters, settings)

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Train on one batch.

        Args:
            inputs: (num_members, batch, num_inputs), or (1, batch, num_inputs) for all members.
            targets: (batch,) classes, or (batch, num_outputs) numbers.

        Returns:
            The loss before the update, (num_members,).
        """
        logits = self._passes.forward(inputs)
        loss, logits_gradient = self._loss(logits, targets)
        self._passes.backward(logits_gradient)
        self._optimizer.step(self.gradient)
        return loss
