"""Writing such a file."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.container.contents import (
    ALIGNMENT_BYTES,
    CHECKSUM_START,
    DOCUMENT_ARRAY,
    DOCUMENT_IN_HEADER_BYTES,
    FORMAT_VERSION,
    LARGEST_DOCUMENT_BYTES,
    LARGEST_HEADER_BYTES,
    LISTS,
    NO_CHECKSUM,
    TYPE_NAMES,
    TYPES,
)
from multilayer.container.long_lists import take_out
from multilayer.errors import ModelFileError
from multilayer.files import replace_atomically


def write_container(
    path: str | Path, kind: str, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> str:
    """Write a file, whole or not at all.

    Args:
        path: the file to write or replace.
        kind: what the document describes.
        document: anything that JSON holds; NaN and infinity it does not.
        arrays: by name, of the types in `TYPES`.

    Returns:
        The SHA-256 of the file, as `Container.checksum` has it.

    Raises:
        ModelFileError: the document or an array is not what the format holds.
        OutputError: the file cannot be written.
    """
    header, in_order = _lay_out(Path(path), kind, document, arrays)
    digest = hashlib.sha256(header)
    for array in in_order:
        digest.update(array.data)
    checksum = digest.hexdigest()
    end = CHECKSUM_START + len(NO_CHECKSUM)
    with replace_atomically(path) as file:
        file.write(header[:CHECKSUM_START] + checksum.encode() + header[end:])
        for array in in_order:
            file.write(array.data)
    return checksum


def document_text(
    path: Path, kind: str, document: Mapping[str, Any], spare_bytes: int = 0
) -> tuple[str, dict[str, NDArray[Any]]]:
    """A document as a file holds it: as text, and the long lists of a large one as arrays.

    Args:
        path: where it is to go; for messages.
        kind: what it describes.
        document: see `write_container`.
        spare_bytes: that must be left below the largest size.

    Raises:
        ModelFileError: it is not what the format holds.
    """
    assert not {"format_version", "kind", LISTS} & set(document)
    lists: dict[str, NDArray[Any]] = {}
    text = _as_json(path, kind, document)
    if len(text) > DOCUMENT_IN_HEADER_BYTES:
        left, lists = take_out(dict(document), path)
        if lists:
            text = _as_json(path, kind, left)
    if len(text) > LARGEST_DOCUMENT_BYTES - spare_bytes:
        raise ModelFileError(
            f"the document for {path} has {len(text):,} bytes; "
            f"it must have at most {LARGEST_DOCUMENT_BYTES - spare_bytes:,}"
        )
    return text, lists


def _as_json(path: Path, kind: str, document: Mapping[str, Any]) -> str:
    try:
        return json.dumps(
            {"format_version": FORMAT_VERSION, "kind": kind, **document},
            allow_nan=False, separators=(",", ":"),
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the document for {path} is not plain JSON: {error}") from error


def _lay_out(
    path: Path, kind: str, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> tuple[bytes, list[NDArray[Any]]]:
    """The file's bytes up to the arrays, without the checksum, and the arrays in order."""
    assert not {name.partition(".")[0] for name in arrays} & {DOCUMENT_ARRAY, LISTS}
    text, lists = document_text(path, kind, document)
    arrays = {**arrays, **lists}
    metadata = {"sha256": NO_CHECKSUM.decode()}
    if len(text) <= DOCUMENT_IN_HEADER_BYTES:
        metadata["multilayer"] = text
    else:
        arrays = {**arrays, DOCUMENT_ARRAY: np.frombuffer(text.encode(), np.uint8)}
    header: dict[str, Any] = {"__metadata__": metadata}
    in_order, place = [], 0
    # The widest first, so that each begins at a multiple of its width.
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize):
        little_endian = array.dtype.newbyteorder("<")
        if little_endian not in TYPE_NAMES:
            raise ModelFileError(
                f"tensor {name} for {path} is {array.dtype}; a file holds {', '.join(TYPES)}"
            )
        values = np.asarray(array, dtype=little_endian, order="C")
        header[name] = {
            "dtype": TYPE_NAMES[little_endian],
            "shape": list(values.shape),
            "data_offsets": [place, place + values.nbytes],
        }
        place += values.nbytes
        in_order.append(values)
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-(8 + len(encoded)) % ALIGNMENT_BYTES)
    if len(encoded) > LARGEST_HEADER_BYTES:
        raise ModelFileError(
            f"the header for {path} has {len(encoded):,} bytes; "
            f"it must have at most {LARGEST_HEADER_BYTES:,}"
        )
    return len(encoded).to_bytes(8, "little") + encoded, in_order
