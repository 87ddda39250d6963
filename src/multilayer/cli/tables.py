"""Tables for the terminal, and for files that the terminal's output is sent to."""

import sys
from collections.abc import Sequence

from multilayer.errors import escaped


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
