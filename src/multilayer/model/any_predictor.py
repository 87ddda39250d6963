"""A model file of any kind, to answer with it through NumPy."""

from pathlib import Path

from multilayer.container.reading import read_container
from multilayer.model.image_predictor import NumPyPredictor
from multilayer.model.reading import file_of_model, model_content_of
from multilayer.model.table_predictor import TablePredictor, table_predictor_of


def load_predictor(path: str | Path) -> NumPyPredictor | TablePredictor:
    """Read a model file, to answer with it without PyTorch; see also `load_model`.

    Args:
        path: of the file, or of the folder of a run.

    Returns:
        What the file holds: a network that labels images, or one that answers for the rows of
        tables.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    container = read_container(file_of_model(path), "images", "table")
    if container.kind == "table":
        return table_predictor_of(container)
    return NumPyPredictor(model_content_of(container))
