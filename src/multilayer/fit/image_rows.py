"""Prepare images for a fit, and encode them. PyTorch is loaded only to encode."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.targets import Targets
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.fit.rows import Rows
from multilayer.fit.split import FEWEST_ROWS_TO_DIVIDE, split_for
from multilayer.images.datasets import ImageDataset, ImageSplit

if TYPE_CHECKING:
    from multilayer.engine.batches import Examples
    from multilayer.fit.prepare import PreparedData


def prepare_images(
    dataset: ImageDataset, settings: TrainingSettings, recipe_name: str = "chapter"
) -> "PreparedData":
    """Prepare a data set for a fit; without held-out images the test set is the validation set.

    Args:
        dataset: the images.
        settings: from `settled_images`.
        recipe_name: see `recipe`.
    """
    from multilayer.fit.prepare import prepare

    is_held_out = holds_out(settings)
    return prepare(
        Rows.of_images(dataset.train, dataset.class_names),
        recipe_name=recipe_name,
        settings=settings,
        validation=None if is_held_out else Rows.of_images(dataset.test, dataset.class_names),
        calibrates=is_held_out,
    )


def check_augment(data: object, augment: Iterable[str]) -> None:
    """Refuse what would teach other signs than those of the data.

    Args:
        data: what images are asked for by.
        augment: what is done to them.

    Raises:
        SettingsError: digits would be mirrored.
    """
    if data == "digits" and "flip" in augment:
        raise SettingsError(
            "augment 'flip' would teach mirrored digits, which are other signs; take 'shift'"
        )


def holds_out(settings: TrainingSettings) -> bool:
    """Whether training images are held out for validation."""
    return bool(settings.num_folds or settings.validation_fraction)


def settled_images(
    dataset: ImageDataset, settings: TrainingSettings
) -> tuple[TrainingSettings, tuple[NDArray[np.int64], ...] | None, tuple[str, ...]]:
    """Split the training images, and adapt the settings to what can be held out.

    Args:
        dataset: the images.
        settings: the requested ones.

    Returns:
        The adapted settings; the indices of held-out images, an array for each fold or one for
        all networks, None without any; notes for the user, a sentence each.
    """
    if not holds_out(settings):
        return settings, None, ()
    rows = Rows.of_images(dataset.train, dataset.class_names)
    settled, split = split_for(rows, Targets.of_class_names(rows.class_names), settings, None)
    if split.held_out is None:
        last = "" if settings.selection == "last" else ", and the last epoch counts"
        note = (
            f"none of {len(rows)} training images are held out, as fewer than "
            f"{FEWEST_ROWS_TO_DIVIDE} of them have a class that another one has: the test images "
            f"are measured on{last}"
        )
        return settled, None, (note,)
    return settled, split.held_out if settled.num_folds else split.held_out[:1], ()


def image_examples(split: ImageSplit, dataset: ImageDataset) -> "Examples":
    """The training or test images of a data set as the engine takes them."""
    from multilayer.fit.prepare import as_examples

    rows = Rows.of_images(split, dataset.class_names)
    return as_examples(
        rows, ImageEncoder(dataset.image_shape), Targets.of_class_names(dataset.class_names)
    )
