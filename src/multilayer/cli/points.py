"""`multilayer points`."""

import sys

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import Seed, WholeNumber


def points(
    problem: str, /, *, num_rows: WholeNumber = 500, noise: float = 0.05, seed: Seed = 0
) -> int:
    """Write the points of one of the playground's problems as CSV.

    For example:

    multilayer points spirals --seed 3 > spirals.csv

    multilayer train spirals.csv --target class --recipe chapter

    Args:
        problem: spirals, moons, circles or xor, whose column to predict is "class"; or surface,
            whose column is "y".
        num_rows: points.
        noise: deviation of what is added to each coordinate, of surface to y.
        seed: the same one gives the same points.
    """
    from multilayer.playground.points import points_table

    sys.stdout.write(points_table(problem, num_rows, noise, seed).write_csv())
    return exit_codes.SUCCESS
