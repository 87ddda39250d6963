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
from safetensors.torch import save

from multilayer.engine.network import Network
from multilayer.files import replace_atomically
from multilayer.model_file.reading import FORMAT_VERSION, picture_rows, read_model_file


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
        rows = torch.from_numpy(picture_rows(images, self.image_shape))
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
    """Read a model file, to go on with it in PyTorch; see also `numpy_predictor.load_predictor`.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    content = read_model_file(path)
    network = Network(content.spec, content.num_members)
    for name, view in network.named_parameters():
        view.copy_(torch.from_numpy(content.parameters[name]))
    return ImageModel(network, content.image_shape, content.class_names, content.details)
