"""Load MNIST-like folders of four idx files."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import DataError, DatasetNotFoundError, IdxFileError, reason_of
from multilayer.images.datasets import ImageDataset, ImageSplit
from multilayer.images.idx import read_idx

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILE_NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

# A prefix (emnist-letters-), the part, the kind, a dash or a dot, the rank, and .gz or nothing.
_IDX_NAME = re.compile(
    r"(?:.*[-_.])?(?P<part>train|t10k|test)-"
    r"(?:(?P<images>images)[-.]idx3|labels[-.]idx1)-ubyte(?P<gzip>\.gz)?"
)
_NAMES_SHOWN = 8


def load_image_folder(folder: str | Path) -> ImageDataset:
    """Load an MNIST-like data set from a folder of four idx files.

    The files are named as `find_idx_files` says. Class numbers stay as they are in the files:
    there are (largest training label + 1) classes, named "0", "1", …; so EMNIST's letters, labelled
    1 to 26, have 27 classes of which class 0 is empty.

    Args:
        folder: Holds the images and labels of both parts, plain or gzip.

    Returns:
        The data set, under the folder's name.

    Raises:
        DatasetNotFoundError: a file is missing, or there is more than one choice for it.
        IdxFileError: a file cannot be read or holds something else.
        DataError: the files do not fit together.
    """
    folder = Path(folder).expanduser()
    files = find_idx_files(folder)
    train = _read_split(files[TRAIN_IMAGES], files[TRAIN_LABELS])
    test = _read_split(files[TEST_IMAGES], files[TEST_LABELS])
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"both parts must have images of one size, not {_size(train)} in {files[TRAIN_IMAGES]} "
            f"and {_size(test)} in {files[TEST_IMAGES]}"
        )
    num_classes = int(train.labels.max()) + 1
    largest = int(test.labels.max())
    if largest >= num_classes:
        raise DataError(
            f"{files[TEST_LABELS]} has the label {largest}, "
            f"the largest in {files[TRAIN_LABELS]} is {num_classes - 1}"
        )
    return ImageDataset(
        name=folder.resolve().name,
        train=train,
        test=test,
        class_names=tuple(map(str, range(num_classes))),
        source=f"the folder {folder}",
    )


def find_idx_files(folder: Path) -> dict[str, Path]:
    """Find the four files of an MNIST-like data set.

    Besides the names in `FILE_NAMES` these are understood: a dot before `idx`, `test` in place of
    `t10k`, any prefix that ends in a dash, dot or underscore, and `.gz` at the end. Where plain and
    gzip files both exist the plain one is taken.

    Returns:
        For each of `FILE_NAMES` the path of the file found.

    Raises:
        DatasetNotFoundError: there is no such folder, a file is missing, or two could be meant.
    """
    try:
        present = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        raise DatasetNotFoundError(
            f"cannot read the folder {folder}: {reason_of(error)}"
        ) from error

    candidates: dict[str, list[re.Match[str]]] = {name: [] for name in FILE_NAMES}
    for match in filter(None, map(_IDX_NAME.fullmatch, present)):
        if match["part"] == "train":
            wanted = TRAIN_IMAGES if match["images"] else TRAIN_LABELS
        else:
            wanted = TEST_IMAGES if match["images"] else TEST_LABELS
        candidates[wanted].append(match)

    if "settings.json" in present and not any(candidates.values()):
        raise DatasetNotFoundError(
            f"{folder} is a run folder; name the data to learn from, as the run was given them"
        )
    missing = [name for name, matches in candidates.items() if not matches]
    if missing:
        raise DatasetNotFoundError(
            f"the folder {folder} lacks {', '.join(missing)} (plain or .gz); "
            f"it holds {_listing(present)}"
        )
    found = {}
    for name, matches in candidates.items():
        names = [match.string for match in matches if not match["gzip"]]
        names = names or [match.string for match in matches]
        if len(names) > 1:
            raise DatasetNotFoundError(
                f"the folder {folder} has more than one choice for {name}: {_listing(names)}; "
                "give each data set its own folder"
            )
        found[name] = folder / names[0]
    return found


def _read_split(images_path: Path, labels_path: Path) -> ImageSplit:
    images = _read_bytes(images_path, rank=3, kind="images")
    labels = _read_bytes(labels_path, rank=1, kind="labels")
    if images.size == 0:
        shape = " x ".join(map(str, images.shape))
        raise IdxFileError(f"{images_path} must hold images, it holds {shape} values")
    if len(images) != len(labels):
        raise DataError(
            f"{images_path} has {len(images)} images and {labels_path} has {len(labels)} labels; "
            "there must be as many of each"
        )
    return ImageSplit(images, labels.astype(np.int64))


def _read_bytes(path: Path, rank: int, kind: str) -> NDArray[np.uint8]:
    array: np.ndarray[Any, Any] = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != rank:
        raise IdxFileError(
            f"{path} must hold {kind} as uint8 of {rank} dimension{'s' if rank > 1 else ''}, "
            f"it holds {array.dtype} of {array.ndim}"
        )
    return array


def _size(split: ImageSplit) -> str:
    return " x ".join(map(str, split.images.shape[1:]))


def _listing(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN]) or "nothing"
    hidden = len(names) - _NAMES_SHOWN
    return f"{shown} and {hidden} more" if hidden > 0 else shown
