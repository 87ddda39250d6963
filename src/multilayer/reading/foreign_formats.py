"""Refuse files of unsupported formats, detected by their first bytes."""

import os
import re
from pathlib import Path

from multilayer.errors import TableError

ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CSV = "save its table as CSV or Parquet"
_UNPACK = "unpack it and give the table inside"
_BEGINNINGS = (
    (b"SQLite format 3\0", "a SQLite database", _CSV),
    (b"\xff\xff\xff\xff", "an Arrow stream", "save it as an Arrow file (Feather)"),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file with git lfs pull"),
    (b"\x93NUMPY", "a NumPy array", _CSV),
    (b"\x89HDF", "an HDF5 file", _CSV),
    (b"ORC", "an ORC file", _CSV),
    (b"Obj\x01", "an Avro file", _CSV),
    (b"PARE", "an encrypted Parquet file", _CSV),
    (b"<stata_dta>", "a Stata file", _CSV),
    (b"$FL2", "an SPSS file", _CSV),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"%PDF", "a PDF document", _CSV),
    (b"\x89PNG", "a PNG image", "a model of tables reads tables"),
    (b"\xff\xd8\xff", "a JPEG image", "a model of tables reads tables"),
    (b"\0\0\x08\x01", "an idx file of labels", "a model of tables reads tables"),
    (b"\0\0\x08\x03", "an idx file of images", "a model of tables reads tables"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05](\x95|[c\x8c}\]q(])")
_HTML = re.compile(rb"\s*(<!doctype html|<html|<table)", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml")
_ARFF = re.compile(rb"(\s*%[^\n]*\n|\s)*@relation\b", re.IGNORECASE)
_LIBSVM = re.compile(rb"[+-]?\d+(\.\d+)?( \d+:[-+.\deE]+)+\s*\r?\n")


def require_no_foreign_format(beginning: bytes, source: str) -> None:
    """Refuse a file of another format.

    Args:
        beginning: Its first bytes, a few hundred if it has that many.
        source: Name of the file in the error.

    Raises:
        TableError: the format is recognized; the error says which, and what to do.
    """
    for begin, what, advice in _BEGINNINGS:
        if beginning.startswith(begin):
            raise TableError(f"{source} is {what}; {advice}")
    for pattern, what in [
        (_PICKLE, "a pickle, which may run any code and is never opened"),
        (_HTML, "a web page"),
        (_XML, "an XML file"),
        (_ARFF, "an ARFF file"),
        (_LIBSVM, "a file of libsvm"),
    ]:
        if pattern.match(beginning):
            raise TableError(f"{source} is {what}; {_CSV}")
    if beginning[257:262] == b"ustar":
        raise TableError(f"{source} is a tar archive; {_UNPACK}")


def require_local(path: str | Path) -> None:
    """Refuse a path that is not of this machine.

    Raises:
        TableError: it is a URL.
    """
    text = str(path)
    if re.match(r"[a-z][a-z0-9+.-]+:/", text, re.IGNORECASE) and not os.path.exists(text):  # noqa: PTH110 (takes any name)
        shown = re.sub(r":/(?!/)", "://", text, count=1)
        raise TableError(f"{shown} is a URL; download the file and give its path")
