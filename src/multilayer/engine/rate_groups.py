"""Which parameters of a network learn alike."""

import math
from dataclasses import dataclass

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec


@dataclass(frozen=True)
class RateGroup:
    """Parameters next to each other that learn alike.

    Attributes:
        start: where they begin in the flat vector.
        stop: where they end.
        rate: times the learning rate.
        epsilon: times Adam's ε.
    """

    start: int
    stop: int
    rate: float = 1.0
    epsilon: float = 1.0


def rate_groups(spec: NetworkSpec, settings: TrainingSettings) -> tuple[RateGroup, ...]:
    """The groups of a network, without gaps but for the state, which nothing learns.

    The neural tangent parametrisation is a matter of rates. It writes a layer of d inputs as
    z = x V / √d + b; the engine keeps W = V / √d. Since ∂V = ∂W / √d, gradient descent at rate η
    on V moves W by −η ∂W / d, and Adam, whose step has no unit, by η / √d times its step of W, but
    with ε √d for ε.
    """
    factors = {"scale": settings.scale_rate_factor, "bias": settings.bias_rate_factor}
    groups: list[RateGroup] = []
    for slot in sorted(spec.parameter_slots, key=lambda slot: slot.start):
        if slot.kind == "state":
            continue
        rate, epsilon = factors.get(slot.kind, 1.0), 1.0
        if slot.kind == "weight" and settings.parametrization == "ntk":
            epsilon = math.sqrt(slot.shape[0])
            rate = 1 / epsilon if settings.optimizer == "adam" else 1 / slot.shape[0]
        start = slot.start
        if groups and (groups[-1].rate, groups[-1].epsilon) == (rate, epsilon):
            start = groups.pop().start
        groups.append(RateGroup(start, slot.stop, rate, epsilon))
    return tuple(groups)
