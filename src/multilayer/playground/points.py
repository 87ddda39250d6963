"""Points that are made from a seed, as a table that every form of the code reads."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.splits import seeded_generator
from multilayer.engine.specification import check_whole
from multilayer.errors import SettingsError, did_you_mean
from multilayer.images.planes import plane_points
from multilayer.playground.setup import MADE_PROBLEMS, PLANES, Setup

if TYPE_CHECKING:
    import polars as pl

INPUT_NAMES = ("x1", "x2")
TARGET_NAMES = {problem: "class" if problem in PLANES else "y" for problem in MADE_PROBLEMS}
_FEWEST_POINTS, _MOST_POINTS = 10, 1_000_000
_DIGITS = 4  # after the point, so that a file holds the very numbers
_BUMPS = ((0.6, 0.6, 1.0), (-0.6, -0.6, 1.0), (0.6, -0.6, -1.0), (-0.6, 0.6, -1.0))


def points_table(problem: str, num_rows: int, noise: float, seed: int) -> "pl.DataFrame":
    """Points in the plane with the class or the number to predict.

    Args:
        problem: "spirals" (three classes), "moons", "circles", "xor" (two each), or "surface", a
            number: two bumps and two hollows.
        num_rows: from 10 to a million.
        noise: deviation of what is added to each coordinate, of "surface" to the number.
        seed: the same one gives the same points.

    Returns:
        Columns x1 and x2, rounded to 4 digits, and "class" ("A", "B", …) or "y".

    Raises:
        SettingsError: the problem is unknown, or a number is out of range.

    Examples:
        >>> from multilayer import points_table
        >>> table = points_table("xor", num_rows=100, noise=0.1, seed=0)
        >>> table.columns, sorted(table["class"].unique())
        (['x1', 'x2', 'class'], ['A', 'B'])
    """
    import polars as pl

    points, values = drawn_points(problem, num_rows, noise, seed)
    target = TARGET_NAMES[problem]
    column = pl.Series(target, class_names(values) if problem in PLANES else values)
    return pl.DataFrame([*map(pl.Series, INPUT_NAMES, points.T), column])


def drawn_points(
    problem: str, num_rows: int, noise: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """What `points_table` has, as arrays.

    Returns:
        Points (num_rows, 2), and the numbers of their classes or what is to be predicted,
        (num_rows,).

    Raises:
        SettingsError: the problem is unknown, or a number is out of range.
    """
    if problem not in MADE_PROBLEMS:
        raise SettingsError(
            f"unknown problem {problem!r}; made from a seed are {', '.join(MADE_PROBLEMS)}"
            f"{did_you_mean(problem, MADE_PROBLEMS)}"
        )
    check_whole("num_rows", num_rows, _FEWEST_POINTS)
    if num_rows > _MOST_POINTS:
        raise SettingsError(f"num_rows must be at most {_MOST_POINTS:,}; it is {num_rows:,}")
    check_whole("seed", seed, 0)
    is_number = isinstance(noise, int | float) and not isinstance(noise, bool)
    if not (is_number and 0 <= noise < math.inf):
        raise SettingsError(f"noise must be a number of at least 0; it is {noise!r}")
    if problem in PLANES:
        drawn, labels = plane_points(problem, num_rows, seed, noise)
        points: NDArray[np.float64] = drawn.astype(np.float64)
        return points.round(_DIGITS), labels
    source = seeded_generator(seed, b"surface")
    points = source.uniform(-1.5, 1.5, (num_rows, 2))
    heights = sum(
        height * np.exp(-((points - (x, y)) ** 2).sum(1) / 0.4) for x, y, height in _BUMPS
    )
    noises = source.normal(0, noise, num_rows)
    return np.round(points, _DIGITS), np.round(heights + noises, _DIGITS)


def class_names(labels: NDArray[np.int64]) -> list[str]:
    """Names of classes by their numbers: A, B and so on."""
    return [chr(ord("A") + label) for label in labels.tolist()]


@contextmanager
def points_file(setup: Setup) -> Iterator[Path]:
    """The points of a setup as the file that the printed command makes, for as long as it is read.

    Args:
        setup: of one of `MADE_PROBLEMS`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{setup.problem}.csv"
        frame = points_table(setup.problem, setup.num_rows, setup.noise, setup.seed)
        frame.write_csv(path)
        yield path
