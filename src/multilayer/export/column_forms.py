"""In which form an exported program takes the columns of a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from multilayer.columns.category_columns import CategoryColumn, spelled_number
from multilayer.columns.number_columns import NumberColumn
from multilayer.columns.schema import enumerated
from multilayer.encoding.encoder import Encoder

DAYS = "days since 1970-01-01 in UTC with their fraction; NaN where missing"
_NUMBER = "a number; NaN where missing"
_SECONDS = "the duration in seconds; NaN where missing"
_TEXT = "a category's text without spaces around it; empty where missing"
_EXACT_NUMBER = "a number as text, spelled as in `categories`; empty where missing"
_BOOLEAN = "true or false (or yes, no, 1, 0, …) as text; empty where missing"


def is_given_as_number(category: CategoryColumn) -> bool:
    """Whether the values of a categorical column are taken as numbers rather than text."""
    if category.meaning != "number":
        return False
    try:
        numbers = [float(text) for text in category.categories]
    except ValueError:
        return False
    return len(set(numbers)) == len(numbers) > 0 and all(
        abs(number) < 2**53 and spelled_number(text) == text
        for number, text in zip(numbers, category.categories, strict=True)
    )


def columns_described(encoder: Encoder) -> list[dict[str, Any]]:
    """Name, type and meaning of each column, as JSON."""
    return [
        {"name": column.name, "type": "double", "value": _number_form(column)}
        for column in encoder.numbers
    ] + [
        {
            "name": category.name,
            "type": "double" if is_given_as_number(category) else "string",
            "value": _category_form(category),
            "categories": list(category.categories),
        }
        for category in encoder.categories
    ]


def notes_on_columns(encoder: Encoder) -> Iterator[str]:
    """A sentence for each way in which a program takes other values than `predict` does."""
    if dates := [one.name for one in encoder.numbers if one.date_format is not None]:
        yield f"{_named(dates)} dates: the program takes {DAYS}"
    written = [one.name for one in encoder.numbers if one.date_format is None and _is_text(one)]
    if written:
        yield (
            f"{_named(written)} numbers written with signs or units: the program takes bare "
            "numbers, 21.2 for 21.2%, durations in seconds"
        )
    texts = [one.name for one in encoder.categories if not is_given_as_number(one)]
    if texts:
        yield (
            f"{_named(texts)} categories: the program takes their text exactly as the model has "
            "it, without spaces around it; any other text is an unseen category"
        )
    if numbers := [one.name for one in encoder.categories if is_given_as_number(one)]:
        yield f"{_named(numbers)} categories that are numbers: the program takes them as numbers"


def _named(names: Sequence[str]) -> str:
    is_one = len(names) == 1
    listed = enumerated(list(map(repr, names)), 5)
    return f"column {listed} holds" if is_one else f"columns {listed} hold"


def _is_text(column: NumberColumn) -> bool:
    return column.number_format is not None and not column.number_format.is_plain


def _number_form(column: NumberColumn) -> str:
    if column.date_format is not None:
        return DAYS
    written = column.number_format
    if written is None or written.is_plain:
        return _NUMBER
    if written.is_duration:
        return _SECONDS
    if written.units:
        return f"{_NUMBER}; in the unit that counts as 1 among {', '.join(written.scales)}"
    signs = ", ".join((*written.affixes, *written.multiples))
    return f"{_NUMBER}; without {signs or 'separators'}"


def _category_form(category: CategoryColumn) -> str:
    if is_given_as_number(category):
        return _NUMBER
    return {"text": _TEXT, "number": _EXACT_NUMBER, "boolean": _BOOLEAN}[category.meaning]
