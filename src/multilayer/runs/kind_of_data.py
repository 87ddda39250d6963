"""Images given to a model of tables, or a table to one of images, are refused in one line."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.errors import DataError, ImageFileError, SettingsError
from multilayer.images.datasets import KNOWN_DATASETS
from multilayer.images.image_files import holds_images, is_image_file

if TYPE_CHECKING:
    from multilayer.model.answers import Answers


def trained_on(model: "Answers") -> str:
    """What kind of data a model was trained on, for messages."""
    if model.image_shape is not None:
        height, width = model.image_shape
        return f"images of {height} x {width} pixels"
    return f"a table with the target {', '.join(map(repr, model.targets.names))}"


def require_table(run: str | Path, what: str, data: str | Path) -> None:
    """Refuse images where a run needs a table.

    Args:
        run: a run folder, or a model file.
        what: it was trained on.
        data: what is given.

    Raises:
        DataError: these are images.
    """
    if _is_dataset(data):
        given = "are images"
    elif holds_images(data):
        given = "is a folder of images"
    elif is_image_file(data, may_be_compressed=False):
        given = "is an image file"
    else:
        return
    raise DataError(f"{run} was trained on {what}, and {data} {given}; name a table")


def require_dataset(run: str | Path, what: str, data: str | Path) -> None:
    """Refuse a single file where a run needs a data set of labelled images; see `require_table`.

    Raises:
        DataError: it is a file.
    """
    if not _is_dataset(data) and os.path.isfile(data):  # noqa: PTH113 (names may be too long)
        raise DataError(
            f"{run} was trained on {what}, and {data} is a file; name {', '.join(KNOWN_DATASETS)} "
            "or a folder of idx files"
        )


def require_pictures(run: str | Path, what: str, data: str | Path) -> None:
    """Refuse what holds no images to label; see `require_table`.

    Raises:
        SettingsError: it is a data set with labels of its own.
        ImageFileError: it is another file.
    """
    if _is_dataset(data):
        raise SettingsError(
            f"{data} are images with labels: `multilayer evaluate` measures {run} on them; predict "
            "labels a PNG, JPEG or idx file, or a folder of pictures"
        )
    is_file = os.path.isfile(data)  # noqa: PTH113
    if is_file and Path(data).stat().st_size and not is_image_file(data, may_be_compressed=True):
        raise ImageFileError(
            f"{run} was trained on {what}, and {data} is neither a PNG or JPEG picture nor an idx "
            "file"
        )


def _is_dataset(data: str | Path) -> bool:
    return data in KNOWN_DATASETS and not os.path.exists(data)  # noqa: PTH110
