"""scikit-learn's handwritten digits: small, and on disk wherever scikit-learn is."""

import numpy as np

from multilayer.encoding.splits import split_rows
from multilayer.errors import MissingExtraError
from multilayer.images.datasets import ImageDataset, ImageSplit

TEST_FRACTION = 0.2
SPLIT_SEED = 0


def load_digits() -> ImageDataset:
    """Load the 1797 digits of 8 x 8 pixels that come with scikit-learn.

    Their grey values 0 to 16 become bytes, round(255 x / 16). The test part is a fifth of each
    class, always the same rows.

    Returns:
        The data set: 1438 images to train with, 359 to test with.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ModuleNotFoundError as error:
        raise MissingExtraError("the digits data set", "scikit-learn", "sklearn") from error
    bunch = load()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    train_rows, test_rows = split_rows(labels, TEST_FRACTION, SPLIT_SEED)
    return ImageDataset(
        name="digits",
        train=ImageSplit(images[train_rows], labels[train_rows]),
        test=ImageSplit(images[test_rows], labels[test_rows]),
        class_names=tuple(map(str, range(10))),
        source="scikit-learn's load_digits",
    )
