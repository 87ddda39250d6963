"""Two-dimensional data sets whose classes are not linearly separable."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import SettingsError

PlaneName = Literal["spirals", "moons", "circles", "xor"]
PLANE_NAMES: tuple[PlaneName, ...] = ("spirals", "moons", "circles", "xor")

_NOISE = {"spirals": 0.03, "moons": 0.1, "circles": 0.06, "xor": 0.0}


def plane_points(
    name: str, num_rows: int = 1000, seed: int = 0, noise: float | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points of two classes, or of three for spirals, about the origin.

    Args:
        name: "spirals" (three arms, each three quarters of a turn), "moons" (two half circles, one
            in the other), "circles" (one about the other), or "xor" (a square in each quadrant,
            opposite ones of one class).
        num_rows: at least 10.
        seed: the same one gives the same points.
        noise: deviation of what is added to each coordinate; None: 0.1 or less, by the name.

    Returns:
        Inputs (num_rows, 2) within about [−1.5, 1.5], and classes (num_rows,).

    Raises:
        SettingsError: the name is unknown, or there are too few rows.
    """
    if name not in PLANE_NAMES:
        raise SettingsError(f"unknown plane {name!r}; known are: {', '.join(PLANE_NAMES)}")
    if num_rows < 10:
        raise SettingsError(f"a plane needs at least 10 points, not {num_rows}")
    source = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"plane")))
    labels = source.permutation(np.arange(num_rows) % (3 if name == "spirals" else 2))
    place = source.random(num_rows)
    if name == "xor":
        x, y = _xor(labels, place, source)
    else:
        x, y = {"spirals": _spirals, "moons": _moons, "circles": _circles}[name](labels, place)
    deviation = _NOISE[name] if noise is None else noise
    points = np.stack([x, y], axis=1) + source.normal(0, deviation, (num_rows, 2))
    return points.astype(np.float32), labels.astype(np.int64)


def _spirals(labels: NDArray[Any], place: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    radius = 0.1 + 1.2 * place
    angle = 2 * np.pi * (labels / 3 + 0.75 * place)
    return radius * np.cos(angle), radius * np.sin(angle)


def _moons(labels: NDArray[Any], place: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    angle, sign = np.pi * place, 1 - 2 * labels
    return sign * np.cos(angle) + labels - 0.5, sign * np.sin(angle) + 0.5 * labels - 0.25


def _circles(labels: NDArray[Any], place: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    radius, angle = 1.2 - 0.7 * labels, 2 * np.pi * place
    return radius * np.cos(angle), radius * np.sin(angle)


def _xor(
    labels: NDArray[Any], place: NDArray[Any], source: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    side = np.where(source.random(len(labels)) < 0.5, -1, 1)
    across = (1 - 2 * labels) * side
    return side * (0.1 + 1.1 * place), across * (0.1 + 1.1 * source.random(len(labels)))
