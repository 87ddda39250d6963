"""Save and load a model as one safetensors file; see docs/model-file.md.

A file is validated completely before anything is built from it. Only `Model` needs PyTorch.
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
from multilayer.errors import DataError, MissingPackageError, ModelFileError
from multilayer.model.answers import Answers
from multilayer.model.conformal import ConformalScores
from multilayer.model.mixing import Mixture, kind_of_outputs
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
_BYTES_OF_RESULTS = 200_000  # upper bound of what training adds to the metadata


def save_model(model: "Model | Predictor", path: str | Path) -> None:
    """Write a model file atomically.

    Raises:
        ModelFileError: a weight is not finite, a class is not text, a number or a boolean, or the
            metadata are too large; nothing is written.
        OutputError: it cannot be written.

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> fitted = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> from multilayer import load_model, save_model
        >>> save_model(fitted.model_, "small.safetensors")
        >>> load_model("small.safetensors").num_members
        1
    """
    scores = () if model.conformal is None else model.conformal.of_members
    arrays: dict[str, NDArray[Any]] = dict(model.parameters)
    arrays |= {f"conformal.{member}": of_member for member, of_member in enumerate(scores)}
    others = () if model.mixture is None else model.mixture.others
    for number, (_, parameters) in enumerate(others, 1):
        arrays |= {_name_in_mixture(number, name): values for name, values in parameters.items()}
    document = _document(model, path)
    check_finite(path, arrays)
    write_container(path, KIND, document, arrays)


def load_model(path: str | Path) -> "Model":
    """Load a model file as a PyTorch model; `load_predictor` needs no PyTorch.

    Args:
        path: of the file or of a run folder.

    Raises:
        ModelFileError: the file is missing, damaged or not a model file of this package.
        MissingPackageError: PyTorch is not installed.

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> fitted = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> fitted.save("small.safetensors")
        >>> from multilayer import load_model
        >>> load_model("small.safetensors").predict([[0.9]]).tolist()
        ['high']
    """
    content = load_predictor(path)
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError("load_model", "torch", "; load_predictor does without") from error

    from multilayer.engine.network import Network
    from multilayer.model.mixed_networks import MixedNetworks
    from multilayer.model.model import Model

    mixture = content.mixture
    networks = []
    for spec, parameters in (
        (content.spec, content.parameters), *(() if mixture is None else mixture.others)
    ):  # fmt: skip
        network = Network(spec, content.num_members)
        for name, view in network.named_parameters():
            view.copy_(torch.from_numpy(parameters[name]))
        networks.append(network)
    kind = kind_of_outputs(content.targets.task)
    return Model(
        network=networks[0] if mixture is None else MixedNetworks(networks, mixture.weights, kind),
        **{one.name: getattr(content, one.name) for one in fields(Answers)},
    )


def load_answers(path: str | Path) -> "Model | Predictor":
    """Load a model file for many rows: in PyTorch, which is faster, or without where it is missing.

    Args:
        path: of the file or of a run folder.

    Raises:
        ModelFileError: the file is missing, damaged or not a model file of this package.
    """
    try:
        import torch  # noqa: F401 (whether it is there)
    except ImportError:
        return load_predictor(path)
    return load_model(path)


def load_predictor(path: str | Path) -> Predictor:
    """Load a model file for predictions without PyTorch; see also `load_model`.

    Args:
        path: of the file or of a run folder.

    Raises:
        ModelFileError: the file is missing, damaged or not a model file of this package.

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> fitted = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> fitted.save("small.safetensors")
        >>> from multilayer import load_predictor
        >>> load_predictor("small.safetensors").predict([[0.9]]).tolist()
        ['high']
    """
    return predictor_of(read_container(file_of_model(path), KIND, *KINDS))


def file_of_model(path: str | Path) -> Path:
    """The model file of a run folder; a path that is not a folder is returned unchanged.

    Raises:
        ModelFileError: the folder holds no model.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if not (path / FILE_NAME).is_file():
        raise ModelFileError(
            f"{path} holds no {FILE_NAME}; give a model file, or the folder of a finished run"
        )
    return path / FILE_NAME


def check_saveable(model: "Model", path: str | Path) -> None:
    """Check before training that the model's metadata will fit into a file.

    Raises:
        ModelFileError: they will not; the message says what is too large.
    """
    try:
        document_text(Path(path), KIND, _document(model, path), _BYTES_OF_RESULTS)
    except ModelFileError as error:
        raise ModelFileError(
            f"the model of these {len(model.encoder.column_names):,} columns could not be saved: "
            f"{error}; drop columns, first those with very many categories"
        ) from error


