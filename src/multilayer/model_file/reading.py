"""What stands in a model file, checked before anything is built from it.

This needs no PyTorch. `image_model` and `numpy_predictor` make of it what they need.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import ImageFileError, ModelFileError, SettingsError

FORMAT_VERSION = 1


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
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"there is no model file {path}")
    try:
        with safe_open(path, framework="np") as file:
            content = _described(file.metadata() or {}, path)
            _check_layout(file, content, path)
            for slot in content.spec.parameter_slots:
                content.parameters[slot.name] = file.get_tensor(slot.name)
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is not a whole safetensors file: {error}") from error
    for name, values in content.parameters.items():
        if not np.isfinite(values).all():
            raise ModelFileError(f"tensor {name} in {path} holds values that are not finite")
    return content


def picture_rows(images: NDArray[Any], image_shape: tuple[int, int]) -> NDArray[Any]:
    """Pictures (num_images, height, width) as rows (num_images, pixels).

    Raises:
        ImageFileError: they are not of the network's shape.
    """
    if images.shape[1:] != image_shape:
        raise ImageFileError(
            f"pictures of shape {images.shape[1:]} given to a network for {image_shape}"
        )
    return images.reshape(len(images), image_shape[0] * image_shape[1])


def _described(metadata: dict[str, str], path: Path) -> ModelContent:
    """All but the parameters."""
    try:
        document = json.loads(metadata["multilayer"])
        version = document["format_version"]
        if version != FORMAT_VERSION:
            raise ModelFileError(
                f"{path} has format version {version}; this multilayer reads {FORMAT_VERSION}"
            )
        spec = NetworkSpec(**document["network"])
        if not math.isfinite(spec.input_scale):
            raise ValueError(f"the input scale is {spec.input_scale}")
        height, width = document["image_shape"]
        check_widths("image_shape", (height, width))
        check_widths("num_members", (document["num_members"],))
        content = ModelContent(
            spec,
            document["num_members"],
            {},
            (height, width),
            tuple(map(str, document["class_names"])),
            dict(document["details"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError, SettingsError) as error:
        raise ModelFileError(f"{path} does not describe a network of ours: {error!r}") from error
    if height * width != spec.num_inputs or len(content.class_names) != spec.num_outputs:
        raise ModelFileError(
            f"{path} names pictures of {height} x {width} and {len(content.class_names)} classes "
            f"for a network of {spec.num_inputs} inputs and {spec.num_outputs} outputs"
        )
    return content


def _check_layout(file: Any, content: ModelContent, path: Path) -> None:
    """Hold the tensors' names, shapes and types, as the file's header has them, to the network's.

    Args:
        file: as safetensors opens it.
        content: what the file describes.
        path: for the messages.
    """
    slots = content.spec.parameter_slots
    found, wanted = set(file.keys()), {slot.name for slot in slots}
    if found != wanted:
        raise ModelFileError(
            f"{path} holds the tensors {', '.join(sorted(found))}; "
            f"its network has {', '.join(sorted(wanted))}"
        )
    for slot in slots:
        header = file.get_slice(slot.name)
        dtype, shape = header.get_dtype(), tuple(header.get_shape())
        if (dtype, shape) != ("F32", (content.num_members, *slot.shape)):
            raise ModelFileError(
                f"tensor {slot.name} in {path} is {dtype} {shape}; "
                f"its network needs F32 {(content.num_members, *slot.shape)}"
            )
