"""Whether a training that is to go on is the one that was saved. This needs no PyTorch."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from multilayer.errors import CheckpointError

_DIFFERENCES_SHOWN = 5


def versions() -> dict[str, str]:
    """Of what the bits of a training depend on."""
    return {name: version(name) for name in ("multilayer", "torch")}


def check_same_training(saved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Hold the fingerprint of a training to that of the training that is to go on.

    Raises:
        CheckpointError: they differ in data, settings or versions; the message says in which.
    """
    differences = differences_in_words(saved, given)
    if differences:
        raise CheckpointError(f"this is not the training that was saved: {differences}")


def differences_in_words(
    saved: Mapping[str, Any],
    given: Mapping[str, Any],
    saved_has: str = "was",
    given_has: str = "now it is",
) -> str:
    """Up to five differences; empty if equal.

    Args:
        saved: a fingerprint.
        given: another one.
        saved_has: between the name of what differs and its value in the first.
        given_has: before its value in the second.
    """
    differences = [
        f"{name} {saved_has} {_shown(one)}, {given_has} {_shown(other)}"
        for name, one, other in _differences(saved, given)
    ]
    shown = "; ".join(differences[:_DIFFERENCES_SHOWN])
    hidden = len(differences) - _DIFFERENCES_SHOWN
    return shown + (f"; and {hidden} more" if hidden > 0 else "")


def as_json(value: Any) -> Any:
    """Tuples as lists, which is what JSON makes of them."""
    if isinstance(value, dict):
        return {name: as_json(entry) for name, entry in value.items()}
    return [as_json(entry) for entry in value] if isinstance(value, list | tuple) else value


def _differences(saved: Any, given: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(saved, Mapping) and isinstance(given, Mapping):
        for key in dict.fromkeys([*saved, *given]):
            yield from _differences(
                saved.get(key), given.get(key), f"{name} {key}" if name else str(key)
            )
    elif (
        isinstance(saved, list)
        and isinstance(given, list)
        and len(saved) == len(given)
        and isinstance(next(iter(saved), None), Mapping)
    ):
        for number, (one, other) in enumerate(zip(saved, given, strict=True)):
            of_member = f" of member {number}" if len(saved) > 1 else ""
            yield from _differences(one, other, f"{name}{of_member}")
    elif saved != given:
        yield name, saved, given


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:16]}…"
