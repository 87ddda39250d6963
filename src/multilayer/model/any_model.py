"""A model file of any kind."""

from pathlib import Path

from multilayer.container.reading import read_container
from multilayer.model.image_model import ImageModel, image_model_of, save_image_model
from multilayer.model.reading import file_of_model
from multilayer.model.table_file import save_table_model, table_model_of
from multilayer.model.table_model import TableModel


def load_model(path: str | Path) -> ImageModel | TableModel:
    """Read a model file, to go on with it in PyTorch; see also `load_predictor`.

    Args:
        path: of the file, or of the folder of a run.

    Returns:
        What the file holds: a network that labels pictures, or one that answers for the rows of
        tables.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    container = read_container(file_of_model(path), "images", "table")
    return table_model_of(container) if container.kind == "table" else image_model_of(container)


def save_model(model: ImageModel | TableModel, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelFileError: a weight is not a finite number; nothing is written.
        OutputError: it cannot be written.
    """
    if isinstance(model, TableModel):
        save_table_model(model, path)
    else:
        save_image_model(model, path)