def _document(model: "Model | Predictor", path: str | Path) -> dict[str, Any]:
    scores = () if model.conformal is None else model.conformal.of_members
    try:
        targets = model.targets.to_json()
    except DataError as error:
        raise ModelFileError(f"{path} cannot hold this model: {error}") from error
    document: dict[str, Any] = {
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
    if model.spread is not None:
        document["spread"] = list(model.spread)
    if model.mixture is not None:
        document["mixture"] = {
            "weights": list(model.mixture.weights),
            "others": [spec.to_json() for spec, _ in model.mixture.others],
        }
    return document


def _name_in_mixture(number: int, name: str) -> str:
    """The array of a parameter of the population with a number; the first has number 0."""
    return f"{number}/{name}" if number else name


def predictor_of(container: Container) -> Predictor:
    """Build a predictor from a container, validating all of it.

    Raises:
        ModelFileError: it does not describe a model.
    """
    if container.kind == KIND:
        container.check_keys(_KEYS | ({"spread", "mixture"} & set(container.document)))
    try:
        document = container.document if container.kind == KIND else document_of_old(container)
        shares, *described = _mixture(document)
        specs = [NetworkSpec.from_json(one) for one in described]
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
        for spec in specs:
            _check_fits(spec, encoder, targets)
        if len(counts) not in (0, 1, num_members):
            raise ValueError(f"{len(counts)} arrays of scores do not fit {num_members} networks")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{container.path} does not describe a model: {error}") from error
    width = len(targets.names) if targets.task == "regression" else 1
    layout = {
        f"conformal.{member}": ("F64", (count, width)) for member, count in enumerate(counts)
    } | {
        _name_in_mixture(number, slot.name): ("F32", (num_members, *slot.shape))
        for number, spec in enumerate(specs)
        for slot in spec.parameter_slots
    }
    container.check_arrays(layout)
    container.check_finite()
    edges = container.arrays.get("numbers.edges")
    if edges is not None and (np.diff(edges) < 0).any():
        raise ModelFileError(f"{container.path} holds edges of bins that do not ascend")
    scores = tuple(container.arrays[f"conformal.{member}"] for member in range(len(counts)))
    if any((np.diff(of_member, axis=0) < 0).any() for of_member in scores):
        raise ModelFileError(f"{container.path} holds conformal scores that do not ascend")
    populations = [
        (
            replace(spec, one_hot_blocks=encoder.one_hot_blocks),
            {
                slot.name: container.arrays[_name_in_mixture(number, slot.name)]
                for slot in spec.parameter_slots
            },
        )
        for number, spec in enumerate(specs)
    ]
    return Predictor(
        schema,
        encoder,
        targets,
        *populations[0],
        mixture=Mixture(shares, tuple(populations[1:])) if shares else None,
        temperature=temperature,
        uniform_share=uniform_share,
        spread=spread,
        conformal=ConformalScores(scores) if scores else None,
        clips=document["clips"],
        details=document["details"],
    )


def _rows_of(document: dict[str, Any]) -> "tuple[Schema | None, Encoder | ImageEncoder]":
    """Schema and encoder."""
    described = document["encoder"]
    kind = described["kind"]
    if kind == ImageEncoder.kind and document["schema"] is None:
        return None, ImageEncoder.from_json(described)
    if kind != "table":
        raise ValueError(f"an encoder of {kind!r:.80} with this schema is unknown")
    # Loaded for tables only: it takes as long as everything else needed for images.
    from multilayer.columns.schema import Schema
    from multilayer.encoding.encoder import Encoder

    return Schema.from_json(document["schema"]), Encoder.from_json(described)


def _check_fits(spec: NetworkSpec, encoder: "Encoder | ImageEncoder", targets: Targets) -> None:
    """Raise ValueError unless the networks fit the encoder and the targets."""
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
    is_scaled = spec.input_scale == 1 or encoder.image_shape is not None  # codes must not be scaled
    if (
        spec.category_sizes != encoder.category_sizes
        or spec.embedded_numbers not in (0, encoder.num_numeric)
        or not (math.isfinite(spec.input_scale) and is_scaled)
    ):
        raise ValueError("categories, numbers or scale of the network do not match the encoder")


def _mixture(document: dict[str, Any]) -> tuple[Any, ...]:
    """Weights of the populations, none where there is one, then what describes their shapes."""
    if "mixture" not in document:
        return (), document["network"]
    mixture = document["mixture"]
    if set(mixture) != {"weights", "others"} or not isinstance(mixture["others"], list):
        raise TypeError("mixture must have weights, and a list of others")
    weights = tuple(_number({"weight": weight}, "weight", 0, 1) for weight in mixture["weights"])
    if len(weights) != len(mixture["others"]) + 1 or not all(weights):
        raise ValueError("weights of a mixture must be above 0, one for each of its populations")
    if abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"weights of a mixture must sum to 1; they sum to {sum(weights):g}")
    return weights, document["network"], *mixture["others"]


def _spread(document: dict[str, Any], targets: Targets) -> tuple[float, ...] | None:
    """Shares of the classes, if the file has them."""
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
