"""Long lists of texts or numbers, which lie beside a large document as arrays.

As JSON a letter of another alphabet takes six bytes and a number twenty, and all of it is parsed.
In arrays they take what they take in memory, so that a column of 60,000 towns fits into a file.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.container.contents import (
    LARGEST_LISTED_BYTES,
    LARGEST_LISTED_ENTRIES,
    LISTS,
    SHORTEST_LIST_OUTSIDE,
)
from multilayer.errors import ModelFileError

Arrays = dict[str, NDArray[Any]]


def take_out(document: dict[str, Any], path: Path) -> tuple[dict[str, Any], Arrays]:
    """A document without its long lists of texts alone or floats alone, and these as arrays.

    In the place of each stands null; under `lists` in the document stand the keys and places that
    lead there.

    Raises:
        ModelFileError: they hold more than files may.
    """
    arrays: Arrays = {}
    places: list[list[str | int]] = []

    def without(value: Any, place: list[str | int]) -> Any:
        if isinstance(value, dict):
            return {key: without(entry, [*place, key]) for key, entry in value.items()}
        if not isinstance(value, list | tuple):
            return value
        made = _arrays_of(value) if len(value) >= SHORTEST_LIST_OUTSIDE else None
        if made is None:
            return [without(entry, [*place, number]) for number, entry in enumerate(value)]
        for suffix, array in made.items():
            arrays[f"{LISTS}.{len(places)}{suffix}"] = array
        places.append(place)
        return None

    left: dict[str, Any] = without(document, [])
    if not places:
        return document, {}
    problem = _too_much(arrays)
    if problem is not None:
        raise ModelFileError(f"{path} cannot be written: {problem}")
    return {**left, LISTS: places}, arrays


def put_back(document: dict[str, Any], arrays: Arrays, path: Path) -> None:
    """Undo `take_out`: fill the lists in, and remove their arrays.

    Raises:
        ModelFileError: places or arrays are not those of lists that were taken out.
    """
    places = document.pop(LISTS, [])
    names = [name for name in arrays if name.partition(".")[0] == LISTS]
    taken = {name: arrays.pop(name) for name in names}
    problem = _too_much(taken)
    if problem is None and isinstance(places, list):
        try:
            for number, place in enumerate(places):
                *keys, last = place
                holder: Any = document
                for key in keys:
                    holder = holder[key]
                if not isinstance(holder, dict | list) or holder[last] is not None:
                    raise ValueError(f"no list is missing at {place}")
                holder[last] = _list_of(taken, f"{LISTS}.{number}")
            problem = f"the lists {', '.join(taken)} have no place" if taken else None
        except (KeyError, IndexError, TypeError, ValueError) as error:
            problem = f"its lists do not fit its document: {error!r}"
    elif problem is None:
        problem = "its lists have no places"
    if problem is not None:
        raise ModelFileError(f"{path} is not a whole file of ours: {problem}")


def _arrays_of(values: list[Any] | tuple[Any, ...]) -> Arrays | None:
    if all(type(value) is float for value in values):
        numbers = np.array(values, np.float64)
        return {"": numbers} if np.isfinite(numbers).all() else None  # which JSON then refuses
    if not all(type(value) is str for value in values):
        return None
    encoded = [value.encode(errors="surrogatepass") for value in values]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    return {"": np.frombuffer(b"".join(encoded), np.uint8), ".ends": ends}


def _list_of(arrays: Arrays, name: str) -> list[Any]:
    values = arrays.pop(name)
    if values.ndim != 1:
        raise ValueError(f"{name} has {values.ndim} dimensions")
    if values.dtype == np.float64:
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds values that are not finite")
        numbers: list[float] = values.tolist()
        return numbers
    ends = arrays.pop(f"{name}.ends")
    if values.dtype != np.uint8 or ends.dtype != np.int64 or ends.ndim != 1:
        raise ValueError(f"{name} holds neither numbers nor texts")
    bounds = [0, *ends.tolist()]
    if bounds[-1] != len(values) or any(end < start for start, end in pairwise(bounds)):
        raise ValueError(f"the ends of {name} do not divide it")
    return list(_texts(values.tobytes(), bounds))


def _texts(content: bytes, bounds: list[int]) -> Iterator[str]:
    for start, end in pairwise(bounds):
        yield content[start:end].decode()


def _too_much(arrays: Arrays) -> str | None:
    """What is beyond the limits of files, if anything."""
    texts = [name for name in arrays if f"{name}.ends" in arrays]
    num_entries = sum(array.size for name, array in arrays.items() if name not in texts)
    num_bytes = sum(arrays[name].nbytes for name in texts)
    if num_entries > LARGEST_LISTED_ENTRIES:
        return (
            f"its long lists have {num_entries:,} entries, and {LARGEST_LISTED_ENTRIES:,} is the "
            "most"
        )
    if num_bytes > LARGEST_LISTED_BYTES:
        return f"its texts take {num_bytes:,} bytes, and {LARGEST_LISTED_BYTES:,} is the most"
    return None
