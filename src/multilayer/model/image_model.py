"""A network that labels pictures, as one safetensors file.

The arrays are the weights and biases by name, each with a leading dimension of members; the JSON
document holds everything else that is needed to use them; see docs/model-file.md.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from multilayer.container.contents import Container, check_finite
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.engine.network import Network
from multilayer.model.finiteness import check_answers
from multilayer.model.reading import KIND, model_content_of, picture_rows


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

    def probabilities(self, images: Any) -> NDArray[Any]:
        """Class probabilities, averaged over the members.

        Args:
            images: uint8, (num_images, height, width), or one image, (height, width).

        Returns:
            float32, (num_images, num_classes); each row sums to 1.

        Raises:
            ImageFileError: the images have another shape, or hold other than whole numbers from 0
                to 255.
            PredictionError: an answer is not a finite number.
        """
        rows = torch.from_numpy(picture_rows(images, self.image_shape))
        answers: NDArray[Any] = self.network.logits(rows).softmax(-1).mean(0).numpy()
        check_answers(answers)
        return answers


def save_image_model(model: ImageModel, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelFileError: a weight is not a finite number; nothing is written.
        OutputError: it cannot be written.
    """
    document = {
        "network": model.network.spec.to_json(),
        "num_members": model.network.num_members,
        "image_shape": model.image_shape,
        "class_names": model.class_names,
        "details": model.details,
    }
    arrays = {name: view.numpy() for name, view in model.network.named_parameters()}
    check_finite(path, arrays)
    write_container(path, KIND, document, arrays)


def load_image_model(path: str | Path) -> ImageModel:
    """Read a model file, to go on with it in PyTorch; see also `load_predictor`.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return image_model_of(read_container(path, KIND))


def image_model_of(container: Container) -> ImageModel:
    """The model that a file holds.

    Raises:
        ModelFileError: it does not describe one.
    """
    content = model_content_of(container)
    network = Network(content.spec, content.num_members)
    for name, view in network.named_parameters():
        view.copy_(torch.from_numpy(content.parameters[name]))
    return ImageModel(network, content.image_shape, content.class_names, content.details)
