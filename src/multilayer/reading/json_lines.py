"""Read JSON lines as frames of text columns: one object a line."""

import io
import json
import math
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from multilayer.columns.thousands_points import ThousandsPoints, TypedNumbers
from multilayer.errors import DataWarning, TableError
from multilayer.reading.byte_stream import read_whole
from multilayer.reading.json_document import name_twice, object_of, objects_of_document

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 2**24
_LARGEST_LINE_BYTES = 2**25
_MOST_COLUMNS = 100_000
_MOST_VALUES = 2**27  # of a piece: objects times distinct fields
_MOST_DIGITS = 18  # an integer of so many digits fits 64 bits
_BLOCK_BYTES = 2**15
_LINES_CHECKED = 1000  # of each piece, for names that stand twice
_FRACTION = rb"(-?\d+(?:(?:\.\d+)?[eE][-+]?\d+|\.\d+))"
_Kind = Literal["nested", "text", "other"]
_KINDS: dict[type, _Kind] = {list: "nested", dict: "nested", str: "text"}


def read_json_pieces(
    stream: io.BufferedReader,
    source: str,
    piece_bytes: int | None = None,
    *,
    keeps_new_columns: bool = False,
    left_out: list[str] | None = None,
    points: ThousandsPoints | None = None,
    typed: TypedNumbers | None = None,
    names: tuple[str, ...] = (),
) -> Iterator["pl.DataFrame"]:
    """Read JSON lines in pieces, or one JSON document as a whole.

    As with CSV, columns are text, so that a value does not depend on the rest of its column:
    numbers in their shortest form, booleans as true and false. Numbers of `points` are float64.
    A field that an object lacks is
    missing. Empty lines are skipped. Fields that hold lists or objects are left out with a
    `DataWarning`.

    Args:
        stream: At the beginning of the file, in UTF-8.
        source: Name of the file in errors.
        piece_bytes: Size of a piece in bytes of text; None: `PIECE_BYTES`.
        keeps_new_columns: Whether later pieces may add columns after those of the first; if not,
            such columns are left out with a `DataWarning`.
        left_out: The names of columns left out are appended here.
        points: Columns in whose text a point may stand between thousands.
        typed: Of a table of several files; None: of this file alone.
        names: Columns that come first, known from other files.

    Raises:
        TableError: a line is not a JSON object, all fields hold lists or objects, a line is longer
            than 32 MB, the objects have too many distinct fields to fit a table, or a column holds
            numbers as well as text in which a point stands between thousands.
    """
    columns = _Columns(
        source, keeps_new_columns, [] if left_out is None else left_out,
        typed or TypedNumbers(source, points or ThousandsPoints()), names,
    )  # fmt: skip
    if stream.peek(64).lstrip()[:1] == b"[":
        yield columns.frame_of_objects(_objects(read_whole(stream, source), source))
        return
    piece_bytes = piece_bytes or PIECE_BYTES
    rest, is_last, line = b"", False, 1
    while not is_last:
        piece = stream.read(piece_bytes)
        is_last = len(piece) < piece_bytes
        content = rest + piece
        end = len(content) if is_last else content.rfind(b"\n") + 1
        content, rest = content[:end], content[end:]
        if len(rest) > _LARGEST_LINE_BYTES:
            number = line + content.count(b"\n")
            raise TableError(
                f"line {number} of {source} is longer than {_LARGEST_LINE_BYTES:,} bytes"
            )
        if content.strip():
            if line == 1 and _is_document(content):
                whole = content + rest + read_whole(stream, source)
                yield columns.frame_of_objects(_objects(whole, source))
                return
            yield columns.frame_of_lines(content, line)
        line += content.count(b"\n")


