"""The content of a file, and constants of the format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.errors import ModelFileError

FORMAT_VERSION = 4  # since which there is one kind of model
FIRST_VERSION_WITH_LISTS = 3
OLDEST_FORMAT_VERSION = 1
LARGEST_HEADER_BYTES = 1_000_000
LARGEST_DOCUMENT_BYTES = 4_000_000  # parsed JSON takes up to thirty times its bytes
DOCUMENT_IN_HEADER_BYTES = 400_000  # a longer one becomes an array of bytes
DOCUMENT_ARRAY = "document"
LISTS = "lists"  # long lists that lie outside the document
SHORTEST_LIST_OUTSIDE = 1000
LARGEST_LISTED_ENTRIES = 300_000  # of all lists outside together
LARGEST_LISTED_BYTES = 16_000_000  # of all texts in them
LARGEST_DIMENSION = 1 << 40
LARGEST_RANK = 8
ALIGNMENT_BYTES = 64

TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"), "U8": np.dtype("u1"),
}  # fmt: skip
TYPE_NAMES = {dtype: name for name, dtype in TYPES.items()}

# The header of every file since version 2 begins so; then come the 64 digits of the checksum.
CHECKSUM_PREFIX = b'{"__metadata__":{"sha256":"'
CHECKSUM_START = 8 + len(CHECKSUM_PREFIX)
NO_CHECKSUM = b"0" * 64


@dataclass(frozen=True, eq=False)
class Container:
    """The content of one file.

    Attributes:
        path: where it was read from; for messages.
        kind: what the document describes: "model", "training_state", …
        format_version: that the file was written in, from 1.
        document: everything but the arrays; plain JSON.
        arrays: by name; writable, in native byte order.
        checksum: SHA-256 of the file as 64 hexadecimal digits; None in version 1.
    """

    path: Path
    kind: str
    format_version: int
    document: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    checksum: str | None

    def check_keys(self, keys: set[str]) -> None:
        """Validate the keys of the document other than `kind` and `format_version`.

        Raises:
            ModelFileError: some are missing or unknown.
        """
        check_names(self.path, "document", set(self.document), keys)

    def check_arrays(self, layout: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Validate names, types and shapes of the arrays.

        Args:
            layout: type ("F32", …) and shape of each array, by name.

        Raises:
            ModelFileError: an array is missing or unknown, or has another type or shape.
        """
        check_names(self.path, "arrays", set(self.arrays), set(layout))
        for name, (type_name, shape) in layout.items():
            array = self.arrays[name]
            found = (TYPE_NAMES[array.dtype], array.shape)
            if found != (type_name, tuple(shape)):
                raise ModelFileError(
                    f"tensor {name} in {self.path} is {found[0]} {found[1]}; "
                    f"it must be {type_name} {tuple(shape)}"
                )

    def check_finite(self) -> None:
        """Check that no array holds NaN or infinity.

        Raises:
            ModelFileError: one does.
        """
        check_finite(self.path, self.arrays)


def check_finite(path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ModelFileError if an array holds NaN or infinity."""
    for name, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ModelFileError(f"tensor {name} in {path} holds values that are not finite")


def check_names(path: Path, what: str, found: set[str], wanted: set[str]) -> None:
    """Raise ModelFileError if names are missing or unknown."""
    for names, problem in ((wanted - found, "lacks"), (found - wanted, "has the unknown")):
        if names:
            some = ", ".join(map(shown, sorted(names)[:5]))
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise ModelFileError(f"{path} {problem} {some}{more} in its {what}")


def shown(value: Any) -> str:
    """Untrusted text for messages, short and on one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
