"""Where each weight lies in the flat vector of a member's parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from torch import Tensor

# What training does alike to many weights, in the order in which they lie in the flat vector:
# - weight: matrices of linear layers, which weight decay shrinks;
# - category: the embeddings of categories;
# - scale: the scale layer;
# - bias: biases, strengths of activations, gains of batch norm, the embedding of numbers;
# - state: what no gradient is for, such as the running means of batch norm.
SlotKind = Literal["weight", "category", "scale", "bias", "state"]


@dataclass(frozen=True)
class ParameterSlot:
    """One weight matrix, bias or the like, and its place in the flat vector."""

    name: str
    shape: tuple[int, ...]
    kind: SlotKind
    start: int

    @property
    def stop(self) -> int:
        """Where the next slot begins."""
        return self.start + prod(self.shape)

    def view(self, flat: "Tensor") -> "Tensor":
        """The slot's part of flat (num_members, num_parameters), as (num_members, *shape)."""
        return flat[:, self.start : self.stop].view(len(flat), *self.shape)


def lay_out(slots: Iterable[tuple[str, tuple[int, ...], SlotKind]]) -> tuple[ParameterSlot, ...]:
    """Give each slot its place: all of one kind lie together, so that one operation serves them.

    Args:
        slots: name, shape and kind of each.

    Returns:
        The slots in the order given.
    """
    described = list(slots)
    order = sorted(described, key=lambda slot: get_args(SlotKind).index(slot[2]))
    starts, start = {}, 0
    for name, shape, _ in order:
        starts[name] = start
        start += prod(shape)
    return tuple(ParameterSlot(name, shape, kind, starts[name]) for name, shape, kind in described)