class _Columns:
    """The columns of a file found so far."""

    def __init__(
        self, source: str, keeps_new: bool, left_out: list[str], typed: TypedNumbers,
        names: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._source, self._keeps_new, self._left_out = source, keeps_new, left_out
        self._typed = typed
        self._names: list[str] = list(names)

    def frame_of_lines(self, content: bytes, first_line: int) -> "pl.DataFrame":
        """The rows of some lines, with columns in the order of the first piece."""
        import polars as pl

        _refuse_a_name_twice(content, self._source, first_line)
        try:
            found = self._found(content)
        except TableError:
            raise
        # The slow way either repairs the lines or names the one that is wrong.
        except (Exception, pl.exceptions.PanicException):
            content = _repaired(content, self._source, first_line)
            found = self._found(content)
        if not found and not self._names:
            raise TableError(f"{self._source} holds objects without fields")
        known = {*self._names, *self._left_out}
        new = [name for name in found if name not in known]
        nested = [name for name in new if "nested" in found[name]]
        scalar = [name for name in new if "nested" not in found[name]]
        if not self._names and not scalar:
            raise TableError(f"every field of {self._source} holds lists or objects")
        for name in nested:
            self._leave_out(name, "holds lists or objects")
        if not self._names or self._keeps_new:
            self._names += scalar
        else:
            for name in scalar:
                self._leave_out(
                    name, f"first occurs after line {first_line - 1}, which is too late"
                )
        try:
            frame = _texts(content, self._names)
        except (Exception, pl.exceptions.PanicException):  # the schema scan is more lenient
            content = _repaired(content, self._source, first_line)
            frame = _texts(content, self._names)
        numeric = [name for name in self._names if "text" not in found.get(name, ())]
        return self._typed.settled(frame, numeric, lambda name: _fraction_of(content, name))

    def frame_of_objects(self, objects: list[dict[str, Any]]) -> "pl.DataFrame":
        """The rows of objects."""
        if not any(objects):
            raise TableError(f"{self._source} holds objects without fields")
        _require_few(len({n for one in objects for n in one}), len(objects), self._source)
        return self.frame_of_lines(_written(objects), 1)

    def _found(self, content: bytes) -> dict[str, set[_Kind]]:
        """The fields of some lines, and what they hold.

        In blocks: if each line has different fields, all lines at once would take hours.
        """
        import polars as pl

        found: dict[str, set[_Kind]] = {}
        num_objects, start = content.count(b"\n") + 1, 0
        while start < len(content):
            end = content.find(b"\n", start + _BLOCK_BYTES) + 1 or len(content)
            block = content[start:end]
            try:
                schema = pl.scan_ndjson(io.BytesIO(block), infer_schema_length=None)
                fields = [(name, _kind(dtype)) for name, dtype in schema.collect_schema().items()]
            # A field holds lists and other values, a number is out of range, …
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
                fields = _fields(block)
            for name, kind in fields:
                found.setdefault(name, set()).add(kind)
            _require_few(len(found), num_objects, self._source)
            start = end
        first = json.loads(content.lstrip().partition(b"\n")[0])
        return {name: found[name] for name in (*first, *sorted(found.keys() - first.keys()))}

    def _leave_out(self, name: str, why: str) -> None:
        if name not in self._left_out:
            self._left_out.append(name)
            warnings.warn(
                f"column {name!r} of {self._source} {why} and is left out",
                DataWarning,
                stacklevel=5,
            )


def _refuse_a_name_twice(content: bytes, source: str, first_line: int) -> None:
    """Refuse an object with two values of one name, of which a reader would take either.

    Of a long piece the first lines are looked at: a writer that does so does it in all.
    """
    lines = content.split(b"\n", _LINES_CHECKED)[:_LINES_CHECKED]
    for line, text in enumerate(lines, start=first_line):
        try:
            pairs = json.loads(text, object_pairs_hook=list) if text.strip() else []
        except (ValueError, RecursionError):  # told of where the rows are read
            continue
        names = [pair[0] for pair in pairs if type(pair) is tuple] if type(pairs) is list else []
        if len(set(names)) < len(names):
            raise TableError(f"line {line} of {source} names {name_twice(names)!r} twice")


def _texts(content: bytes, names: list[str]) -> "pl.DataFrame":
    import polars as pl

    return pl.read_ndjson(content, schema=dict.fromkeys(names, pl.String))


def _kind(dtype: "pl.DataType") -> _Kind:
    """What a field holds."""
    import polars as pl

    return "nested" if dtype.is_nested() else "text" if dtype == pl.String else "other"


def _fields(block: bytes) -> list[tuple[str, _Kind]]:
    return [
        (name, _KINDS.get(type(value), "other"))
        for text in block.split(b"\n")
        if text.strip()
        for name, value in json.loads(text).items()
    ]


def _fraction_of(content: bytes, name: str) -> str | None:
    """A number of a field that is no integer, as it is written; None: it has none."""
    names = {json.dumps(name, ensure_ascii=is_ascii).encode() for is_ascii in (True, False)}
    found = re.search(b"(?:" + b"|".join(map(re.escape, names)) + rb")\s*:\s*" + _FRACTION, content)
    return found and found[1].decode()


def _written(objects: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def _repaired(content: bytes, source: str, first_line: int) -> bytes:
    """The lines with NaN and Infinity, which are not JSON, replaced by null.

    Raises:
        TableError: a line is not JSON.
    """
    objects = []
    for line, text in enumerate(content.split(b"\n"), start=first_line):
        if not text.strip():
            continue
        try:
            found = json.loads(
                text, parse_constant=lambda _: None, parse_int=_whole, parse_float=_finite
            )
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise TableError(f"line {line} of {source} is not JSON: {reason}") from error
        if not isinstance(found, dict):
            raise TableError(
                f"line {line} of {source} must be an object such as "
                f'{{"column": 1}}, it is a {type(found).__name__}'
            )
        objects.append(found)
    _require_few(len({name for one in objects for name in one}), len(objects), source)
    try:
        return _written(objects)
    except (ValueError, RecursionError) as error:
        raise TableError(f"{source} cannot be read: {' '.join(str(error).split())}") from error


def _whole(text: str) -> int | str:
    """An integer if it surely fits 64 bits, otherwise its text."""
    return int(text) if len(text) <= _MOST_DIGITS else text


def _finite(text: str) -> float | str:
    """A finite number, otherwise its text."""
    number = float(text)
    return number if math.isfinite(number) else text


def _objects(content: bytes, source: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(
            content, parse_constant=lambda _: None, object_pairs_hook=object_of(source)
        )
    except TableError:
        raise
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise TableError(f"{source} is not JSON: {reason}") from error
    return objects_of_document(found, source)


def _is_document(content: bytes) -> bool:
    """Whether text that begins with a brace is one object that holds the table, not one row."""
    first = content.lstrip().partition(b"\n")[0].strip()
    if first in (b"{", b"{}"):
        return first == b"{"
    if content.count(b"\n", 0, len(content.rstrip())):
        try:
            json.loads(first)
        except ValueError:
            # The first line of an object that spans several, or an invalid line.
            return first.endswith((b"{", b"[", b",")) and first.count(b"{") > first.count(b"}")
        except RecursionError:
            pass
        return False
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(value, list | dict) for value in found.values())
    )


def _require_few(num_fields: int, num_objects: int, source: str) -> None:
    if num_fields > _MOST_COLUMNS or num_fields * num_objects > _MOST_VALUES:
        raise TableError(
            f"{source} holds {num_objects:,} objects with {num_fields:,} distinct fields, "
            "too many for a table"
        )
