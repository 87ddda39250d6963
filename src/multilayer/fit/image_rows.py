"""Images as the engine takes them, and the networks that are trained on them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from multilayer.engine.settings import TrainingSettings
from multilayer.images.datasets import ImageSplit

if TYPE_CHECKING:
    from multilayer.engine.batches import Examples


def members_of(settings: TrainingSettings) -> list[TrainingSettings]:
    """The settings of each network: member k has the seed seed + k."""
    return [replace(settings, seed=settings.seed + k) for k in range(settings.num_members)]


def as_examples(split: ImageSplit) -> "Examples":
    """Pictures as rows of bytes, one byte a pixel."""
    import torch

    from multilayer.engine.batches import Examples

    height, width = split.images.shape[1:]
    return Examples(
        torch.from_numpy(split.images.reshape(len(split), -1)),
        torch.from_numpy(split.labels),
        image_shape=(height, width),
    )
