"""A table's model as a file."""

from pathlib import Path
from typing import Any

import torch

from multilayer.container.contents import Container, check_finite
from multilayer.container.reading import read_container
from multilayer.container.writing import document_text, write_container
from multilayer.engine.network import Network
from multilayer.errors import DataError, ModelFileError
from multilayer.model.table_model import TableModel
from multilayer.model.table_predictor import KIND, table_predictor_of

_BYTES_OF_RESULTS = 200_000  # more than training adds to the description


def save_table_model(model: TableModel, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelFileError: a weight is not a finite number, a class is neither text, a number nor a
            boolean, or the description is larger than a file may hold; nothing is written.
        OutputError: it cannot be written.
    """
    scores = () if model.conformal is None else model.conformal.of_members
    arrays = {name: view.numpy() for name, view in model.network.named_parameters()}
    arrays |= {f"conformal.{member}": of_member for member, of_member in enumerate(scores)}
    document = _document(model, path)
    check_finite(path, arrays)
    write_container(path, KIND, document, arrays)


def check_saveable(model: TableModel, path: str | Path) -> None:
    """Make sure that a model which is still to be trained will fit into a file.

    Raises:
        ModelFileError: it will not; the message says what is too large.
    """
    try:
        document_text(Path(path), KIND, _document(model, path), _BYTES_OF_RESULTS)
    except ModelFileError as error:
        raise ModelFileError(
            f"the model of these {len(model.encoder.column_names):,} columns could not be saved: "
            f"{error}; leave out columns, or those of very many categories"
        ) from error


def _document(model: TableModel, path: str | Path) -> dict[str, Any]:
    scores = () if model.conformal is None else model.conformal.of_members
    try:
        targets = model.targets.to_json()
    except DataError as error:
        raise ModelFileError(f"{path} cannot hold this model: {error}") from error
    return {
        "schema": model.schema.to_json(),
        "encoder": model.encoder.to_json(),
        "targets": targets,
        "network": model.network.spec.to_json(),
        "num_members": model.network.num_members,
        "temperature": model.temperature,
        "uniform_share": model.uniform_share,
        "clips": model.clips,
        "num_conformal_rows": [len(of_member) for of_member in scores],
        "details": model.details,
    }


def load_table_model(path: str | Path) -> TableModel:
    """Read a model file.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return table_model_of(read_container(path, KIND))


def table_model_of(container: Container) -> TableModel:
    """The model that a file holds.

    Raises:
        ModelFileError: it does not describe one.
    """
    content = table_predictor_of(container)
    network = Network(content.spec, content.num_members)
    for name, view in network.named_parameters():
        view.copy_(torch.from_numpy(content.parameters[name]))
    return TableModel(
        content.schema,
        content.encoder,
        content.targets,
        network,
        temperature=content.temperature,
        uniform_share=content.uniform_share,
        conformal=content.conformal,
        clips=content.clips,
        details=content.details,
    )
