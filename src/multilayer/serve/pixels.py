"""The images of a request."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import ImageFileError
from multilayer.images.image_files import read_picture
from multilayer.serve.questions import Rows, check_number_of_rows
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel


def rows_of_picture(served: ServedModel, content: bytes, *, invert: bool, max_pixels: int) -> Rows:
    """One PNG or JPEG picture, read as `multilayer predict` reads a file.

    Raises:
        RefusalError: the model is of tables.
        ImageFileError: it cannot be read.
    """
    shape = served.model.image_shape
    if shape is None:
        raise RefusalError(415, "this model answers for rows of a table; send JSON or text/csv")
    found = read_picture(content, shape, "the picture", invert=invert, max_pixels=max_pixels)
    notes = (
        note.replace("give --invert (invert=True)", "add ?invert=true") for note in found.notes
    )
    return Rows(1, images=found.images, notes=tuple(notes))


def rows_of_pixels(served: ServedModel, values: Any, max_rows: int) -> Rows:
    """Images from nested lists or an array of numbers from 0 to 255.

    Args:
        served: a model of images.
        values: (num_images, height, width), or one image, (height, width).
        max_rows: more images are refused.

    Raises:
        RefusalError: these are no images of the model's size.
    """
    assert served.model.image_shape is not None
    height, width = served.model.image_shape
    expected = f"(num_images, {height}, {width}) or ({height}, {width})"
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):
        raise RefusalError(400, f"images must be lists of numbers of shape {expected}") from None
    if array.dtype.kind not in "iuf":
        raise RefusalError(400, f"images must be numbers from 0 to 255 of shape {expected}")
    notes: tuple[str, ...] = ()
    if array.dtype.kind == "f" and array.size:
        if not (array == np.floor(array)).all():
            raise RefusalError(
                400, "pixels must be whole numbers from 0 to 255; there are fractions, such as "
                f"{array[array != np.floor(array)].flat[0]:g}",
            )  # fmt: skip
        if not ((array >= 0) & (array <= 255)).all():
            raise RefusalError(400, "pixels must be whole numbers from 0 to 255")
        array = array.astype(np.int64)
    if array.size and 0 < array.max() <= 1:
        notes = ("all pixels are 0 or 1: they are read on a scale from 0 to 255",)
    try:
        images: NDArray[np.uint8] = served.model.encoder.as_rows(array)  # type: ignore[assignment]
    except ImageFileError as error:
        raise RefusalError(400, str(error)) from None
    check_number_of_rows(len(images), max_rows)
    return Rows(len(images), images=images, notes=notes)
