"""The losses of an epoch's batches, until they become the loss of the epoch."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from multilayer.errors import TrainingDivergedError


class EpochLosses:
    """The losses of an epoch's batches so far; its length is their number."""

    def __init__(self, epoch: int, learning_rate: float) -> None:
        self._epoch, self._learning_rate = epoch, learning_rate
        self._losses: list[Tensor] = []  # of some batches each, (num_batches, num_members)
        self._sizes: list[int] = []  # of all batches, in rows

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, losses: Tensor, sizes: Sequence[int]) -> None:
        """Note the losses of batches, (num_batches, num_members), in memory of their own.

        Args:
            losses: of each batch.
            sizes: rows of each batch.
        """
        self._losses.append(losses)
        self._sizes += sizes

    def checked(self) -> Tensor:
        """All losses, (num_steps, num_members).

        Raises:
            TrainingDivergedError: no member is left whose losses are all finite.
        """
        losses = torch.cat(self._losses)
        is_finite = torch.isfinite(losses)
        if not bool(is_finite.all(dim=0).any()):
            first = int((~is_finite).any(dim=1).nonzero()[0]) + 1
            raise TrainingDivergedError("training", self._epoch, first, self._learning_rate)
        return losses

    def mean(self) -> tuple[float, ...]:
        """Mean loss a row of each member; errors as `checked`."""
        losses = self.checked()
        shares = torch.tensor(self._sizes, dtype=losses.dtype) / sum(self._sizes)
        return tuple((shares.to(losses.device) @ losses).tolist())

    def state(self) -> dict[str, Tensor]:
        """What `restore` takes; empty before the first batch."""
        if not self._losses:
            return {}
        return {"losses": torch.cat(self._losses), "sizes": torch.tensor(self._sizes)}

    def restore(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Go on after the batches of a state that is not empty."""
        self._losses = [state["losses"].to(device)]
        self._sizes = state["sizes"].tolist()
