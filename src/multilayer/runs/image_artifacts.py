"""What a run on pictures leaves to be used and looked at: its model file and its drawings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.images.datasets import ImageDataset
from multilayer.engine.settings import TrainingSettings
from multilayer.stopwatch import without_times

if TYPE_CHECKING:
    from multilayer.engine.network import Network


def save_model_file(
    folder: Path,
    network: "Network",
    dataset: ImageDataset,
    settings: TrainingSettings,
    results: Mapping[str, Any],
) -> None:
    """Write model.safetensors, with the content of results.json in it."""
    from multilayer.model.model import Model
    from multilayer.model.model_file import save_model

    model = Model.of_images(
        network,
        dataset.image_shape,
        dataset.class_names,
        {
            "data": dataset.name,
            "settings": asdict(settings),
            "results": without_times(results),
        },
    )
    save_model(model, folder / "model.safetensors")


def save_drawings(
    folder: Path,
    network: "Network",
    dataset: ImageDataset,
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Draw the learning curves, where there is an epoch, and the first layer's weights."""
    from multilayer.drawing.pictures import save_first_layer, save_learning_curves

    if history:
        save_learning_curves(history, folder / "curves.png")
    save_first_layer(network.weights[0][0].numpy(), dataset.image_shape, folder / "first_layer.png")
