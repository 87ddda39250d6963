"""Convert text files of any encoding to UTF-8."""

import codecs
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

from multilayer.errors import DataWarning, TableError

_BLOCK_BYTES = 2**16
# The byte order mark of UTF-32 begins with that of UTF-16 and comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Positions of zeros among the first bytes of ASCII text without a byte order mark.
_ZEROS = {
    "x0x0": "utf-16-le",
    "0x0x": "utf-16-be",
    "x000": "utf-32-le",
    "000x": "utf-32-be",
}
_MARK = "\ufeff"


def as_utf8(
    stream: io.BufferedReader, source: str, encoding: str | None = None
) -> io.BufferedReader:
    """Text as UTF-8, without byte order marks.

    Args:
        stream: At the beginning of the file.
        source: Name of the file in errors.
        encoding: None: detected from the first bytes, otherwise UTF-8, which is not validated here.

    Raises:
        TableError: while reading: bytes are invalid in the encoding; the error names byte and line.
    """
    beginning = stream.peek(4)[:4]
    if encoding is None:
        encoding = next((name for mark, name in _MARKS if beginning.startswith(mark)), None)
    if encoding is None:
        encoding = _ZEROS.get("".join("0" if byte == 0 else "x" for byte in beginning), "utf-8")
        if encoding != "utf-8":
            warnings.warn(
                f"{source} has no byte order mark; it is read as {encoding.upper()}, which its "
                "first bytes look like",
                DataWarning,
                stacklevel=2,
            )
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        while stream.peek(3)[:3] == codecs.BOM_UTF8:
            stream.read(3)
        return stream
    return io.BufferedReader(_Recoded(stream, source, encoding), _BLOCK_BYTES)


def without_comments(stream: io.BufferedReader, comment: str | None) -> io.BufferedReader:
    """Replace comment lines by empty lines.

    Args:
        stream: In UTF-8.
        comment: What comment lines begin with; None: there are none.
    """
    if comment is None:
        return stream
    pattern = re.compile(b"^" + re.escape(comment.encode()) + b"[^\n]*", re.MULTILINE)

    def read() -> bytes:
        return pattern.sub(b"", stream.read(_BLOCK_BYTES) + stream.readline())

    return io.BufferedReader(_Changed(read), _BLOCK_BYTES)


def with_newlines(stream: io.BufferedReader) -> io.BufferedReader:
    """Replace carriage returns, as line ends of classic Mac OS, by newlines in UTF-8 text."""
    return io.BufferedReader(
        _Changed(lambda: stream.read(_BLOCK_BYTES).replace(b"\r", b"\n")), _BLOCK_BYTES
    )


class _Changed(io.RawIOBase):
    """A stream of what a function returns, until that is empty."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read, self._rest = read, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(self._read())
        num_bytes = min(len(buffer), len(self._rest))
        buffer[:num_bytes] = self._rest[:num_bytes]
        self._rest = self._rest[num_bytes:]
        return num_bytes


class _Recoded(_Changed):
    """A stream that converts another encoding to UTF-8."""

    def __init__(self, stream: io.BufferedReader, source: str, encoding: str) -> None:
        super().__init__(self._next)
        self._stream, self._source, self._encoding = stream, source, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._num_bytes, self._line, self._is_first, self._is_last = 0, 1, True, False

    def _next(self) -> bytes:
        text = ""
        while not text and not self._is_last:
            block = self._stream.read(_BLOCK_BYTES)
            self._is_last = not block
            pending = self._decoder.getstate()[0]  # bytes of an incomplete character
            try:
                text = self._decoder.decode(block, final=self._is_last)
                if self._is_first:
                    text = text.lstrip(_MARK)
                content = text.encode()
            except UnicodeError as error:
                raise self._not_decoded(pending, block, error) from error
            self._is_first = self._is_first and not text
            self._num_bytes += len(block)
            self._line += text.count("\n")
        return content if text else b""

    def _not_decoded(self, pending: bytes, block: bytes, error: UnicodeError) -> TableError:
        place, first = getattr(error, "start", 0), self._num_bytes - len(pending)
        block = pending + block
        begin = block[:place].decode(self._encoding, errors="replace")
        return TableError(
            f"{self._source} is not {self._encoding}: byte {first + place}, in line "
            f"{self._line + begin.count(chr(10))}, is 0x{block[place : place + 1].hex() or '?'}"
        )
