"""The mixture of a pack's draws: which of them, how much each counts and what each adds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multilayer.engine.network import Network
from multilayer.model.mixed_networks import MixedNetworks
from multilayer.model.mixing import OutputKind
from multilayer.pack.draw import DRAW_ENDS, Draw
from multilayer.pack.mixture import greedy_counts, losses_without, mixture_loss
from multilayer.pack.pack_document import PackEnd


@dataclass(frozen=True)
class ChosenMixture:
    """A mixture of draws.

    Attributes:
        draws: in it, the largest share first.
        shares: of each, above 0; they sum to 1.
        gains: by how much the loss of the rest, on held-out rows, is more; NaN if there is none.
        loss: of the mixture on held-out rows.
    """

    draws: tuple[Draw, ...]
    shares: tuple[float, ...]
    gains: tuple[float, ...]
    loss: float

    @classmethod
    def of(cls, draws: Sequence[Draw]) -> "ChosenMixture":
        """The greedy mixture of draws of which no network diverged, at least one."""
        ordered = sorted(draws, key=lambda draw: draw.number)  # in whatever order they ended
        predictions = np.stack([draw.predictions for draw in ordered])
        loss_of = ordered[0].held_out.loss_of
        counts = greedy_counts(predictions, loss_of)
        whole = mixture_loss(predictions, counts, loss_of)
        gains = losses_without(predictions, counts, loss_of) - whole
        shares = counts / counts.sum()
        places = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]]
        return cls(
            tuple(ordered[place] for place in places),
            tuple(float(shares[place]) for place in places),
            tuple(float(gains[place]) for place in places),
            whole,
        )

    def network(self, kind: OutputKind) -> Network | MixedNetworks:
        """The networks that answer, each draw's with its own temperature."""
        networks = [draw.calibrated_network() for draw in self.draws]
        return networks[0] if len(networks) == 1 else MixedNetworks(networks, self.shares, kind)

    def to_json(self, tried: Sequence[Draw], ended: PackEnd | None) -> dict[str, Any]:
        """Who is in it, for people; see `PackDocument`.

        Args:
            tried: all draws.
            ended: why there are no more.
        """
        first = [draw.loss for draw in tried if draw.number == 0 and draw.is_usable]
        networks = [draw.network for draw in self.draws]
        counts = {end: sum(draw.end == end for draw in tried) for end in DRAW_ENDS}
        return {
            "num_draws": len(tried),
            "ends": {end: number for end, number in counts.items() if number},
            "ended": ended,
            "first_loss": first[0] if first else None,
            "loss": self.loss,
            "num_networks": sum(network.num_members for network in networks),
            "num_parameters": sum(
                network.num_members * network.spec.num_parameters for network in networks
            ),
            "mixture": [
                {
                    "draw": draw.number + 1,
                    "share": share,
                    "loss": draw.loss,
                    "gain": None if math.isnan(gain) else gain,
                    "num_epochs": draw.num_epochs,
                    "end": draw.end,
                    "settings": draw.drawn(),
                }
                for draw, share, gain in zip(self.draws, self.shares, self.gains, strict=True)
            ],
        }
