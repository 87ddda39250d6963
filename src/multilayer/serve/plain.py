"""`POST /predict`: JSON rows, CSV or a picture, answered in the same form."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from multilayer.runs.answer_columns import free_names
from multilayer.serve.answers import Answered, check_options
from multilayer.serve.batching import Job
from multilayer.serve.limits import Limits
from multilayer.serve.pixels import rows_of_picture, rows_of_pixels
from multilayer.serve.questions import (
    Rows,
    rows_of_csv,
    rows_of_objects,
)
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel
from multilayer.serve.strict_json import parse_json

_TYPES = "application/json, text/csv, or for images image/png or image/jpeg"
_OPTIONS = ("coverage", "probabilities", "invert")
_MOST_NOTE_BYTES = 4000  # in a header


@dataclass(frozen=True)
class Written:
    """What is sent.

    Attributes:
        body: Its content.
        content_type: Of the body.
        headers: Others.
    """

    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Options:
    """What the query of an address asks for.

    Attributes:
        coverage: Of intervals or sets; None: without.
        probabilities: Whether to add them; None: in JSON, but not in CSV.
        invert: Whether pictures are dark on light.
    """

    coverage: float | None
    probabilities: bool | None
    invert: bool

    @classmethod
    def of_query(cls, query: QueryParams) -> "Options":
        """Read them.

        Raises:
            RefusalError: one is unknown, or has no such value.
        """
        for name in query:
            if name not in _OPTIONS:
                raise RefusalError(
                    400, f"there is no option {name[:40]!r}; the options are {', '.join(_OPTIONS)}"
                )
        probabilities = _flag(query, "probabilities")
        return cls(
            coverage_of(query.get("coverage")), probabilities, invert=bool(_flag(query, "invert"))
        )


def coverage_of(value: Any) -> float | None:
    """A coverage as requests give it: a number between 0 and 1, or its text.

    Raises:
        RefusalError: it is another.
    """
    if value is None:
        return None
    try:
        number = float(value) if type(value) in (str, float) else None
    except ValueError:
        number = None
    if number is None or not 0 < number < 1:
        raise RefusalError(
            400, f"coverage must be a number between 0 and 1; it is {str(value)[:40]!r}"
        )
    return number


def _flag(query: QueryParams, name: str) -> bool | None:
    value = query.get(name)
    if value not in (None, "true", "false"):
        raise RefusalError(400, f"{name} must be true or false; it is {value[:40]!r}")
    return None if value is None else value == "true"


def plain_job(
    served: ServedModel, content: bytes, content_type: str, options: Options, limits: Limits
) -> Job:
    """A request to `/predict`.

    Raises:
        RefusalError: its kind of content is unknown.
        SettingsError: the model cannot give the coverage.
    """
    kind, _, rest = content_type.partition(";")
    kind = kind.strip().lower()
    check_options(served.model, options.coverage, with_probabilities=bool(options.probabilities))
    if kind == "application/json":
        reading = _JsonReading(served, content, options, limits)
        return Job(served, reading.read, reading.write, len(content), options.coverage)
    if kind == "text/csv":
        encoding = _charset(rest)
        return Job(
            served,
            lambda: rows_of_csv(served, content, encoding, limits.max_rows),
            lambda rows, answered: _csv(rows, answered, bool(options.probabilities)),
            len(content),
            options.coverage,
        )
    if kind in ("image/png", "image/jpeg"):
        return Job(
            served,
            lambda: rows_of_picture(
                served, content, invert=options.invert, max_pixels=limits.max_pixels
            ),
            lambda _, answered: _json(served, answered, options, is_single=True),
            len(content),
            options.coverage,
        )
    given = f"it is {kind[:60]!r}" if kind else "there is none"
    raise RefusalError(415, f"the content-type must be {_TYPES}; {given}")


class _JsonReading:
    """A JSON request; one row, which is an object, gets an object."""

    def __init__(
        self, served: ServedModel, content: bytes, options: Options, limits: Limits
    ) -> None:
        self._served, self._content = served, content
        self._options, self._limits = options, limits
        self._is_single = False

    def read(self) -> Rows:
        document = parse_json(self._content, self._limits.max_nesting)
        if self._served.model.image_shape is not None:
            self._is_single = _depth(document) == 2
            return rows_of_pixels(self._served, document, self._limits.max_rows)
        self._is_single = isinstance(document, dict)
        objects = [document] if self._is_single else document
        return rows_of_objects(self._served, objects, self._limits.max_rows)

    def write(self, _: Rows, answered: Answered) -> Written:
        return _json(self._served, answered, self._options, is_single=self._is_single)


def _depth(values: Any) -> int:
    depth = 0
    while isinstance(values, list) and values:
        values, depth = values[0], depth + 1
    return depth


def _json(served: ServedModel, answered: Answered, options: Options, *, is_single: bool) -> Written:
    """The answers as JSON, with the model's name and the notes."""
    rows = answer_objects(answered, with_probabilities=options.probabilities is not False)
    document: dict[str, Any] = {"model": served.name, "version": served.version}
    if is_single:
        document |= rows[0]
    else:
        document["predictions"] = rows
    document["notes"] = list(answered.notes)
    return Written(json.dumps(document, separators=(",", ":")).encode())


