"""A table's model as a file."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from multilayer.container.contents import Container, check_finite
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.data.encoder import Encoder
from multilayer.data.schema import Schema
from multilayer.data.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import DataError, ModelFileError
from multilayer.model_file.conformal import ConformalScores
from multilayer.model_file.table_model import TableModel

KIND = "table"
_KEYS = {
    "schema", "encoder", "targets", "network", "num_members", "temperature", "uniform_share",
    "clips", "num_conformal_rows", "details",
}  # fmt: skip


def save_table_model(model: TableModel, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelFileError: a weight is not a finite number, or a class is neither text, a number nor
            a boolean; nothing is written.
        OutputError: it cannot be written.
    """
    scores = () if model.conformal is None else model.conformal.of_members
    try:
        targets = model.targets.to_json()
    except DataError as error:
        raise ModelFileError(f"{path} cannot hold this model: {error}") from error
    document = {
        "schema": model.schema.to_json(),
        "encoder": model.encoder.to_json(),
        "targets": targets,
        "network": asdict(model.network.spec),
        "num_members": model.network.num_members,
        "temperature": model.temperature,
        "uniform_share": model.uniform_share,
        "clips": model.clips,
        "num_conformal_rows": [len(of_member) for of_member in scores],
        "details": model.details,
    }
    arrays = {name: view.numpy() for name, view in model.network.named_parameters()}
    arrays |= {f"conformal.{member}": of_member for member, of_member in enumerate(scores)}
    check_finite(path, arrays)
    write_container(path, KIND, document, arrays)


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
    container.check_keys(_KEYS)
    document = container.document
    try:
        spec = NetworkSpec(**document["network"])
        check_widths("num_members", (document["num_members"],))
        schema = Schema.from_json(document["schema"])
        encoder = Encoder.from_json(document["encoder"])
        targets = Targets.from_json(document["targets"])
        temperature = _number(document, "temperature", 1e-3, 1e3)
        uniform_share = _number(document, "uniform_share", 0, 1)
        counts = document["num_conformal_rows"]
        if not isinstance(counts, list):
            raise TypeError("num_conformal_rows must be a list")
        check_widths("num_conformal_rows", tuple(counts))
        if not isinstance(document["clips"], bool) or not isinstance(document["details"], dict):
            raise TypeError("clips must be true or false, details an object")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{container.path} does not describe a table's network: {error}"
        ) from error
    num_members = document["num_members"]
    if (
        (encoder.num_inputs, targets.num_outputs) != (spec.num_inputs, spec.num_outputs)
        or spec.category_sizes != encoder.category_sizes
        or spec.input_scale != 1  # codes of categories would be others
        or spec.embedded_numbers not in (0, encoder.num_numeric)
        or len(counts) not in (0, 1, num_members)
    ):
        raise ModelFileError(
            f"{container.path} describes a network that does not belong to its table"
        )
    width = len(targets.names) if targets.task == "regression" else 1
    layout = {slot.name: ("F32", (num_members, *slot.shape)) for slot in spec.parameter_slots} | {
        f"conformal.{member}": ("F64", (count, width)) for member, count in enumerate(counts)
    }
    container.check_arrays(layout)
    container.check_finite()
    network = Network(spec, num_members)
    for name, view in network.named_parameters():
        view.copy_(torch.from_numpy(container.arrays[name]))
    scores = tuple(container.arrays[f"conformal.{member}"] for member in range(len(counts)))
    if any((np.diff(of_member, axis=0) < 0).any() for of_member in scores):
        raise ModelFileError(f"{container.path} holds conformal scores that do not ascend")
    return TableModel(
        schema,
        encoder,
        targets,
        network,
        temperature=temperature,
        uniform_share=uniform_share,
        conformal=ConformalScores(scores) if scores else None,
        clips=document["clips"],
        details=document["details"],
    )


def _number(document: dict[str, Any], name: str, least: float, most: float) -> float:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}; it is {value!r}")
    return float(value)
