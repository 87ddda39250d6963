"""A model as one safetensors file; see docs/model-file.md.

Reading one builds nothing before all of it is checked, and needs PyTorch for a `Model` alone.
"""

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.container.contents import Container, check_finite
from multilayer.container.reading import read_container
from multilayer.container.writing import document_text, write_container
from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.targets import Targets
from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import DataError, ModelFileError
from multilayer.model.answers import Answers
from multilayer.model.conformal import ConformalScores
from multilayer.model.old_files import KINDS, document_of_old
from multilayer.model.predictor import Predictor

if TYPE_CHECKING:
    from multilayer.columns.schema import Schema
    from multilayer.encoding.encoder import Encoder
    from multilayer.model.model import Model

FILE_NAME = "model.safetensors"
KIND = "model"
_KEYS = {
    "schema", "encoder", "targets", "network", "num_members", "temperature", "uniform_share",
    "clips", "num_conformal_rows", "details",
}  # fmt: skip
_BYTES_OF_RESULTS = 200_000  # more than training adds to the description


def save_model(model: "Model | Predictor", path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelFileError: a weight is not a finite number, a class is neither text, a number nor a
            boolean, or the description is larger than a file may hold; nothing is written.
        OutputError: it cannot be written.
    """
    scores = () if model.conformal is None else model.conformal.of_members
    arrays: dict[str, NDArray[Any]] = dict(model.parameters)
    arrays |= {f"conformal.{member}": of_member for member, of_member in enumerate(scores)}
    document = _document(model, path)
    check_finite(path, arrays)
    write_container(path, KIND, document, arrays)


def load_model(path: str | Path) -> "Model":
    """Read a model file, to go on with it in PyTorch; see also `load_predictor`.

    Args:
        path: of the file, or of the folder of a run.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    content = load_predictor(path)
    import torch

    from multilayer.engine.network import Network
    from multilayer.model.model import Model

    network = Network(content.spec, content.num_members)
    for name, view in network.named_parameters():
        view.copy_(torch.from_numpy(content.parameters[name]))
    return Model(
        network=network, **{one.name: getattr(content, one.name) for one in fields(Answers)}
    )


def load_predictor(path: str | Path) -> Predictor:
    """Read a model file, to answer with it without PyTorch; see also `load_model`.

    Args:
        path: of the file, or of the folder of a run.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return predictor_of(read_container(file_of_model(path), KIND, *KINDS))


def file_of_model(path: str | Path) -> Path:
    """The model file of a run folder; any other path is that of the file itself.

    Raises:
        ModelFileError: the folder holds no model.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if not (path / FILE_NAME).is_file():
        raise ModelFileError(
            f"{path} holds no {FILE_NAME}; it must be a model file, or the folder of a run "
            "that has finished"
        )
    return path / FILE_NAME


def check_saveable(model: "Model", path: str | Path) -> None:
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


def _document(model: "Model | Predictor", path: str | Path) -> dict[str, Any]:
    scores = () if model.conformal is None else model.conformal.of_members
    try:
        targets = model.targets.to_json()
    except DataError as error:
        raise ModelFileError(f"{path} cannot hold this model: {error}") from error
    document = {
        "schema": None if model.schema is None else model.schema.to_json(),
        "encoder": {"kind": model.encoder.kind, **model.encoder.to_json()},
        "targets": targets,
        "network": model.spec.to_json(),
        "num_members": model.num_members,
        "temperature": model.temperature,
        "uniform_share": model.uniform_share,
        "clips": model.clips,
        "num_conformal_rows": [len(of_member) for of_member in scores],
        "details": model.details,
    }
    return document if model.spread is None else {**document, "spread": list(model.spread)}


def predictor_of(container: Container) -> Predictor:
    """What a file holds, all of it checked.

    Raises:
        ModelFileError: it does not describe a model.
    """
    if container.kind == KIND:
        container.check_keys(_KEYS | ({"spread"} & set(container.document)))
    try:
        document = container.document if container.kind == KIND else document_of_old(container)
        spec = NetworkSpec.from_json(document["network"])
        check_widths("num_members", (document["num_members"],))
        schema, encoder = _rows_of(document)
        targets = Targets.from_json(document["targets"])
        temperature = _number(document, "temperature", 1e-3, 1e3)
        uniform_share = _number(document, "uniform_share", 0, 1)
        spread = _spread(document, targets)
        counts = document["num_conformal_rows"]
        if not isinstance(counts, list):
            raise TypeError("num_conformal_rows must be a list")
        check_widths("num_conformal_rows", tuple(counts))
        if not isinstance(document["clips"], bool) or not isinstance(document["details"], dict):
            raise TypeError("clips must be true or false, details an object")
        num_members = document["num_members"]
        _check_fits(spec, encoder, targets)
        if len(counts) not in (0, 1, num_members):
            raise ValueError(f"{len(counts)} arrays of scores are not of {num_members} networks")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{container.path} does not describe a model: {error}") from error
    width = len(targets.names) if targets.task == "regression" else 1
    layout = {slot.name: ("F32", (num_members, *slot.shape)) for slot in spec.parameter_slots} | {
        f"conformal.{member}": ("F64", (count, width)) for member, count in enumerate(counts)
    }
    container.check_arrays(layout)
    container.check_finite()
    scores = tuple(container.arrays[f"conformal.{member}"] for member in range(len(counts)))
    if any((np.diff(of_member, axis=0) < 0).any() for of_member in scores):
        raise ModelFileError(f"{container.path} holds conformal scores that do not ascend")
    return Predictor(
        schema,
        encoder,
        targets,
        replace(spec, one_hot_blocks=encoder.one_hot_blocks),
        {slot.name: container.arrays[slot.name] for slot in spec.parameter_slots},
        temperature=temperature,
        uniform_share=uniform_share,
        spread=spread,
        conformal=ConformalScores(scores) if scores else None,
        clips=document["clips"],
        details=document["details"],
    )


def _rows_of(document: dict[str, Any]) -> "tuple[Schema | None, Encoder | ImageEncoder]":
    """What the rows are that the model takes."""
    described = document["encoder"]
    kind = described["kind"]
    if kind == ImageEncoder.kind and document["schema"] is None:
        return None, ImageEncoder.from_json(described)
    if kind != "table":
        raise ValueError(f"an encoder of {kind!r:.80} with this schema is not known")
    # Images need none of this; loading it takes as long as all else that answers for them.
    from multilayer.columns.schema import Schema
    from multilayer.encoding.encoder import Encoder

    return Schema.from_json(document["schema"]), Encoder.from_json(described)


def _check_fits(spec: NetworkSpec, encoder: "Encoder | ImageEncoder", targets: Targets) -> None:
    """Raise ValueError unless the networks take what the encoder makes, and give what is wanted."""
    made = (encoder.num_inputs, targets.num_outputs)
    if made != (spec.num_inputs, spec.num_outputs):
        what = f"{encoder.num_inputs} inputs and {targets.num_outputs} outputs"
        if encoder.image_shape is not None:
            height, width = encoder.image_shape
            what = f"images of {height} x {width} and {targets.num_outputs} classes"
        raise ValueError(
            f"{what} do not fit a network of {spec.num_inputs} inputs and {spec.num_outputs} "
            "outputs"
        )
    is_scaled = spec.input_scale == 1 or encoder.image_shape is not None  # codes would be others
    if (
        spec.category_sizes != encoder.category_sizes
        or spec.embedded_numbers not in (0, encoder.num_numeric)
        or not (math.isfinite(spec.input_scale) and is_scaled)
    ):
        raise ValueError("the network takes other categories, numbers or scales than the encoder's")


def _spread(document: dict[str, Any], targets: Targets) -> tuple[float, ...] | None:
    """Shares of the classes, which not every file has."""
    if "spread" not in document:
        return None
    shares = document["spread"]
    if not isinstance(shares, list) or len(shares) != len(targets.classes):
        raise ValueError("spread must be a list of a number for each class")
    numbers = tuple(_number({"spread": share}, "spread", 0, 1) for share in shares)
    if not targets.is_classification or abs(sum(numbers) - 1) > 1e-6:
        raise ValueError("spread must be shares of classes, which sum to 1")
    return numbers


def _number(document: dict[str, Any], name: str, least: float, most: float) -> float:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}; it is {value!r}")
    return float(value)
