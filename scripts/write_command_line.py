"""Write docs/reference/command-line.md: what every command says with --help, in 80 columns.

    python scripts/write_command_line.py

A test holds the page to what the commands print.
"""

import os
import subprocess
import sys
from pathlib import Path

from multilayer.cli.application import COMMANDS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "command-line.md"
BEGINNING = """# The command line

What each command prints with `--help`. Results go to the standard output and all else to the
standard error, so that both can be piped. The exit code is 0; 1 if the command began and failed, or
`verify` found a difference; 2 if something was given wrongly, in one line that says what; 130 after
Ctrl-C, which keeps what was finished; 141 if nobody reads on.
"""


def page(helps: dict[str, str]) -> str:
    """The page, of the help of each command; "" is the program's own."""
    parts = [BEGINNING]
    for name, text in helps.items():
        title = f"multilayer {name}".strip()
        lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
        parts.append(f"## {title}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Ask each command, and write the page."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    program = Path(sys.executable).with_name("multilayer")
    helps = {
        name: subprocess.run(
            [program, *name.split(), "--help"],
            env=environment, capture_output=True, text=True, check=True,
        ).stdout
        for name in ("", *sorted(COMMANDS))
    }  # fmt: skip
    PAGE.write_text(page(helps), encoding="utf-8")


if __name__ == "__main__":
    main()
