"""Text that a spreadsheet would compute, made text that it shows.

A cell that begins with one of = + - @, after spaces, line ends and signs that nobody sees, is a
formula to Excel, LibreOffice and Google Sheets, and formulas can send the sheet's content
elsewhere. A ' before it makes it text. What is a number stays one.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# The wide forms are the same to a spreadsheet that is set to Chinese or Japanese.
_SIGNS = r"=+\-@＝＋－＠"  # noqa: RUF001
_INVISIBLE = r"\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_FORMULA = re.compile(rf"[{_INVISIBLE}]*[{_SIGNS}]|[\t\r\n]")
_NUMBER = r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"
# The same for polars, whose regular expressions write signs of Unicode otherwise.
_FORMULA_OF_POLARS = "^(?:" + re.sub(r"\\u(\w{4})", r"\\x{\1}", _FORMULA.pattern) + ")"


def text_without_formula(text: str) -> str:
    """A cell's text, with a ' before what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) and not re.fullmatch(_NUMBER, text) else text


def frame_without_formulas(frame: "pl.DataFrame") -> "pl.DataFrame":
    """The same for all cells and column names of a table."""
    import polars as pl

    frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    text = pl.col(pl.String)
    is_formula = text.str.contains(_FORMULA_OF_POLARS) & ~text.str.contains(f"^(?:{_NUMBER})$")
    frame = frame.with_columns(pl.when(is_formula).then("'" + text).otherwise(text).name.keep())
    names: list[str] = []
    for name in map(text_without_formula, frame.columns):
        while name in names:
            name += "_"
        names.append(name)
    frame.columns = names
    return frame
