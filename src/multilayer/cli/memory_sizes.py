"""Sizes of memory as people write them."""

import re

from multilayer.errors import SettingsError

_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE | re.ASCII)


def read_bytes(text: str) -> int:
    """A size such as 500MB, 1.5 GB or 2GiB, in bytes.

    Raises:
        SettingsError: it is something else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"a size of memory is written as 500MB or 4GB, not {text!r}")
    number, unit = match.groups()
    return int(float(number) * _UNITS[(unit or "").lower()])
