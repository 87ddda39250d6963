"""The batch that ranks divide, for layers in which a row depends on the others of its batch."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Exchange(Protocol):
    """What sums over ranks; `Ranks` is one."""

    def sum(self, values: Tensor) -> None:
        """Replace values by their sum over the ranks."""


@dataclass
class WholeBatch:
    """The batch of this step, of which this rank has some rows.

    Attributes:
        ranks: who has the others.
        num_rows: of the whole batch.
        part: which of them this rank has.
        is_empty: whether it has none, and its one row is there to keep shapes alone.
    """

    ranks: Exchange
    num_rows: int = 0
    part: slice | Tensor | None = None
    is_empty: bool = False
