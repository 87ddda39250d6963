"""What stands in a model file, checked before anything is built from it.

This needs no PyTorch. `image_model` and `numpy_predictor` make of it what they need.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.container.contents import Container
from multilayer.container.reading import read_container
from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import ImageFileError, ModelFileError, SettingsError

KIND = "images"
_KEYS = {"network", "num_members", "image_shape", "class_names", "details"}


@dataclass(frozen=True, eq=False)
class ModelContent:
    """A population of networks that label pictures, as its file holds it.

    Attributes:
        spec: the networks' shape.
        num_members: networks in the population.
        parameters: weights (num_members, inputs, outputs) and biases (num_members, 1, outputs) by
            name, float32 and finite.
        image_shape: height and width of the pictures.
        class_names: a name for each output.
        details: how it came about.
    """

    spec: NetworkSpec
    num_members: int
    parameters: dict[str, NDArray[np.float32]]
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    details: dict[str, Any]


def read_model_file(path: str | Path) -> ModelContent:
    """Read a model file, and check all of it.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return model_content_of(read_container(path, KIND))


def model_content_of(container: Container) -> ModelContent:
    """What a file holds, once it has been read.

    Raises:
        ModelFileError: it does not describe networks that label pictures.
    """
    container.check_keys(_KEYS)
    content = _described(container)
    container.check_arrays(
        {
            slot.name: ("F32", (content.num_members, *slot.shape))
            for slot in content.spec.parameter_slots
        }
    )
    container.check_finite()
    return content


def file_of_model(path: str | Path) -> Path:
    """The model file of a run folder; any other path is that of the file itself.

    Raises:
        ModelFileError: the folder holds no model.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if not (path / "model.safetensors").is_file():
        raise ModelFileError(
            f"{path} holds no model.safetensors; it must be a model file, or the folder of a run "
            "that has finished"
        )
    return path / "model.safetensors"


def picture_rows(images: Any, image_shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Images as rows, (num_images, pixels).

    Args:
        images: whole numbers from 0 to 255, (num_images, height, width), or one image, (height,
            width).
        image_shape: height and width that the network was trained on.

    Raises:
        ImageFileError: they are not of the network's shape, or hold other numbers.
    """
    images = np.asarray(images)
    if images.shape == image_shape:
        images = images[None]
    if images.ndim != 3 or images.shape[1:] != image_shape:
        height, width = image_shape
        raise ImageFileError(
            f"images of shape {images.shape} were given; the network takes (num_images, {height}, "
            f"{width}), or one image ({height}, {width})"
        )
    if images.dtype != np.uint8:
        _check_bytes(images)
        images = images.astype(np.uint8)
    rows: NDArray[np.uint8] = images.reshape(len(images), image_shape[0] * image_shape[1])
    return rows


def _check_bytes(images: NDArray[Any]) -> None:
    is_number = images.dtype.kind in "iuf" and images.size > 0
    if images.dtype.kind in "iu" and (not is_number or 0 <= images.min() <= images.max() <= 255):
        return
    span = f", from {images.min():g} to {images.max():g}" if is_number else ""
    raise ImageFileError(
        "images must hold whole numbers from 0 to 255, of type uint8; these are of type "
        f"{images.dtype}{span}"
    )


def _described(container: Container) -> ModelContent:
    document, path = container.document, container.path
    try:
        spec = NetworkSpec.from_json(document["network"])
        num_members = document["num_members"]
        if not math.isfinite(spec.input_scale):
            raise ValueError(f"the input scale is {spec.input_scale}")
        height, width = document["image_shape"]
        check_widths("image_shape", (height, width))
        check_widths("num_members", (num_members,))
        class_names = document["class_names"]
        if not all(isinstance(name, str) for name in class_names):
            raise ValueError("the names of the classes must be text")
        content = ModelContent(
            spec,
            num_members,
            container.arrays,
            (height, width),
            tuple(class_names),
            dict(document["details"]),
        )
    except (TypeError, ValueError, OverflowError, SettingsError) as error:
        raise ModelFileError(f"{path} does not describe a network of ours: {error}") from error
    if height * width != spec.num_inputs or len(content.class_names) != spec.num_outputs:
        raise ModelFileError(
            f"{path} names pictures of {height} x {width} and {len(content.class_names)} classes "
            f"for a network of {spec.num_inputs} inputs and {spec.num_outputs} outputs"
        )
    return content
