"""What commands say: the one place that writes words to the terminal.

Names, values and paths come from files that a stranger may have written. Control characters in them
could move the cursor, set the window's title or turn the line around, so that none of them reaches
the terminal as it is. Answers that are data, as CSV, do not come through here.
"""

import sys
from collections.abc import Iterable
from typing import TextIO

from multilayer.errors import escaped


def say(
    *values: object, sep: str = " ", end: str = "\n", file: TextIO | None = None,
    flush: bool = False,
) -> None:  # fmt: skip
    r"""Print as `print` does, with control characters but line ends as escapes, such as \x1b."""
    words = sep.join(map(str, values))
    print(escaped(words, keep="\n"), end=end, file=file, flush=flush)


def listed(names: Iterable[object]) -> str:
    """Names that come from a file, with commas between; a line end in one is an escape, too."""
    return ", ".join(map(escaped, names))


def note(text: object) -> None:
    """Say in one line on the standard error what is worth knowing of a command that goes on."""
    say(f"note: {escaped(text)}", file=sys.stderr)


def show_over(line: str) -> None:
    """Show a line in place of the last one, in a terminal."""
    print(f"\r\x1b[2K{escaped(line)}", end="", flush=True)
