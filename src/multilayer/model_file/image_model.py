"""A network that labels pictures, as one safetensors file.

The tensors are the weights and biases by name, each with a leading dimension of members; the
metadata holds, under the key "multilayer", one JSON document with everything else that is needed
to use them. Loading reads data and runs nothing.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import ImageFileError, ModelFileError, SettingsError
from multilayer.files import replace_atomically

FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class ImageModel:
    """A population of networks and what their inputs and outputs stand for.

    Args:
        network: takes bytes, pixel by pixel, row by row.
        image_shape: height and width of the pictures.
        class_names: a name for each output.
        details: how it came about (data, settings, scores, versions); kept in the file for people.
    """

    network: Network
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    details: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, images: NDArray[Any]) -> NDArray[Any]:
        """Class probabilities, averaged over the members.

        Args:
            images: uint8, (num_images, height, width).

        Returns:
            float32, (num_images, num_classes); each row sums to 1.

        Raises:
            ImageFileError: the pictures have another shape.
        """
        if images.shape[1:] != self.image_shape:
            raise ImageFileError(
                f"pictures of shape {images.shape[1:]} given to a network for {self.image_shape}"
            )
        rows = torch.from_numpy(images.reshape(len(images), -1))
        answers: NDArray[Any] = self.network.logits(rows).softmax(-1).mean(0).numpy()
        return answers


def save_model(model: ImageModel, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    document = {
        "format_version": FORMAT_VERSION,
        "kind": "images",
        "network": asdict(model.network.spec),
        "num_members": model.network.num_members,
        "image_shape": model.image_shape,
        "class_names": model.class_names,
        "details": model.details,
    }
    tensors = {name: view.contiguous() for name, view in model.network.named_parameters()}
    metadata = {"multilayer": json.dumps(document, allow_nan=False)}
    with replace_atomically(path) as file:
        file.write(save(tensors, metadata))


def load_model(path: str | Path) -> ImageModel:
    """Read a model file.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"there is no model file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is not a whole safetensors file: {error}") from error
    try:
        document = json.loads(metadata["multilayer"])
        version = document["format_version"]
        if version != FORMAT_VERSION:
            raise ModelFileError(
                f"{path} has format version {version}; this multilayer reads {FORMAT_VERSION}"
            )
        spec = NetworkSpec(**document["network"])
        network = Network(spec, document["num_members"])
        model = ImageModel(
            network,
            tuple(document["image_shape"]),
            tuple(document["class_names"]),
            document["details"],
        )
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise ModelFileError(f"{path} does not describe a network of ours: {error!r}") from error
    _fill(network, tensors, path)
    _check_description(model, path)
    return model


def _fill(network: Network, tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Copy tensors into the network, each checked for name, shape, type and finite values."""
    views = dict(network.named_parameters())
    if set(tensors) != set(views):
        raise ModelFileError(
            f"{path} holds the tensors {', '.join(sorted(tensors))}; "
            f"its network has {', '.join(sorted(views))}"
        )
    for name, view in views.items():
        tensor = tensors[name]
        if tensor.shape != view.shape or tensor.dtype != view.dtype:
            raise ModelFileError(
                f"tensor {name} in {path} is {tensor.dtype} {tuple(tensor.shape)}; "
                f"its network needs {view.dtype} {tuple(view.shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ModelFileError(f"tensor {name} in {path} holds values that are not finite")
        view.copy_(tensor)


def _check_description(model: ImageModel, path: Path) -> None:
    spec = model.network.spec
    height, width = model.image_shape
    if height * width != spec.num_inputs or len(model.class_names) != spec.num_outputs:
        raise ModelFileError(
            f"{path} names pictures of {height} x {width} and {len(model.class_names)} classes "
            f"for a network of {spec.num_inputs} inputs and {spec.num_outputs} outputs"
        )