def answer_objects(answered: Answered, *, with_probabilities: bool) -> list[dict[str, Any]]:
    """An object for each row: prediction, probabilities, set or interval, quantiles."""
    targets, parts = answered.model.targets, answered.parts()
    columns: dict[str, list[Any]] = {}
    if targets.is_classification:
        columns["prediction"] = parts.predictions.tolist()
        names = [str(label) for label in targets.classes]
    else:
        names = list(targets.names)
        columns["prediction"] = _by_target(names, parts.predictions.tolist())
    if parts.probabilities is not None and with_probabilities:
        columns["probabilities"] = [
            dict(zip(names, row, strict=True)) for row in parts.probabilities.tolist()
        ]
    if parts.is_in is not None:
        labels = [*targets.classes]
        columns["set"] = [[labels[place] for place in row.nonzero()[0]] for row in parts.is_in]
    if parts.interval is not None:
        ends = [[*map(list, zip(*pair, strict=True))] for pair in zip(
            *(end.tolist() for end in parts.interval), strict=True)]  # fmt: skip
        columns["interval"] = _by_target(names, ends)
    if parts.quantiles is not None:
        levels = [f"{level:g}" for level in targets.scale.quantiles]
        of_rows = [
            [dict(zip(levels, values, strict=True)) for values in row]
            for row in parts.quantiles.tolist()
        ]
        columns["quantiles"] = _by_target(names, of_rows)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _by_target(names: list[str], rows: list[list[Any]]) -> list[Any]:
    """Of one target its values, of several an object for each row."""
    if len(names) == 1:
        return [row[0] for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _csv(rows: Rows, answered: Answered, with_probabilities: bool) -> Written:
    """The table with the answers after its columns, as `multilayer predict` writes it."""
    assert rows.frame is not None
    names, columns = answered.columns(with_probabilities=with_probabilities)
    names = free_names(names, rows.frame.columns)
    frame = rows.frame.with_columns(
        column.alias(name) for name, column in zip(names, columns, strict=True)
    )
    headers: tuple[tuple[str, str], ...] = ()
    if answered.notes:
        headers = (("multilayer-notes", _header(answered.notes)),)
    return Written(frame.write_csv().encode(), "text/csv; charset=utf-8", headers)


def _header(notes: tuple[str, ...]) -> str:
    """Notes as a list in JSON, as many as fit."""
    kept = list(notes)
    while kept and len(json.dumps(kept)) > _MOST_NOTE_BYTES:
        kept.pop()
    if len(kept) < len(notes):
        kept.append(f"{len(notes) - len(kept)} more notes")
    return json.dumps(kept)


def _charset(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip():
            return value.strip().strip('"')
    return None
