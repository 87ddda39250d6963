"""Check values read from JSON against Python type hints."""

import dataclasses
import reprlib
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Count = Annotated[int, 0]  # a whole number from 0
_LARGEST_WHOLE = 1 << 53  # larger integers are not exact in every JSON reader
_TYPE_NAMES = {
    str: "text", int: "a whole number up to 2⁵³", float: "a number", bool: "true or false",
    NoneType: "null",
}  # fmt: skip


def check_type(value: Any, hint: Any, name: str) -> None:
    """Check that a value has a type.

    Args:
        value: as parsed from JSON.
        hint: str, bool, int, float (accepts integers), `Count`, a union, Literal, a list or tuple
            of one type (both lists in JSON), a mapping from str, a dataclass or a TypedDict.
            Undeclared names of these are ignored.
        name: the value's name in the message.

    Raises:
        ValueError: it has another type; the message names the part and what it must be.
    """
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint) or is_typeddict(hint):
        _check_fields(value, hint, name)
    elif origin in (list, tuple, Sequence):
        if not isinstance(value, list):
            raise _error(name, hint, value)
        for number, entry in enumerate(value):
            check_type(entry, get_args(hint)[0], f"{name}[{number}]")
    elif origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise _error(name, hint, value)
        for key, entry in value.items():
            check_type(entry, get_args(hint)[1], f"{name}.{key}")
    elif origin in (Required, NotRequired) or (origin is Annotated and hint != Count):
        check_type(value, get_args(hint)[0], name)
    elif not _is_of(value, hint):
        parts = get_args(hint) if origin in (Union, UnionType) else ()
        rest = [part for part in parts if part is not NoneType]
        if value is None or len(rest) != 1 or not _has_parts(rest[0]):
            raise _error(name, hint, value)
        check_type(value, rest[0], name)  # raises with the name of the wrong part


def _check_fields(value: Any, hint: Any, name: str) -> None:
    if not isinstance(value, dict):
        raise _error(name, hint, value)
    hints = get_type_hints(hint, include_extras=True)
    for field, of_field in hints.items():
        where = f"{name}.{field}" if name else field
        if field in value:
            check_type(value[field], of_field, where)
        elif field in _required(hint):
            raise ValueError(f"{where} is missing")


def _required(hint: Any) -> frozenset[str]:
    if is_typeddict(hint):
        required: frozenset[str] = hint.__required_keys__
        return required
    return frozenset(
        field.name
        for field in dataclasses.fields(hint)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a value has a type, parts included."""
    if hint is Any:
        return True
    if hint == Count:
        return _is_of(value, int) and value >= 0
    if get_origin(hint) in (Union, UnionType):
        return any(_is_of(value, part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return isinstance(value, str | int | None) and value in get_args(hint)
    if _has_parts(hint):
        try:
            check_type(value, hint, "")
        except ValueError:
            return False
        return True
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return type(value) is int and abs(value) <= _LARGEST_WHOLE
    return isinstance(value, hint)


def _has_parts(hint: Any) -> bool:
    return get_origin(hint) is not None or dataclasses.is_dataclass(hint) or is_typeddict(hint)


def _error(name: str, hint: Any, value: Any) -> ValueError:
    shown = reprlib.repr(value)
    return ValueError(f"{name or 'it'} must be {_type_name(hint)}; it is {shown}")


def _type_name(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if hint == Count:
        return "a whole number from 0"
    if origin in (Union, UnionType):
        return " or ".join(map(_type_name, parts))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin in (list, tuple, Sequence):
        return f"a list, each entry {_type_name(parts[0])}"
    if origin in (dict, Mapping):
        return f"an object, each value {_type_name(parts[1])}"
    return _TYPE_NAMES.get(hint, "an object")
