"""Which epoch's network is kept, for each member of a population on its own."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from multilayer.engine.scores import Scores


class Selection:
    """Keeps the parameters of each member's best epoch.

    Args:
        parameters: (num_members, num_parameters); copied when they are the best so far.
        by: the field of `Scores` that decides: "loss", "calibrated_loss" or "accuracy"; the last
            of equal epochs is kept.
        patience: epochs without a better one after which a member stops; 0 is never.
    """

    def __init__(self, parameters: Tensor, by: str, patience: int) -> None:
        self._by, self._patience = by, patience
        self.parameters = parameters.clone()
        self.best_epochs = [0] * len(parameters)
        self._best_scores = [-math.inf] * len(parameters)
        self._last_improvements = [0] * len(parameters)  # epochs; an equal one is none
        self._has_stopped = [False] * len(parameters)

    @property
    def is_over(self) -> bool:
        """Whether every member has stopped."""
        return all(self._has_stopped)

    def note(self, epoch: int, parameters: Tensor, scores: Scores) -> None:
        """Look at the members after an epoch; those that have stopped stay as they are kept."""
        values: tuple[float, ...] = getattr(scores, self._by)
        if self._by != "accuracy":
            values = tuple(-loss for loss in values)
        is_kept = [False] * len(values)
        for member, value in enumerate(values):
            if self._has_stopped[member]:
                continue
            if math.isfinite(value) and value >= self._best_scores[member]:
                if value > self._best_scores[member]:
                    self._last_improvements[member] = epoch
                self._best_scores[member] = value
                self.best_epochs[member] = epoch
                is_kept[member] = True
            waited = epoch - self._last_improvements[member]
            self._has_stopped[member] = 0 < self._patience <= waited
        chosen = torch.tensor(is_kept, device=parameters.device)
        self.parameters[chosen] = parameters[chosen]

    def state(self) -> dict[str, Tensor]:
        """What is remembered of the epochs so far."""
        return {
            "parameters": self.parameters,
            "best_epochs": torch.tensor(self.best_epochs),
            "best_scores": torch.tensor(self._best_scores, dtype=torch.float64),
            "last_improvements": torch.tensor(self._last_improvements),
            "has_stopped": torch.tensor(self._has_stopped, dtype=torch.uint8),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` held."""
        self.parameters.copy_(state["parameters"])
        self.best_epochs = state["best_epochs"].tolist()
        self._best_scores = state["best_scores"].tolist()
        self._last_improvements = state["last_improvements"].tolist()
        self._has_stopped = state["has_stopped"].bool().tolist()
