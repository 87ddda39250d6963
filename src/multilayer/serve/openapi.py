"""The specification of a server in OpenAPI, made from the models' schemas."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from multilayer.serve.limits import Limits
from multilayer.serve.open_inference import input_documents
from multilayer.serve.served_model import ColumnForm, ServedModel

_MOST_LISTED = 50
_ERROR = {"$ref": "#/components/schemas/Error"}
_REFUSALS = {
    "400": "The request does not fit the model; the error names row and column.",
    "408": "The body did not arrive in time.",
    "413": "Too many bytes or rows.",
    "415": "Another kind of content is expected.",
    "503": "Too many requests wait; see Retry-After.",
}


def openapi_document(models: Sequence[ServedModel], limits: Limits) -> dict[str, Any]:
    """The specification."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {
        "Error": {"type": "object", "properties": {"error": {"type": "string"}}}
    }
    for number, served in enumerate(models):
        row = f"Row{number}"
        schemas[row] = _row_schema(served)
        paths[f"/predict/{served.address}"] = {"post": _predict(served, row, limits)}
        if served.model.image_shape is None:
            paths[f"/explain/{served.address}"] = {"post": _explain(served, row)}
        address = f"/v2/models/{served.address}"
        paths[address] = _get(f"Inputs and outputs of {served.name}", "Open Inference Protocol")
        paths[f"{address}/ready"] = _get(f"Whether {served.name} is ready", "Health")
        paths[f"{address}/infer"] = {"post": _infer(served)}
    if len(models) == 1:
        paths["/predict"] = {"post": _predict(models[0], "Row0", limits, suffix="_only")}
    for path, summary, tag in (
        ("/v2", "Name and version of the server", "Open Inference Protocol"),
        ("/v2/health/live", "Whether the server runs", "Health"),
        ("/v2/health/ready", "Whether the server takes requests", "Health"),
        ("/metrics", "Counts in Prometheus' text format", "Health"),
    ):
        paths[path] = _get(summary, tag)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "multilayer",
            "version": version("multilayer"),
            "description": "; ".join(f"{one.name}: {one.summary}" for one in models),
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _get(summary: str, tag: str) -> dict[str, Any]:
    return {
        "get": {"summary": summary, "tags": [tag], "responses": {"200": {"description": "Yes."}}}
    }


def _responses(description: str, content: dict[str, Any]) -> dict[str, Any]:
    refused = {
        status: {"description": why, "content": {"application/json": {"schema": _ERROR}}}
        for status, why in _REFUSALS.items()
    }
    return {"200": {"description": description, "content": content}, **refused}


def _predict(served: ServedModel, row: str, limits: Limits, suffix: str = "") -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{row}"}
    rows = {"type": "array", "items": reference, "minItems": 1, "maxItems": limits.max_rows}
    schema = {"oneOf": [rows, reference]}
    if served.model.image_shape is None:
        content: dict[str, Any] = {
            "application/json": {"schema": schema, "example": [served.example]},
            "text/csv": {"schema": {"type": "string"}},
        }
    else:
        picture = {"schema": {"type": "string", "format": "binary"}}
        content = {
            "application/json": {"schema": schema, "example": _example_image(served)},
            "image/png": picture,
            "image/jpeg": picture,
        }
    answers: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if "text/csv" in content:
        answers["text/csv"] = {"schema": {"type": "string"}}
    parameters = [
        _parameter(
            "coverage", "With which probability the truth lies in the interval or set.",
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        ),
        _parameter(
            "probabilities", "Whether to add them; left out: in JSON, but not in CSV.",
            {"type": "boolean"},
        ),
    ]  # fmt: skip
    if served.model.image_shape is not None:
        words = "Whether a PNG or JPEG picture is dark on light, and must be inverted."
        parameters.append(_parameter("invert", words, {"type": "boolean"}))
    return {
        "summary": f"Predictions of {served.name}: {served.summary}",
        "operationId": f"predict_{served.name}{suffix}",
        "tags": ["Predictions"],
        "parameters": parameters,
        "requestBody": {"required": True, "content": content},
        "responses": _responses("The answers, in the same form and order.", answers),
    }  # fmt: skip


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _explain(served: ServedModel, row: str) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{row}"}, "example": served.example}
    return {
        "summary": f"Which columns moved an answer of {served.name} most",
        "operationId": f"explain_{served.name}",
        "tags": ["Predictions"],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _responses(
            "By how much the answer would be another if a column were the training median, one of "
            "its other choices, or missing.",
            {"application/json": {"schema": {"type": "object"}}},
        ),
    }


def _infer(served: ServedModel) -> dict[str, Any]:
    inputs = []
    for one in input_documents(served):
        shape: list[int] = [1]
        data: list[Any]
        if served.model.image_shape is not None:
            shape, data = [1, *served.model.image_shape], _example_image(served)
        else:
            value = served.example[one["name"]]
            is_text = isinstance(value, str)
            if is_text and one["datatype"] == "BOOL":
                one = {**one, "datatype": "BYTES"}
            data = [value if is_text or value is None or one["datatype"] != "BYTES" else str(value)]
        inputs.append({**one, "shape": shape, "data": data})
    content = {"schema": {"type": "object"}, "example": {"inputs": inputs}}
    return {
        "summary": f"Predictions of {served.name} as tensors",
        "operationId": f"infer_{served.name}",
        "tags": ["Open Inference Protocol"],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _responses(
            "The answers as tensors.", {"application/json": {"schema": {"type": "object"}}}
        ),
    }


def _row_schema(served: ServedModel) -> dict[str, Any]:
    if served.model.image_shape is not None:
        height, width = served.model.image_shape
        line = {
            "type": "array", "minItems": width, "maxItems": width,
            "items": {"type": "integer", "minimum": 0, "maximum": 255},
        }  # fmt: skip
        return {"type": "array", "items": line, "minItems": height, "maxItems": height}
    return {
        "type": "object",
        "properties": {one.name: _column_schema(one) for one in served.columns},
        "required": [one.name for one in served.columns],
    }


def _column_schema(column: ColumnForm) -> dict[str, Any]:
    kinds = {
        "number": ["number", "string", "null"],
        "boolean": ["boolean", "string", "null"],
        "choice": ["string", "number", "null"],
        "date": ["string", "null"],
    }
    schema: dict[str, Any] = {"type": kinds[column.kind], "description": column.hint}
    if column.choices:
        shown = ", ".join(column.choices[:_MOST_LISTED])
        more = column.num_choices - min(len(column.choices), _MOST_LISTED)
        schema["description"] += f"; one of {shown}" + (f" and {more} more" if more else "")
    if column.example is not None:
        schema["examples"] = [column.example]
    return schema


def _example_image(served: ServedModel) -> list[list[int]]:
    """A cross on a dark ground."""
    assert served.model.image_shape is not None
    height, width = served.model.image_shape
    return [
        [200 if row == height // 2 or column == width // 2 else 0 for column in range(width)]
        for row in range(height)
    ]
