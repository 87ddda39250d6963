"""Which epoch's network is kept, for each member of a population on its own."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from multilayer.engine.scores import Scores


class BestEpochs:
    """The best epoch so far of each of several candidates, the last of equal ones.

    Args:
        num_candidates: how many.
        patience: epochs without a better one after which a candidate stops; 0 is never.

    Attributes:
        epochs: of each candidate, from 1; 0: none yet.
        has_stopped: whether its patience is over; its best epoch stays as it is.
    """

    def __init__(self, num_candidates: int, patience: int) -> None:
        self._patience = patience
        self.epochs = [0] * num_candidates
        self.has_stopped = [False] * num_candidates
        self._best_scores = [-math.inf] * num_candidates
        self._last_improvements = [0] * num_candidates  # epochs; an equal one is none

    def note(self, candidate: int, epoch: int, value: float) -> bool:
        """Look at a candidate's score after an epoch, the higher the better.

        Returns:
            Whether it is the best so far.
        """
        if self.has_stopped[candidate]:
            return False
        is_best = math.isfinite(value) and value >= self._best_scores[candidate]
        if is_best:
            if value > self._best_scores[candidate]:
                self._last_improvements[candidate] = epoch
            self._best_scores[candidate] = value
            self.epochs[candidate] = epoch
        waited = epoch - self._last_improvements[candidate]
        self.has_stopped[candidate] = 0 < self._patience <= waited
        return is_best

    def state(self) -> dict[str, Tensor]:
        """What is remembered of the epochs so far."""
        return {
            "best_epochs": torch.tensor(self.epochs),
            "best_scores": torch.tensor(self._best_scores, dtype=torch.float64),
            "last_improvements": torch.tensor(self._last_improvements),
            "has_stopped": torch.tensor(self.has_stopped, dtype=torch.uint8),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` held."""
        self.epochs = state["best_epochs"].tolist()
        self._best_scores = state["best_scores"].tolist()
        self._last_improvements = state["last_improvements"].tolist()
        self.has_stopped = state["has_stopped"].bool().tolist()


class Selection:
    """Keeps the parameters of each member's best epoch.

    Args:
        parameters: (num_members, num_parameters); copied when they are the best so far.
        by: the field of `Scores` that decides: "loss", "calibrated_loss" or "accuracy"; the last
            of equal epochs is kept.
        patience: epochs without a better one after which a member stops; 0 is never.
    """

    def __init__(self, parameters: Tensor, by: str, patience: int) -> None:
        self._by, self._best = by, BestEpochs(len(parameters), patience)
        self.parameters = parameters.clone()

    @property
    def best_epochs(self) -> list[int]:
        """Of each member the epoch whose parameters are kept; 0: the first ones."""
        return self._best.epochs

    @property
    def has_stopped(self) -> list[bool]:
        """Whether each member's patience is over."""
        return self._best.has_stopped

    @property
    def is_over(self) -> bool:
        """Whether every member has stopped."""
        return all(self.has_stopped)

    def note(self, epoch: int, parameters: Tensor, scores: Scores) -> None:
        """Look at the members after an epoch; those that have stopped stay as they are kept."""
        values: Sequence[float] = getattr(scores, self._by)
        if self._by != "accuracy":
            values = [-loss for loss in values]
        is_kept = [self._best.note(member, epoch, value) for member, value in enumerate(values)]
        chosen = torch.tensor(is_kept, device=parameters.device)
        self.parameters[chosen] = parameters[chosen]

    def state(self) -> dict[str, Tensor]:
        """What is remembered of the epochs so far."""
        return {"parameters": self.parameters, **self._best.state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` held."""
        self.parameters.copy_(state["parameters"])
        self._best.restore(state)
