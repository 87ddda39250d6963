"""The Open Inference Protocol, version 2: models and requests as tensors."""

import json
from typing import Any

import numpy as np

from multilayer.columns.schema import require_columns
from multilayer.serve.answers import Answered, check_options
from multilayer.serve.batching import Job
from multilayer.serve.limits import Limits
from multilayer.serve.pixels import rows_of_pixels
from multilayer.serve.plain import Written, coverage_of
from multilayer.serve.questions import (
    SOURCE,
    Rows,
    check_number_of_rows,
    rows_of_columns,
)
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel
from multilayer.serve.strict_json import parse_json
from multilayer.serve.tensors import Tensor

PLATFORM = "multilayer_numpy"
IMAGE = "image"
_KINDS = {"number": "FP64", "boolean": "BOOL", "choice": "BYTES", "date": "BYTES"}


def model_document(served: ServedModel) -> dict[str, Any]:
    """The metadata of a model."""
    return {
        "name": served.name,
        "versions": [served.version],
        "platform": PLATFORM,
        "inputs": input_documents(served),
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1, *shape]}
            for name, datatype, shape in _outputs(served)
        ],
    }


def input_documents(served: ServedModel) -> list[dict[str, Any]]:
    """The metadata of the inputs."""
    if served.model.image_shape is not None:
        return [{"name": IMAGE, "datatype": "UINT8", "shape": [-1, *served.model.image_shape]}]
    return [
        {
            "name": one.name,
            "datatype": _KINDS[one.kind],
            "shape": [-1],
        }
        for one in served.columns
    ]


def _outputs(served: ServedModel) -> list[tuple[str, str, list[int]]]:
    targets = served.model.targets
    if targets.is_classification:
        num_classes = [len(targets.classes)]
        found = [("prediction", "BYTES", []), ("probabilities", "FP64", num_classes)]
        return [*found, ("set", "BOOL", num_classes)]
    shape = [] if len(targets.names) == 1 else [len(targets.names)]
    if targets.task == "multilabel":
        return [("prediction", "INT64", shape), ("probabilities", "FP64", shape)]
    found = [(name, "FP64", shape) for name in ("prediction", "low", "high")]
    if len(targets.scale.quantiles) > 1:
        found.append(("quantiles", "FP64", [*shape, len(targets.scale.quantiles)]))
    return found


class _Reading:
    """A request for inference; its options are known once it is read."""

    def __init__(self, served: ServedModel, content: bytes, limits: Limits) -> None:
        self._served, self._limits = served, limits
        self._content = content
        self._id: str | None = None
        self._wanted: set[str] | None = None

    def parse(self) -> float | None:
        """Parse the body; the coverage that it asks for."""
        document = parse_json(self._content, self._limits.max_nesting)
        if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
            raise RefusalError(400, 'the body must be an object with a list of "inputs"')
        self._inputs = document["inputs"]
        name = document.get("id")
        if name is not None and not isinstance(name, str):
            raise RefusalError(400, "id must be a text")
        self._id = name
        outputs = document.get("outputs")
        if outputs is not None:
            known = {name for name, _, _ in _outputs(self._served)}
            names = [one.get("name") if isinstance(one, dict) else None for one in _list(outputs)]
            for one in names:
                if not isinstance(one, str) or one not in known:
                    raise RefusalError(
                        400, f"there is no output {str(one)[:40]!r}; the outputs are "
                        f"{', '.join(sorted(known))}",
                    )  # fmt: skip
            self._wanted = {str(name) for name in names} or None
        parameters = document.get("parameters", {})
        if not isinstance(parameters, dict):
            raise RefusalError(400, "parameters must be an object")
        coverage = coverage_of(parameters.get("coverage"))
        check_options(self._served.model, coverage)
        return coverage

    def read(self) -> Rows:
        tensors = [Tensor(one) for one in self._inputs]
        names = [one.name for one in tensors]
        if len(set(names)) < len(names):
            raise RefusalError(400, "two inputs have the same name")
        shape = self._served.model.image_shape
        if shape is not None:
            if names != [IMAGE]:
                raise RefusalError(400, f"the one input must be {IMAGE!r}, the pixels")
            return rows_of_pixels(self._served, tensors[0].image(shape), self._limits.max_rows)
        needed = self._served.model.encoder.column_names
        require_columns(needed, names, SOURCE)
        columns = {one.name: one.column() for one in tensors if one.name in set(needed)}
        sizes = {name: len(values) for name, values in columns.items()}
        if len(set(sizes.values())) > 1:
            few, many = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
            raise RefusalError(
                400, f"inputs must be of equal length; {few!r} has {sizes[few]} values and "
                f"{many!r} {sizes[many]}",
            )  # fmt: skip
        num_rows = next(iter(sizes.values()))
        check_number_of_rows(num_rows, self._limits.max_rows)
        return rows_of_columns(
            self._served, {name: columns[name] for name in needed}, num_rows, names
        )

    def write(self, _: Rows, answered: Answered) -> Written:
        """The answers as tensors."""
        parts, targets = answered.parts(), answered.model.targets
        found: dict[str, Any] = {"prediction": parts.predictions}
        if targets.is_classification:
            found["prediction"] = np.array([str(one) for one in parts.predictions.tolist()], object)
        if parts.probabilities is not None:
            found["probabilities"] = parts.probabilities
        if parts.is_in is not None:
            found["set"] = parts.is_in
        if parts.interval is not None:
            found["low"], found["high"] = parts.interval
        if parts.quantiles is not None:
            found["quantiles"] = parts.quantiles
        outputs = []
        for name, datatype, shape in _outputs(self._served):
            if name not in found or (self._wanted is not None and name not in self._wanted):
                continue
            values = found[name]
            tensor: dict[str, Any] = {
                "name": name, "datatype": datatype, "shape": [answered.num_rows, *shape],
                "data": values.reshape(-1).tolist(),
            }  # fmt: skip
            if targets.is_classification and name != "prediction":
                tensor["parameters"] = {"classes": json.dumps([*targets.classes])}
            outputs.append(tensor)
        document = {
            "model_name": self._served.name,
            "model_version": self._served.version,
            **({} if self._id is None else {"id": self._id}),
            "outputs": outputs,
            "parameters": {"notes": json.dumps(list(answered.notes))},
        }
        return Written(json.dumps(document, separators=(",", ":")).encode())


def infer_job(served: ServedModel, content: bytes, limits: Limits) -> Job:
    """A request to `/v2/models/NAME/infer`."""
    reading = _Reading(served, content, limits)
    job = Job(served, reading.read, reading.write, len(content))

    def read() -> Rows:
        job.coverage = reading.parse()
        return reading.read()

    job.read = read
    return job


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise RefusalError(400, "outputs must be a list of objects with a name")
    return value
