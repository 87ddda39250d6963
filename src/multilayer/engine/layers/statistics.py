"""Constants that the categories of a row's columns stand for: statistics of the target."""

from collections.abc import Sequence

import torch
from torch import Tensor


class CategoryStatistics:
    """Each category's code becomes a row of a table that training does not change.

    The table holds several versions, one after the other. A code of version v is
    code + v * size of the column; see `engine.target_statistics`.

    Args:
        sizes: number of codes of each column; their rows lie one after the other in a version.
        table: (num_members, versions * sum of sizes, statistics).
    """

    def __init__(self, sizes: Sequence[int], table: Tensor) -> None:
        starts = [sum(sizes[:column]) for column in range(len(sizes))]
        self._starts = torch.tensor(starts, device=table.device)
        self._sizes = torch.tensor(sizes, device=table.device)
        self._rows_of_version = sum(sizes)
        self._num_versions = table.shape[-2] // self._rows_of_version
        self._tables = table

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        """Write the statistics of each code.

        Args:
            codes: with their versions, (num_members, batch, columns), of any number type. A version
                that the table does not have is read as one that it has, 0 if that is the only one.
            features: (num_members, batch, columns * statistics).

        Returns:
            The codes without versions, int64, in the shape given.
        """
        codes = codes.long()
        versions = codes.div(self._sizes, rounding_mode="floor").remainder_(self._num_versions)
        codes = codes.remainder(self._sizes)
        rows = (versions.mul_(self._rows_of_version).add_(codes).add_(self._starts)).flatten(-2)
        pairs = zip(members_of(self._tables, 2), members_of(rows, 1), strict=True)
        for (table, of_member), out in zip(pairs, members_of(features, 2), strict=True):
            out.copy_(table[of_member].view_as(out))
        return codes


def members_of(tensor: Tensor, num_dimensions: int) -> list[Tensor]:
    """What each member has of it; a population of one has it without a leading dimension."""
    return [tensor] if tensor.dim() == num_dimensions else list(tensor)
