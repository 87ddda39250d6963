"""Tables in Markdown."""

from collections.abc import Sequence


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, the first column to the left, the others to the right.

    Bars within cells are escaped, so that each stays one cell.
    """
    rule = ["---", *["---:"] * (len(headers) - 1)]
    lines = [[cell.replace("|", r"\|") for cell in cells] for cells in (headers, rule, *rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
