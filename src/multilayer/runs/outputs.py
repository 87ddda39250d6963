"""Files that a command writes, which must be none of those that it reads."""

from contextlib import suppress
from pathlib import Path

from multilayer.errors import OutputError


def require_other_file(output: str | Path, *inputs: str | Path) -> None:
    """Raise OutputError if what is to be written would take the place of what is read.

    Args:
        output: may be a link, or not there yet.
        inputs: files; names that are none, such as - for the standard input, are let through.
    """
    for path in inputs:
        with suppress(OSError, ValueError):  # there is no such file, or it cannot be a name
            if Path(output).samefile(path):
                raise OutputError(
                    f"cannot write {output}: it is {path} itself, which is read; choose another "
                    "name (--output)"
                )
