"""Which columns moved an answer: it is asked again without each of them in turn."""

import json
from dataclasses import dataclass
from typing import Any

from multilayer.serve.answers import Answered
from multilayer.serve.batching import Job
from multilayer.serve.limits import Limits
from multilayer.serve.plain import Written
from multilayer.serve.questions import Rows, rows_of_columns, rows_of_objects
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ColumnForm, ServedModel
from multilayer.serve.strict_json import parse_json

_MOST_OTHERS, _MOST_COLUMNS = 12, 100
_MEDIAN = "the training median"
_OTHERS = "the mean of its other choices"
_MISSING = "a missing value"


@dataclass(frozen=True)
class _Variant:
    """Rows in which one column is another.

    Attributes:
        column: Its name.
        values: One for each row.
        against: What it is compared with, in words.
    """

    column: str
    values: list[Any]
    against: str


def explanation_job(served: ServedModel, content: bytes, limits: Limits) -> Job:
    """A request to `/explain`: one row, as an object in JSON."""
    variants: list[_Variant] = []

    def read() -> Rows:
        if served.model.image_shape is not None:
            raise RefusalError(400, "only answers for rows of a table are explained by columns")
        if len(served.columns) > _MOST_COLUMNS:
            raise RefusalError(
                400, f"a model of more than {_MOST_COLUMNS} columns is too wide to be explained"
            )
        row = parse_json(content, limits.max_nesting)
        if not isinstance(row, dict):
            raise RefusalError(400, "one row is explained at a time, an object")
        rows = rows_of_objects(served, [row], limits.max_rows)
        assert rows.columns is not None
        variants.extend(_variant(served, one, rows.columns[one.name][0]) for one in served.columns)
        num_rows = 1 + sum(len(variant.values) for variant in variants)
        columns = {name: values * num_rows for name, values in rows.columns.items()}
        start = 1
        for variant in variants:
            columns[variant.column][start : start + len(variant.values)] = variant.values
            start += len(variant.values)
        return rows_of_columns(served, columns, num_rows, list(columns))

    def write(_: Rows, answered: Answered) -> Written:
        return Written(json.dumps(_document(answered, variants)).encode())

    return Job(served, read, write, len(content))


def _variant(served: ServedModel, column: ColumnForm, value: Any) -> _Variant:
    if column.kind == "number":
        return _Variant(column.name, [column.typical], f"{_MEDIAN}, {column.typical:g}")
    if column.choices:
        given = served.choice_of(column.name, value)
        others = [choice for choice in column.choices if choice != given]
        if len(others) > _MOST_OTHERS:
            step = len(others) / _MOST_OTHERS
            others = [others[int(place * step)] for place in range(_MOST_OTHERS)]
        if others:
            return _Variant(column.name, list(others), _OTHERS)
    return _Variant(column.name, [None], _MISSING)


def _document(answered: Answered, variants: list[_Variant]) -> dict[str, Any]:
    """The change that each column makes, the largest first."""
    targets, values = answered.model.targets, answered.mean
    if targets.task == "regression":
        values = targets.scale.central(values)
    place, of = 0, targets.names[0]
    if targets.is_classification:
        place = int(values[0].argmax())
        of = str(targets.classes[place])
    measured = values[:, place]
    changes: list[dict[str, Any]] = []
    start = 1
    for variant in variants:
        without = measured[start : start + len(variant.values)].mean()
        start += len(variant.values)
        changes.append(
            {
                "column": variant.column,
                "change": float(measured[0] - without),
                "against": variant.against,
            }
        )
    changes.sort(key=lambda change: -abs(change["change"]))
    return {"answer": float(measured[0]), "of": of, "changes": changes}
