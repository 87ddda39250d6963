"""The lines of a history that are those of a pack, group by group."""

from collections.abc import Mapping, Sequence

Line = Mapping[str, float | None]


def is_of_pack(epochs: Sequence[Line]) -> bool:
    """Whether these lines of a history are those of a pack."""
    return any(line.get("wave") is not None for line in epochs)


def groups_of(epochs: Sequence[Line]) -> list[list[Line]]:
    """The lines of each group of draws, in order; they are named `wave` in a history."""
    groups: dict[float | None, list[Line]] = {}
    for line in epochs:
        groups.setdefault(line.get("wave"), []).append(line)
    return list(groups.values())


def first_loss(epochs: Sequence[Line]) -> float | None:
    """The mixture's loss after the first group, which is that of the recipe's own settings."""
    return next(iter(groups_of(epochs)))[-1].get("mixture_loss")
