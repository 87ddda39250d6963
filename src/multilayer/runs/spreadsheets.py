"""Protect CSV output against formula injection.

Excel, LibreOffice and Google Sheets take a cell that starts with = + - @, after whitespace and
invisible characters, for a formula, which can send the sheet's content elsewhere. A ' before it
makes it text. Numbers stay as they are.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# In Chinese and Japanese locales the full-width forms count too.
_SIGNS = r"=+\-@＝＋－＠"  # noqa: RUF001
_INVISIBLE = r"\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_FORMULA = re.compile(rf"[{_INVISIBLE}]*[{_SIGNS}]|[\t\r\n]")
_NUMBER = r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"
# In the regular expression syntax of polars, which writes Unicode escapes differently.
_FORMULA_OF_POLARS = "^(?:" + re.sub(r"\\u(\w{4})", r"\\x{\1}", _FORMULA.pattern) + ")"


def text_without_formula(text: str) -> str:
    """A cell's text, with a ' before a formula."""
    return f"'{text}" if _FORMULA.match(text) and not re.fullmatch(_NUMBER, text) else text


def frame_without_formulas(frame: "pl.DataFrame") -> "pl.DataFrame":
    """A frame with a ' before each formula in its cells and column names."""
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
