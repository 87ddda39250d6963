"""What this program is called, and how its commands are typed."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def own_name() -> str:
    """How this program can be called from here, as `make run` does not put it on the path."""
    if Path(sys.argv[0]).name == "__main__.py":
        return "python -m multilayer"
    return "multilayer" if shutil.which("multilayer") else _quoted(os.path.relpath(sys.argv[0]))


def own_command(name: str, *words: str | Path) -> str:
    """A command of this program as a shell takes it.

    Args:
        name: of the command.
        words: flags as str, and paths as Path.
    """
    typed = [word if isinstance(word, str) else _no_flag(str(word)) for word in words]
    return " ".join([own_name(), name, *map(_quoted, typed)])


def _no_flag(path: str) -> str:
    """A path that is not taken for a flag, or for the standard input."""
    return f"./{path}" if path.startswith("-") else path


def _quoted(word: str) -> str:
    """A word for a shell; bytes that are no UTF-8 and control characters as bash writes them."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(byte) for byte in os.fsencode(word)) + "'"


def _escaped(byte: int) -> str:
    if byte in b"\\'":
        return f"\\{byte:c}"
    return f"{byte:c}" if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
