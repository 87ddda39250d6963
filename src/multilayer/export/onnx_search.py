"""Binary search in ONNX, which has no operator for it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilayer.export.onnx_graph import Graph


class SortedTables:
    """Ascending numbers in which a graph counts, by bisection without branches.

    Args:
        graph: to add to.
        tables: ascending, each (num_values,) and not empty.
    """

    def __init__(self, graph: Graph, tables: Sequence[NDArray[np.float64]]) -> None:
        self._graph = graph
        longest = max(map(len, tables))
        self._steps = [2**power for power in reversed(range(longest.bit_length()))]
        width = 2 * self._steps[0] - 1
        # No number is above or below NaN, so that a search never passes the end of its table.
        padded = np.full((len(tables), width), np.nan)
        for row, table in zip(padded, tables, strict=True):
            row[: len(table)] = table
        self._values = graph.constant(padded.ravel())
        self._starts = np.arange(len(tables), dtype=np.int64) * width

    def count(self, queries: str, shape: Sequence[int], *, equal: bool) -> str:
        """How many numbers of a table are below each query, int64, in the queries' shape.

        Args:
            queries: float64, finite or NaN.
            shape: how `tables` broadcast against the queries, with one dimension of each table.
            equal: whether numbers that are equal to the query count, too.
        """
        graph = self._graph
        starts = self._starts.reshape(shape)
        place = graph("Mul", graph("Cast", graph("IsNaN", queries), to=7), starts * 0)
        for step in self._steps:
            further = graph("Add", place, np.array(step, np.int64))
            value = graph("Gather", self._values, graph("Add", further, starts - 1))
            is_below = graph("LessOrEqual" if equal else "Less", value, queries)
            place = graph("Where", is_below, further, place)
        return place
