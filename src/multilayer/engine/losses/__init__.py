"""What is minimised: losses with their gradients, fused, one kind a file."""

from collections.abc import Callable

from multilayer.engine.losses.cross_entropy import CrossEntropy
from multilayer.engine.losses.loss import Loss
from multilayer.engine.losses.pointwise import (
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    PointwiseLoss,
    Poisson,
    Quantiles,
    SquaredError,
)
from multilayer.engine.settings import TrainingSettings

LOSSES: dict[str, Callable[[], Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": lambda: PointwiseLoss(BinaryCrossEntropy()),
    "squared_error": lambda: PointwiseLoss(SquaredError()),
    "absolute_error": lambda: PointwiseLoss(AbsoluteError()),
    "huber": lambda: PointwiseLoss(Huber()),
    "quantile": lambda: PointwiseLoss(Quantiles()),
    "poisson": lambda: PointwiseLoss(Poisson()),
}


def loss_to_train(settings: TrainingSettings) -> Loss:
    """What a step makes smaller."""
    if settings.loss == "cross_entropy":
        return CrossEntropy(settings.label_smoothing)
    return loss_to_score(settings)


def loss_to_score(settings: TrainingSettings) -> Loss:
    """Validation loss, without label smoothing."""
    if settings.loss == "quantile":
        return PointwiseLoss(Quantiles(settings.quantiles))
    return LOSSES[settings.loss]()
