"""Labelled pictures as arrays, and the one door to every image data set."""

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.splits import split_rows
from multilayer.errors import (
    DatasetNotFoundError,
    DataWarning,
    MissingExtraError,
    SettingsError,
    TableError,
    did_you_mean,
)
from multilayer.images.image_files import holds_images
from multilayer.reading.table_files import find_table_files, is_many_files

KNOWN_DATASETS = ("fashion-mnist", "digits")
TEST_FRACTION = 0.2
SPLIT_SEED = 0
_TABLE_SUFFIXES = {".csv", ".tsv", ".parquet", ".arrow", ".feather", ".jsonl", ".ndjson"}


def require_no_data_dir(data_dir: str | Path | None) -> None:
    """Raise SettingsError where a folder of images is named beside a table."""
    if data_dir is not None:
        raise SettingsError("data_dir is for the files of images; a table is named by its path")


@dataclass(frozen=True, eq=False)
class ImageSplit:
    """One part of a data set.

    Attributes:
        images: uint8, (num_images, height, width), 0 for the background.
        labels: int64, (num_images,), class numbers from 0.

    Examples:
        >>> import numpy as np
        >>> from multilayer import ImageSplit
        >>> split = ImageSplit(np.zeros((3, 28, 28), np.uint8), np.array([5, 0, 5]))
        >>> len(split), split.labels.tolist()
        (3, [5, 0, 5])
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A data set of labelled grey pictures, all of one size.

    Attributes:
        name: "fashion-mnist", "digits", or the folder's name.
        train: The part to learn from.
        test: The part to measure with.
        class_names: One for each class; "0", "1", … where the data set names none.
        source: In words, where it came from.

    Examples:
        >>> import numpy as np
        >>> from multilayer import ImageDataset, ImageSplit
        >>> images = np.zeros((40, 4, 4), np.uint8)
        >>> images[20:, :, 2:] = 200
        >>> split = ImageSplit(images, np.repeat([0, 1], 20))
        >>> dataset = ImageDataset("halves", split, split, ("dark", "half"), "made here")
        >>> dataset.class_names
        ('dark', 'half')
        >>> len(dataset.train), dataset.train.images.shape
        (40, (40, 4, 4))
    """

    name: str
    train: ImageSplit
    test: ImageSplit
    class_names: tuple[str, ...]
    source: str

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.train.images.shape[1:]
        return int(height), int(width)

    def sha256(self) -> str:
        """SHA-256 of all images and labels."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            for values in (split.images, split.labels):
                digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()


def require_target(data: str | Path, *, has_target: bool) -> None:
    """Refuse a table without a target column, and a data set of images with one.

    Args:
        data: as `load_images` takes it, or a table's file.
        has_target: whether a column to predict is named.

    Raises:
        SettingsError: there is a target where there must be none, or none where one is needed; or
            the data are shards.
    """
    from multilayer.shards.shard_folder import is_shard_folder  # not for every start

    if is_shard_folder(data):
        raise SettingsError(
            f"{data} holds encoded shards, which `multilayer train` alone takes; name the table "
            "that they were made of, or a part of it"
        )
    if data in KNOWN_DATASETS and not os.path.exists(data):  # noqa: PTH110 (names may be too long)
        if has_target:
            raise SettingsError(f"{data} are images with labels of their own; leave --target out")
        return
    if has_target:
        return
    what = "is a file" if os.path.isfile(data) else _table_of_files(data)  # noqa: PTH113
    if what:
        raise SettingsError(f"{data} {what}; name its column to predict with --target")


def _table_of_files(data: str | Path) -> str:
    """That a folder, or a pattern of files, is a table, as the end of a sentence; else nothing."""
    if not is_many_files(data) or holds_images(data):
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            files = find_table_files(data)
        except TableError:
            return ""
    if not any(_is_named_as_table(file.path) for file in files):
        return ""
    return f"is a table of {len(files):,} files" if len(files) > 1 else "is a table"


def _is_named_as_table(path: Path) -> bool:
    return not _TABLE_SUFFIXES.isdisjoint(suffix.lower() for suffix in path.suffixes)


def load_images(name_or_folder: str | Path, data_dir: str | Path | None = None) -> ImageDataset:
    """Load an image data set by name, or from an MNIST-like folder.

    Args:
        name_or_folder: "fashion-mnist", "digits", or the path of a folder with four idx files
            (see `multilayer.images.folder.load_image_folder`). A folder with the name of a known
            data set is reached as "./digits".
        data_dir: For fashion-mnist alone: the folder that holds its four files. Default: searched
            for as `multilayer.images.fashion_mnist.load_fashion_mnist` says.

    Returns:
        The data set, whole in memory.

    Raises:
        DatasetNotFoundError: the name is unknown and no such folder exists, or a file is missing.
        SettingsError: `data_dir` is given for another data set.
        DataError: the files were found and cannot be used.
        MissingExtraError: digits, and scikit-learn is not installed.

    Examples:
        >>> from multilayer import load_images
        >>> digits = load_images("digits")  # from scikit-learn, which brings them along
        >>> len(digits.train), len(digits.test), digits.train.images.shape[1:]
        (1438, 359, (8, 8))
    """
    if name_or_folder == "fashion-mnist":
        from multilayer.images.fashion_mnist import load_fashion_mnist

        return load_fashion_mnist(data_dir)
    if data_dir is not None:
        raise SettingsError(
            f"a data folder ({data_dir}) goes with fashion-mnist, not with {name_or_folder}"
        )
    if name_or_folder == "digits":
        return load_digits()

    try:
        folder = Path(name_or_folder).expanduser()
        is_folder, is_there = folder.is_dir(), folder.exists()
    except (OSError, RuntimeError, ValueError):  # of names too long, of nobody's home, …
        is_folder = is_there = False
    if not is_folder:
        what_it_is = "a file" if is_there else "neither a known data set nor a folder"
        raise DatasetNotFoundError(
            f"{str(name_or_folder)!r} is {what_it_is}; it must be {', '.join(KNOWN_DATASETS)} "
            "or the path of a folder with MNIST-like idx files"
            f"{did_you_mean(name_or_folder, KNOWN_DATASETS)}"
        )
    from multilayer.images.folder import load_image_folder

    return load_image_folder(folder)


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
