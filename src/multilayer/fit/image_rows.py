"""Rows of pictures: which are trained on, which are watched, and how the engine takes them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.splits import split_rows
from multilayer.engine.settings import TrainingSettings
from multilayer.images.datasets import ImageDataset, ImageSplit

if TYPE_CHECKING:
    from multilayer.engine.batches import Examples


def divide(
    dataset: ImageDataset, settings: TrainingSettings
) -> tuple[ImageSplit, ImageSplit, NDArray[np.int64] | None]:
    """Training rows, validation rows, and which training rows these are; None: the test rows."""
    split = dataset.train
    if not settings.validation_fraction:
        return split, dataset.test, None
    kept, held_out = split_rows(split.labels, settings.validation_fraction, settings.seed)
    return (
        ImageSplit(split.images[kept], split.labels[kept]),
        ImageSplit(split.images[held_out], split.labels[held_out]),
        held_out,
    )


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
