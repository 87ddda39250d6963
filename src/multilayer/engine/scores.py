"""How good a population is on some rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.losses import LOSSES
from multilayer.engine.losses.loss import Loss
from multilayer.engine.network import Network
from multilayer.engine.temperature import tempered_cross_entropy


@dataclass(frozen=True)
class Scores:
    """One value for each member."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...] | None  # None where the targets are not classes
    calibrated_loss: tuple[float, ...] | None = None  # None unless something is selected by it


class Scorer:
    """Scores a population on rows, again and again while it learns.

    Args:
        network: the population.
        examples: the rows; integer targets are classes and have an accuracy. Rows with weights
            count by them.
        loss: a name in `LOSSES`, or a loss.
        rows: the numbers of the rows that each member is scored on; None: all.
        calibrates: whether the loss is also measured after a temperature fitted to the same rows.
        answer: gives each member's logits for these rows from the population's parameters; None:
            the network does.

    Attributes:
        logits: what the last scoring found: for each member, (its number of rows, num_outputs).
    """

    def __init__(
        self,
        network: Network,
        examples: Examples,
        loss: str | Loss = "cross_entropy",
        rows: Sequence[Tensor] | None = None,
        *,
        calibrates: bool = False,
        answer: Callable[[Tensor], list[Tensor]] | None = None,
    ) -> None:
        self._network, self._examples, self._rows = network, examples, rows
        self._calibrates = calibrates
        self._loss = LOSSES[loss]() if isinstance(loss, str) else loss
        self._answer = answer or self._answer_by_network
        self.logits: list[Tensor] = []
        # Takes the members in turn: making the passes of each would take longer than to run them.
        self._one = Network.of(network.spec, network.parameters[:1].clone())
        targets, weights = examples.targets, examples.weights
        self._truths = [
            (targets[numbers], None if weights is None else weights[numbers])
            for numbers in ([slice(None)] if rows is None else rows)
        ]

    def scores(self) -> Scores:
        """The mean loss and, for classes, the share of rows whose largest logit is the target's."""
        self.logits = self._answer(self._network.parameters)
        if self._rows is None:
            return self._scores_of(torch.stack(self.logits), *self._truths[0])
        each = [
            self._scores_of(logits.unsqueeze(0), *truth)
            for logits, truth in zip(self.logits, self._truths, strict=True)
        ]
        accuracies = [scores.accuracy[0] for scores in each if scores.accuracy is not None]
        calibrated = [of[0] for scores in each if (of := scores.calibrated_loss) is not None]
        losses = tuple(scores.loss[0] for scores in each)
        return Scores(losses, tuple(accuracies) or None, tuple(calibrated) or None)

    def _answer_by_network(self, parameters: Tensor) -> list[Tensor]:
        if self._rows is None:
            return list(self._network.logits(self._examples.inputs).unbind())
        answers = []
        for member, numbers in enumerate(self._rows):
            self._one.parameters.copy_(parameters[member : member + 1])
            answers.append(self._one.logits(self._examples.inputs[numbers])[0])
        return answers

    def _scores_of(self, logits: Tensor, truth: Tensor, weights: Tensor | None) -> Scores:
        targets = truth.unsqueeze(0)
        weights = None if weights is None else weights.unsqueeze(0)
        accuracy = None
        if not targets.is_floating_point():
            is_right = (logits.argmax(-1) == targets).double()
            shares = is_right.mean(-1)
            if weights is not None:
                shares = is_right @ (weights[0].double() / weights.double().sum())
            accuracy = tuple(shares.tolist())
        losses = tuple(self._loss.value(logits, targets, weights).tolist())
        calibrated = _calibrated(logits, truth, weights) if self._calibrates else None
        return Scores(losses, accuracy, calibrated)


def _calibrated(logits: Tensor, truth: Tensor, weights: Tensor | None) -> tuple[float, ...]:
    """Each member's cross entropy after its own temperature; NaN if its logits are not finite."""
    targets = truth.cpu().numpy().astype(np.int64)
    of_rows = None if weights is None else weights[0].double().cpu().numpy()
    return tuple(
        tempered_cross_entropy(of_member, targets, of_rows)
        if np.isfinite(of_member).all()
        else math.nan
        for of_member in logits.double().cpu().numpy()
    )


def evaluate(
    network: Network,
    examples: Examples,
    loss: str | Loss = "cross_entropy",
    rows: Sequence[Tensor] | None = None,
) -> Scores:
    """Score each member on rows, once; see `Scorer`.

    Examples:
        >>> import torch
        >>> from multilayer import Examples, Network, NetworkSpec, recipe, train
        >>> inputs = torch.linspace(-1, 1, 64).reshape(-1, 1)
        >>> rows = Examples(inputs, (inputs[:, 0] > 0).long())
        >>> settings = recipe("chapter", learning_rate=0.5, max_epochs=30, batch_size=16)
        >>> network = Network.initialized(NetworkSpec(1, 2, (8,)), seeds=[0])
        >>> for epoch in train(network, rows, settings):
        ...     pass
        ...
        >>> from multilayer import evaluate
        >>> evaluate(network, rows).accuracy[0] > 0.95
        True
    """
    return Scorer(network, examples, loss, rows).scores()
