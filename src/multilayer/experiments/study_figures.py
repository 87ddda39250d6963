"""The figures that a study measures, apart from the words that it finds for them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Figure = Mapping[str, Any]
"""What was measured of one thing, by name, as JSON holds it."""

Thing = tuple[str, int]
"""What is measured: all that decides it but for the seed, and the seed."""


class Figures:
    """Where a study gets its figures from: it measures them.

    A subclass that keeps them can have a study done in pieces, and its page written again without
    training.
    """

    def get(
        self,
        things: Sequence[Thing],
        measure: Callable[[Sequence[Thing]], Sequence[Figure]],
        needs: Sequence[str] = (),  # noqa: ARG002 (what is measured now has them)
    ) -> Sequence[Figure]:
        """The figures of some things.

        Args:
            things: to be measured.
            measure: takes things and returns a figure for each, in their order.
            needs: parts that a figure must have; one that was kept without them is measured anew.

        Returns:
            A figure for each thing, in their order.
        """
        return measure(things)
