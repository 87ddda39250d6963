"""Outputs for held-out rows by networks whose epoch these rows had no part in choosing.

The rows that choose the best epoch are predicted better by it than new rows are, so that intervals
made from their errors are too narrow. Here each member's held-out rows are halved; each half
chooses an epoch by the same rule as all rows do, and the outputs for the other half at that epoch
are kept, as in two-fold cross-fitting (Chernozhukov et al., "Double/debiased machine learning for
treatment and structural parameters", 2018).
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from multilayer.engine.losses import loss_to_score
from multilayer.engine.selection import BestEpochs
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.temperature import fit_temperature
from multilayer.engine.tempered_losses import tempered_losses
from multilayer.errors import DataWarning

_BISECTIONS = 16  # of a temperature: to 0.0001 of its logarithm
_MOST_EPOCHS, _MOST_NUMBERS = 64, 2**16  # that wait to be scored together


class CrossSelection:
    """Keeps the outputs for each half of held-out rows at the epoch that the other half chooses.

    Epochs are scored many at a time, which takes a small table's less than one at a time.

    Args:
        targets: of the held-out rows, for each member: (num_rows,) or (num_rows, num_outputs).
        weights: of these rows, (num_rows,) for each member; None: all alike.
        halves: for each member whether each of these rows is in the second half, (num_rows,);
            both halves have rows.
        settings: of the training, whose selection is not "last".
    """

    def __init__(
        self,
        targets: Sequence[Tensor],
        weights: Sequence[Tensor] | None,
        halves: Sequence[Tensor],
        settings: TrainingSettings,
    ) -> None:
        self._by, self._loss = settings.selection, loss_to_score(settings)
        self._best = BestEpochs(2 * len(targets), settings.patience)
        self._rows = [
            (torch.nonzero(~half).flatten(), torch.nonzero(half).flatten()) for half in halves
        ]
        self._targets = [
            tuple(of_member[rows] for rows in of_halves)
            for of_member, of_halves in zip(targets, self._rows, strict=True)
        ]
        self._weights = [
            (None, None) if weights is None else tuple(weights[member][rows] for rows in of_halves)
            for member, of_halves in enumerate(self._rows)
        ]
        self._outputs: list[Tensor] = []
        # The epoch, the logits of each member, and which members had stopped before it.
        self._waiting: list[tuple[int, list[Tensor], list[bool]]] = []
        self._is_whole = True

    @property
    def epochs(self) -> list[tuple[int, int]]:
        """For each member the epochs that its first and its second half choose; 0: none yet."""
        self._score_waiting()
        return list(zip(self._best.epochs[::2], self._best.epochs[1::2], strict=True))

    @property
    def outputs(self) -> list[Tensor | None]:
        """For each member (its number of held-out rows, num_outputs).

        Of classes they are divided by the temperature that fits the half that chose the epoch.
        They are not known where no epoch had a finite score, or for epochs before a state was saved
        without them.
        """
        is_known = [self._is_whole and all(of_member) for of_member in self.epochs]
        return [
            self._outputs[member] if of_member else None
            for member, of_member in enumerate(is_known)
        ]

    def note(self, epoch: int, logits: Sequence[Tensor], has_stopped: Sequence[bool]) -> None:
        """Look at the members after an epoch.

        Args:
            epoch: its number.
            logits: for each member (its number of held-out rows, num_outputs); not copied.
            has_stopped: members that stopped before it and stay as they are.
        """
        self._waiting.append((epoch, [of.cpu() for of in logits], list(has_stopped)))
        most = _MOST_NUMBERS // sum(of.numel() for of in logits)
        if len(self._waiting) >= min(_MOST_EPOCHS, most):
            self._score_waiting()

    def state(self) -> dict[str, Tensor]:
        """What is remembered of the epochs so far."""
        if not self._is_whole:
            return {}
        state = self._best.state()
        state |= {f"outputs_{member}": of for member, of in enumerate(self._outputs)}
        if self._waiting:
            epochs, logits, has_stopped = zip(*self._waiting, strict=True)
            state["waiting_epochs"] = torch.tensor(epochs)
            state["waiting_stopped"] = torch.tensor(has_stopped, dtype=torch.uint8)
            for member, of_epochs in enumerate(zip(*logits, strict=True)):
                state[f"waiting_{member}"] = torch.stack(of_epochs)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` held; of a state without it, as once, nothing is known."""
        self._is_whole = bool(state)
        if not state:
            warnings.warn(
                "the saved state lacks the outputs at the epochs that each half of the held-out "
                "rows chose: intervals and sets are made from the rows that choose the epoch, and "
                "hold the truth a little less often than they say",
                DataWarning,
                stacklevel=2,
            )
            return
        self._best.restore(state)
        members = range(len(self._rows))
        if "outputs_0" in state:
            self._outputs = [state[f"outputs_{member}"].clone() for member in members]
        if "waiting_epochs" in state:
            logits = [state[f"waiting_{member}"].unbind() for member in members]
            self._waiting = [
                (epoch, [of_member[place] for of_member in logits], stopped)
                for place, (epoch, stopped) in enumerate(
                    zip(
                        state["waiting_epochs"].tolist(),
                        state["waiting_stopped"].bool().tolist(),
                        strict=True,
                    )
                )
            ]

    @torch.inference_mode()
    def _score_waiting(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._outputs = self._outputs or [torch.zeros_like(of) for of in waiting[0][1]]
        for member, of_halves in enumerate(self._rows):
            logits = torch.stack([logits[member] for _, logits, _ in waiting])
            for half, rows in enumerate(of_halves):
                scores = self._scores(
                    logits[:, rows], self._targets[member][half], self._weights[member][half]
                )
                candidate, best = 2 * member + half, None
                for place, (epoch, _, has_stopped) in enumerate(waiting):
                    if has_stopped[member]:
                        break
                    if self._best.note(candidate, epoch, scores[place]):
                        best = place
                if best is not None:
                    others = of_halves[1 - half]
                    temperature = _temperature(
                        logits[best, rows], self._targets[member][half], self._weights[member][half]
                    )
                    self._outputs[member][others] = logits[best, others] / temperature

    def _scores(self, logits: Tensor, targets: Tensor, weights: Tensor | None) -> list[float]:
        """Of each epoch, (num_epochs, num_rows, num_outputs), the higher the better."""
        if self._by == "calibrated_loss":
            return (-tempered_losses(logits, targets, weights)).tolist()
        if self._by == "accuracy":
            is_right = (logits.argmax(-1) == targets).double()
            if weights is None:
                return is_right.mean(-1).tolist()
            return (is_right @ (weights.double() / weights.double().sum())).tolist()
        of_rows = None if weights is None else weights.unsqueeze(0)
        return (-self._loss.value(logits, targets.unsqueeze(0), of_rows)).tolist()


def _temperature(logits: Tensor, targets: Tensor, weights: Tensor | None) -> float:
    """Of classes, by the rows that chose the epoch; 1 of numbers."""
    if targets.is_floating_point():
        return 1.0
    return fit_temperature(
        logits.double().numpy(),
        targets.numpy().astype(np.int64),
        None if weights is None else weights.double().numpy(),
        len(logits),
        _BISECTIONS,
    )
