"""How good a population is on some rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.losses import LOSSES
from multilayer.engine.losses.loss import Loss
from multilayer.engine.network import Network


@dataclass(frozen=True)
class Scores:
    """One value for each member."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...] | None  # None where the targets are not classes


class Scorer:
    """Scores a population on rows, again and again while it learns.

    Args:
        network: the population.
        examples: the rows; integer targets are classes and have an accuracy. Rows with weights
            count by them.
        loss: a name in `LOSSES`, or a loss.
        rows: the numbers of the rows that each member is scored on; None: all.
    """

    def __init__(
        self,
        network: Network,
        examples: Examples,
        loss: str | Loss = "cross_entropy",
        rows: Sequence[Tensor] | None = None,
    ) -> None:
        self._network, self._examples, self._rows = network, examples, rows
        self._loss = LOSSES[loss]() if isinstance(loss, str) else loss
        # Takes the members in turn: making the passes of each would take longer than to run them.
        self._one = Network.of(network.spec, network.parameters[:1].clone())

    def scores(self) -> Scores:
        """The mean loss and, for classes, the share of rows whose largest logit is the target's."""
        if self._rows is None:
            return self._scores_of(self._network, self._examples)
        each = []
        for member, numbers in enumerate(self._rows):
            self._one.parameters.copy_(self._network.parameters[member : member + 1])
            each.append(self._scores_of(self._one, self._examples.at(numbers)))
        accuracies = [scores.accuracy[0] for scores in each if scores.accuracy is not None]
        return Scores(tuple(scores.loss[0] for scores in each), tuple(accuracies) or None)

    def _scores_of(self, network: Network, examples: Examples) -> Scores:
        logits = network.logits(examples.inputs)
        targets = examples.targets.unsqueeze(0)
        weights = None if examples.weights is None else examples.weights.unsqueeze(0)
        accuracy = None
        if not targets.is_floating_point():
            is_right = (logits.argmax(-1) == targets).double()
            shares = is_right.mean(-1)
            if weights is not None:
                shares = is_right @ (weights[0].double() / weights.double().sum())
            accuracy = tuple(shares.tolist())
        return Scores(tuple(self._loss.value(logits, targets, weights).tolist()), accuracy)


def evaluate(
    network: Network,
    examples: Examples,
    loss: str | Loss = "cross_entropy",
    rows: Sequence[Tensor] | None = None,
) -> Scores:
    """Score each member on rows, once; see `Scorer`."""
    return Scorer(network, examples, loss, rows).scores()
