"""One draw of a pack: settings, and a network for each fold."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.target_statistics import without_versions
from multilayer.fit.cross_fit import with_scaled_outputs
from multilayer.pack.held_out_predictions import HeldOutPredictions
from multilayer.pack.mixture import Array

# How the training of a draw ended: after its last epoch; between epochs as it fell behind, or as it
# had not become better for long; in the middle, as time was up or it was interrupted; or diverged.
DrawEnd = Literal["finished", "fell behind", "no better", "stopped", "diverged"]
DRAW_ENDS: tuple[DrawEnd, ...] = ("finished", "fell behind", "no better", "stopped", "diverged")


@dataclass(frozen=True, eq=False)
class Draw:
    """A draw that is trained no further.

    Attributes:
        number: from 0; the first has the recipe's own settings.
        settings: of all its networks, but for their seeds.
        spec: their shape.
        parameters: of each network's best epoch, (num_members, num_parameters).
        best_epochs: of each network; 0 where none had a finite score.
        num_epochs: that were trained.
        curve: the least held-out loss so far after each eighth of the epochs, the mean over the
            networks; as many as were reached.
        end: how its training ended.
        held_out: what predictions are made for.
    """

    number: int
    settings: TrainingSettings
    spec: NetworkSpec
    parameters: Tensor
    best_epochs: tuple[int, ...]
    num_epochs: int
    curve: tuple[float, ...]
    end: DrawEnd
    held_out: HeldOutPredictions

    @property
    def network(self) -> Network:
        """The networks as they were trained."""
        return Network.of(self.spec, self.parameters)

    @cached_property
    def _predicted(self) -> tuple[Array, float]:
        return self.held_out.of(self.network)

    @property
    def predictions(self) -> Array:
        """For held-out rows, (num_rows, num_values); see `HeldOutPredictions`."""
        return self._predicted[0]

    @cached_property
    def loss(self) -> float:
        """On held-out rows."""
        return float(self.held_out.loss_of(self.predictions))

    @property
    def is_usable(self) -> bool:
        """Whether no network diverged: held-out rows need all of them."""
        return self.end != "diverged" and bool(torch.tensor(self.loss).isfinite())

    @property
    def share_needed(self) -> float:
        """The share of its epochs after which its networks got no better, in the mean."""
        return sum(self.best_epochs) / len(self.best_epochs) / self.settings.max_epochs

    def calibrated_network(self) -> Network:
        """The networks for rows to come, whose outputs are divided by their temperature."""
        return with_scaled_outputs(without_versions(self.network), 1 / self._predicted[1])

    def ended(self, end: DrawEnd) -> "Draw":
        """The same, whose training ended in another way."""
        return replace(self, end=end)

    def drawn(self) -> dict[str, Any]:
        """The settings that were drawn, by name."""
        return {name: getattr(self.settings, name) for name in self.settings.drawn}
