"""What commands say: the one place that writes words to the terminal.

Names, values and paths come from files that a stranger may have written. Control characters in them
could move the cursor, set the window's title or turn the line around, so that none of them reaches
the terminal as it is. Answers that are data, as CSV, do not come through here.
"""

import os
import shlex
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from multilayer.errors import DataWarning, escaped

_LEAST_COLUMNS = 20


def say(
    *values: object, sep: str = " ", end: str = "\n", file: TextIO | None = None,
    flush: bool = False,
) -> None:  # fmt: skip
    r"""Print as `print` does, with control characters but line ends as escapes, such as \x1b."""
    words = escaped(sep.join(map(str, values)), keep="\n")
    print(_in_width(words, sys.stdout if file is None else file), end=end, file=file, flush=flush)


def _in_width(words: str, file: TextIO) -> str:
    """Lines broken between words, not within, in a terminal that is too narrow for them.

    Those with a command in them stay as they are, or a copy of it would break too.
    """
    try:
        columns = os.get_terminal_size(file.fileno()).columns if file.isatty() else 0
    except (AttributeError, OSError, ValueError):  # a stream that is no file
        return words
    if columns < _LEAST_COLUMNS:
        return words
    return "\n".join(
        line
        if len(line) <= columns or "multilayer " in line
        else textwrap.fill(
            line, columns, break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
            drop_whitespace=True,
        )
        for line in words.split("\n")
    )  # fmt: skip


def listed(names: Iterable[object]) -> str:
    """Names that come from a file, with commas between; a line end in one is an escape, too."""
    return ", ".join(map(escaped, names))


def note(text: object) -> None:
    """Say in one line on the standard error what is worth knowing of a command that goes on."""
    say(f"note: {escaped(text)}", file=sys.stderr)


def show_over(line: str) -> None:
    """Show a line in place of the last one, in a terminal."""
    print(f"\r\x1b[2K{escaped(line)}", end="", flush=True)


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print each `DataWarning` as a note, once; all other warnings go their usual way."""
    printed: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        show = warnings.showwarning

        def show_as_note(
            message: Warning | str, category: type[Warning], *arguments: Any, **options: Any
        ) -> None:
            if not issubclass(category, DataWarning):
                show(message, category, *arguments, **options)
            elif str(message) not in printed:
                printed.add(str(message))
                note(" ".join(str(message).split()))

        warnings.showwarning = show_as_note
        yield


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], num_text_columns: int = 1
) -> None:
    """Print a table: the first columns to the left as text, the others to the right as numbers.

    A terminal that is too narrow folds cells; a file or a pipe gets every column whole.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, header in enumerate(headers):
        table.add_column(
            Text(escaped(header)), justify="left" if number < num_text_columns else "right"
        )
    for row in rows:
        table.add_row(*(Text(escaped(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False)
    console.print()
    console.print(table)


def own_name() -> str:
    """How this program can be called from here, as `make run` does not put it on the path."""
    if Path(sys.argv[0]).name == "__main__.py":
        return "python -m multilayer"
    if shutil.which("multilayer"):
        return "multilayer"
    try:
        return _quoted(os.path.relpath(sys.argv[0]))
    except ValueError:  # on another drive of Windows
        return _quoted(sys.argv[0])


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
