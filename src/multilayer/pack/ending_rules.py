"""When a draw ends before its last epoch, and when a pack has no use for more draws."""

from collections.abc import Sequence

import numpy as np

from multilayer.pack.draw import DrawEnd
from multilayer.pack.pack_plan import DRAWS_WITHOUT_PROGRESS, LEAST_PROGRESS
from multilayer.pack.pack_state import WavePlan
from multilayer.pack.wave import GoingDraw, looks_of

_FEWEST_TO_COMPARE = 4  # draws, before one can fall behind
_SHARE_WITHOUT_PROGRESS = 1 / 3  # of the epochs, after which a draw ends


def draws_to_end(
    going: Sequence[GoingDraw], curves: Sequence[Sequence[float]], epoch: int, num_epochs: int
) -> dict[int, DrawEnd]:
    """Which of the draws in training end now, by their place, and why.

    Draws are looked at after each eighth of the epochs. One falls behind if its least loss so far
    is above the median of what earlier draws had then (Golovin et al., "Google Vizier", 2017); one
    gets no better if none of its networks has for a third of the epochs.

    Args:
        going: the draws.
        curves: of earlier draws, see `Draw.curve`.
        epoch: the one that is over.
        num_epochs: of the draws.
    """
    ends: dict[int, DrawEnd] = {}
    if epoch not in looks_of(num_epochs):
        return ends
    for place, draw in enumerate(going):
        look = len(draw.curve) - 1
        others = [curve[min(look, len(curve) - 1)] for curve in curves]
        waited = epoch - max(draw.least_epochs)
        if len(others) >= _FEWEST_TO_COMPARE and draw.curve[-1] > np.median(others):
            ends[place] = "fell behind"
        elif waited >= _SHARE_WITHOUT_PROGRESS * num_epochs:
            ends[place] = "no better"
    return ends


def gets_no_better(losses: Sequence[float], waves: Sequence[WavePlan]) -> bool:
    """Whether the last draws have hardly made the mixture better.

    Args:
        losses: of the mixture after each wave.
        waves: as many.
    """
    waited = 0
    for before, plan in zip(reversed(losses[:-1]), reversed(waves), strict=False):
        waited += plan.num_draws
        if waited >= DRAWS_WITHOUT_PROGRESS:
            return before - losses[-1] <= LEAST_PROGRESS * abs(before)
    return False
