"""Images as the engine takes them, and the networks that are trained on them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.settings import TrainingSettings
from multilayer.fit.split import folds, hold_out
from multilayer.images.datasets import ImageDataset, ImageSplit

if TYPE_CHECKING:
    from multilayer.engine.batches import Examples
    from multilayer.fit.prepare import PreparedData


def prepare_images(
    dataset: ImageDataset, settings: TrainingSettings, recipe_name: str = "chapter"
) -> "PreparedData":
    """Prepare a data set for a fit; where nothing is held out, the test images are measured on."""
    from multilayer.fit.prepare import prepare
    from multilayer.fit.rows import Rows

    is_held_out = holds_out(settings)
    return prepare(
        Rows.of_images(dataset.train, dataset.class_names),
        recipe_name=recipe_name,
        settings=settings,
        validation=None if is_held_out else Rows.of_images(dataset.test, dataset.class_names),
        calibrates=is_held_out,
    )


def holds_out(settings: TrainingSettings) -> bool:
    """Whether training images are held out to be measured on."""
    return bool(settings.num_folds or settings.validation_fraction)


def held_out_images(
    dataset: ImageDataset, settings: TrainingSettings
) -> tuple[NDArray[np.int64], ...] | None:
    """The training images that each network holds out, as `prepare_images` splits them.

    Returns:
        Numbers of images, an array for each fold, or one for all networks; None: none are held out.
    """
    labels = dataset.train.labels
    if settings.num_folds:
        return tuple(held for _, held in folds(labels, settings.num_folds, settings.seed))
    if settings.validation_fraction:
        return (hold_out(labels, settings.validation_fraction, settings.seed)[1],)
    return None


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
