"""Tensors of the Open Inference Protocol, as JSON."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.serve.questions import SOURCE
from multilayer.serve.refusals import RefusalError

_WHOLE: set[type] = {int, type(None)}
_REAL: set[type] = {int, float, type(None)}
# What JSON values a datatype holds; null is a missing value.
_TYPES: dict[str, set[type]] = {
    "BOOL": {bool, type(None)},
    "BYTES": {str, type(None)},
    "FP16": _REAL, "FP32": _REAL, "FP64": _REAL,
    "INT8": _WHOLE, "INT16": _WHOLE, "INT32": _WHOLE, "INT64": _WHOLE,
    "UINT8": _WHOLE, "UINT16": _WHOLE, "UINT32": _WHOLE, "UINT64": _WHOLE,
}  # fmt: skip
_MOST_DIMENSIONS, _LONGEST = 8, 2**53


class Tensor:
    """One input of a request, checked."""

    def __init__(self, given: Any) -> None:
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise RefusalError(400, "each input must be an object with a name")
        self.name: str = given["name"]
        shown = repr(self.name[:40])
        datatype = given.get("datatype")
        if not isinstance(datatype, str) or datatype not in _TYPES:
            raise RefusalError(
                400, f"the datatype of input {shown} must be one of {', '.join(_TYPES)}; "
                f"it is {str(datatype)[:40]!r}",
            )  # fmt: skip
        self._datatype = datatype
        shape = given.get("shape")
        if (
            not isinstance(shape, list)
            or len(shape) > _MOST_DIMENSIONS
            or not all(type(n) is int and 0 <= n <= _LONGEST for n in shape)
        ):
            raise RefusalError(
                400, f"the shape of input {shown} must be a list of at most {_MOST_DIMENSIONS} "
                "whole numbers",
            )  # fmt: skip
        self._shape: list[int] = shape
        self._values = _flat(given.get("data"), shown)
        if math.prod(shape) != len(self._values):
            raise RefusalError(
                400, f"input {shown} has {len(self._values)} values, which are not those of the "
                f"shape {str(shape)[:80]}",
            )  # fmt: skip
        known = _TYPES[datatype]
        if not known.issuperset(map(type, self._values)):
            row = next(n for n, v in enumerate(self._values, 1) if type(v) not in known)
            raise RefusalError(
                400, f"row {row} of column {shown} of {SOURCE} is no {datatype}: "
                f"{self._values[row - 1]!r:.60}",
            )  # fmt: skip

    def column(self) -> list[Any]:
        """The values of a column."""
        if self._shape not in ([len(self._values)], [len(self._values), 1]):
            raise RefusalError(
                400, f"input {self.name[:40]!r} must be of shape [num_rows] or [num_rows, 1]; "
                f"it is {str(self._shape)[:80]}",
            )  # fmt: skip
        return self._values

    def image(self, shape: tuple[int, int]) -> NDArray[Any]:
        """The pixels as (num_images, height, width)."""
        height, width = shape
        if self._datatype == "BYTES":
            raise RefusalError(400, "pixels must be numbers, UINT8 or FP32; they are BYTES")
        known = ([height, width], [height * width], [1, height, width], [height, width, 1])
        if self._shape[1:] not in known:
            raise RefusalError(
                400, f"input {self.name!r} must be of shape [num_images, {height}, {width}]; "
                f"it is {str(self._shape)[:80]}",
            )  # fmt: skip
        if None in self._values:
            raise RefusalError(400, "a pixel is null; it must be a number from 0 to 255")
        return np.array(self._values).reshape(-1, height, width)


def _flat(values: Any, shown: str) -> list[Any]:
    """Nested lists, row by row, as one."""
    if not isinstance(values, list):
        raise RefusalError(400, f"the data of input {shown} must be a list")
    flat: list[Any] = values
    while flat and any(type(value) is list for value in flat):
        if not all(type(value) is list for value in flat):
            raise RefusalError(400, f"the data of input {shown} mixes values and lists")
        flat = [value for inner in flat for value in inner]
    return flat
