"""Extract the rows of a table from one JSON document."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from multilayer.errors import DataWarning, TableError


def objects_of_document(document: Any, source: str) -> list[dict[str, Any]]:
    """The rows of a document, each an object.

    The document may be a list of objects, an object with one such list among its values, or what
    pandas writes with orient="split", "columns", "index" or "list". Any other object is one row.

    Args:
        document: From `json.loads`.
        source: Name of the file in errors and notes.

    Raises:
        TableError: the document is none of these; the error names the first wrong item.
    """
    if isinstance(document, list):
        return _checked(document, source)
    if not isinstance(document, dict):
        raise TableError(f"{source} must hold JSON objects, it holds a {type(document).__name__}")
    names, rows = document.get("columns"), document.get("data")
    if isinstance(names, list) and isinstance(rows, list):
        _note(source, "is read as columns and rows, as pandas writes with orient='split'")
        return _rows_of_lists(names, rows, source)
    of_objects = [
        name
        for name, value in document.items()
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    ]
    if len(of_objects) == 1:
        _note(source, f"is one object; its rows are read from {of_objects[0]!r}")
        return list(document[of_objects[0]])
    values = list(document.values())
    if values and all(isinstance(value, dict) and value for value in values):
        if all(name.isdigit() for name in document) and not all(n.isdigit() for n in values[0]):
            _note(source, "is one object; each of its values is read as a row")
            return values
        _note(source, "is one object; each of its values is read as a column")
        keys = dict.fromkeys(key for value in values for key in value)
        return [{name: column.get(key) for name, column in document.items()} for key in keys]
    lengths = {len(value) if isinstance(value, list) else -1 for value in values}
    if len(lengths) == 1 and min(lengths) > 0:
        _note(source, "is one object; each of its values is read as a column")
        return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
    return [document]


def name_twice(names: Sequence[str]) -> str:
    """The first name that stands more than once."""
    return next(name for name in names if names.count(name) > 1)


def object_of(source: str) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Makes the objects of a document; for `json.loads`.

    It raises TableError for an object with two values of one name, of which a reader would take
    either.
    """

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = name_twice([name for name, _ in pairs])
            raise TableError(f"an object of {source} names {twice!r} twice")
        return found

    return made


def _rows_of_lists(names: list[Any], rows: list[Any], source: str) -> list[dict[str, Any]]:
    if len(set(map(str, names))) != len(names):
        raise TableError(f"two columns of {source} have the same name")
    for place, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(names):
            raise TableError(f"row {place} of {source} must be a list of {len(names)} values")
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


def _checked(items: list[Any], source: str) -> list[dict[str, Any]]:
    for place, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise TableError(
                f"item {place} of {source} must be an object such as "
                f'{{"column": 1}}, it is a {type(item).__name__}'
            )
    return items


def _note(source: str, what: str) -> None:
    warnings.warn(f"{source} {what}", DataWarning, stacklevel=4)
