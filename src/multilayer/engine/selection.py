"""Which epoch's network is kept, for each member of a population on its own."""

import math

import torch
from torch import Tensor

from multilayer.engine.scores import Scores


class Selection:
    """Keeps the parameters of each member's best epoch.

    Args:
        parameters: (num_members, num_parameters); copied when they are the best so far.
        by: "loss" or "accuracy", of the validation; the first of equal epochs is kept.
        patience: epochs without a better one after which a member stops; 0 is never.
    """

    def __init__(self, parameters: Tensor, by: str, patience: int) -> None:
        self._by, self._patience = by, patience
        self.parameters = parameters.clone()
        self.best_epochs = [0] * len(parameters)
        self._best_scores = [-math.inf] * len(parameters)
        self._has_stopped = [False] * len(parameters)

    @property
    def is_over(self) -> bool:
        """Whether every member has stopped."""
        return all(self._has_stopped)

    def note(self, epoch: int, parameters: Tensor, scores: Scores) -> None:
        """Look at the members after an epoch; those that have stopped stay as they are kept."""
        if self._by == "accuracy":
            assert scores.accuracy is not None
            values = scores.accuracy
        else:
            values = tuple(-loss for loss in scores.loss)
        better = [
            not stopped and value > best
            for stopped, value, best in zip(
                self._has_stopped, values, self._best_scores, strict=True
            )
        ]
        for member in range(len(values)):
            if better[member]:
                self._best_scores[member] = values[member]
                self.best_epochs[member] = epoch
            elif self._patience and epoch - self.best_epochs[member] >= self._patience:
                self._has_stopped[member] = True
        chosen = torch.tensor(better, device=parameters.device)
        self.parameters[chosen] = parameters[chosen]
