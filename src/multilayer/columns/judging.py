"""Infer the kind of a column from its values."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from multilayer.columns.alike_texts import composed
from multilayer.columns.category_columns import spelled_number
from multilayer.columns.column_notes import (
    Rows,
    flag_of_kind,
    flag_of_missing,
    identifier_note,
    missing_in_words,
    strays_in_words,
    unused_note,
)
from multilayer.columns.dates import (
    COMPACT,
    ISO,
    TIME_OF_DAY,
    DatesFound,
    find_dates,
    moments_of,
    shown_format,
)
from multilayer.columns.find_numbers import NumbersFound
from multilayer.columns.missing import present_text, suspected_sentinel
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.schema import CategoryMeaning, Column, ColumnKind
from multilayer.columns.text_numbers import LEADING_ZERO, are_telephone_numbers, shown
from multilayer.columns.value_format import BOOLEAN_SPELLINGS, boolean_of
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

_FEWEST_ROWS_TO_JUDGE = 20  # in a smaller table every column may look like an identifier
_IDENTIFIER_SHARE = 0.9  # smallest share of distinct values among those present
_BEGINS_WITH_NUMBER = re.compile(r"[^\w\s]{0,2}\s?\d")
_MOST_GRADES, _SHARE_OF_NUMBERS = 10, 0.9  # 18-25 and 3 rooms are categories of few values
_TEXT_SHARE, _TEXT_WORDS, _TEXT_BYTES = 0.5, 4, 60
_NUMBER_SHARE = 0.5  # a text column with this share of numbers was meant to be numeric
_IDENTIFIER_NAME = re.compile(
    r"(.*[^a-z])?(id|ids|uuid|guid|index|idx|key|rownum)|unnamed.*|column_\d+|row.?(number|no|id)"
    r"|row_names",  # of R
    re.IGNORECASE,
)
_CAMEL_CASE_IDENTIFIER = re.compile(r".*[a-z]I[Dd]")
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_LARGEST_EXACT = 2**53
_FIRST_COMPACT_DATE, _LAST_COMPACT_DATE = 1800_01_01, 2199_12_31


@dataclass(frozen=True)
class _TextFacts:
    """Statistics of a text column; the means are over at most 10,000 distinct values."""

    count: int  # values that are present
    distinct: tuple[str, ...]
    mean_bytes: float
    mean_words: float

    @classmethod
    def of(cls, series: "pl.Series", keep_na: bool) -> "_TextFacts":
        counts: Counter[str] = Counter()
        for raw, count in series.value_counts().iter_rows():
            text = None if raw is None else raw.strip() or None
            text = text if keep_na or text is None else present_text(text)
            if text is not None:
                counts[composed(text)] += count
        sample = list(counts)[:10_000]
        size = max(len(sample), 1)
        return cls(
            count=counts.total(),
            distinct=tuple(sorted(counts)),
            mean_bytes=sum(map(len, sample)) / size,
            mean_words=sum(len(text.split()) for text in sample) / size,
        )


def judged_index(name: str) -> Column | None:
    """The column if its name is that of a pandas index written to a file, else None."""
    if _PANDAS_INDEX.fullmatch(name):
        return Column(name, "identifier", "the index of a pandas frame")
    return None


def judged_values(series: "pl.Series", facts: tuple[int, Any, Any]) -> tuple[Column, str | None]:
    """Infer the kind of a column that is not text.

    Args:
        series: The column.
        facts: Number of values present, minimum, maximum.

    Returns:
        The column, and a warning or None.
    """
    import polars as pl

    name = series.name
    count, smallest, largest = facts
    if count == 0:
        return _no_value(name)
    missing = missing_in_words(len(series) - count)
    if smallest == largest and count == len(series):
        return Column(name, "constant", f"always {smallest}"), None
    if series.dtype == pl.Boolean:
        return Column(name, "boolean", f"true or false{missing}"), None
    if series.dtype in (pl.Date, pl.Datetime, pl.Time):
        return Column(name, "date", f"from {smallest} to {largest}{missing}", ISO), None
    if series.dtype.is_integer():
        column, warning = _judged_whole(series, count, smallest, largest, missing)
        return column, warning or suspected_sentinel(series, smallest, largest, f"column {name!r}")
    if series.dtype == pl.Duration:
        return Column(name, "numeric", f"a length of time, in seconds{missing}"), None
    column = Column(name, "numeric", f"from {smallest:.6g} to {largest:.6g}{missing}")
    return column, suspected_sentinel(series, smallest, largest, f"column {name!r}")


def judged_numbers(
    series: "pl.Series", found: NumbersFound, rows: Rows
) -> tuple[Column, str | None] | None:
    """Infer the kind of a text column that holds numbers.

    Returns:
        The column, and a warning or None; None in place of both if the numbers are codes.
    """
    name, numbers = series.name, found.numbers
    if are_codes(series, found):
        return None
    count = len(numbers) - numbers.null_count()
    smallest, largest = numbers.min(), numbers.max()
    column, warning = judged_values(numbers.alias(name), (count, smallest, largest))
    if column.kind != "numeric":
        return column, warning
    if found.number_format != NumberFormat():
        written = (
            "" if found.number_format.is_plain else f"numbers such as {shown(found.example)}, "
        )
        column = replace(column, reason=written + column.reason, number_format=found.number_format)
    if found.strays:
        first = shown(series[found.first_stray].strip())
        warning = (
            f"column {name!r} holds {strays_in_words(found.strays)} not numeric, first {first} in "
            f"row {rows.number(found.first_stray)}: treated as missing; confirm with "
            f"{flag_of_missing(first[1:-1])}, or make the column categorical with "
            f"{flag_of_kind(name, 'categorical')}"
        )
    elif found.doubt:
        warning = f"column {name!r} is treated as numeric: {found.doubt}"
    return column, warning


def are_codes(series: "pl.Series", found: NumbersFound) -> bool:
    """Whether the numbers are codes.

    They are if all are telephone numbers, or if some have a leading zero (007) and all are integers
    or have the same number of characters.
    """
    if found.number_format == NumberFormat() and are_telephone_numbers(series):
        return True
    if found.number_format.affixes or not series.str.contains(LEADING_ZERO).any():
        return False
    present = series.drop_nulls().str.strip_chars()
    is_whole = not present.str.contains(r"\d[.,]\d").any()
    return is_whole or present.str.len_chars().n_unique() == 1


def judged_text(
    series: "pl.Series", numbers: NumbersFound | None, rows: Rows, keep_na: bool
) -> tuple[Column, str | None]:
    """Infer the kind of a text column.

    Args:
        series: The column.
        numbers: The result of `find_numbers`.
        rows: Row numbers, for warnings.
        keep_na: Whether NA, None and the like are values.

    Returns:
        The column, and a warning or None.
    """
    name = series.name
    facts = _TextFacts.of(series, keep_na)
    count, num_distinct = facts.count, len(facts.distinct)
    values = f"{num_distinct:,} value{'s' if num_distinct > 1 else ''}"
    missing = missing_in_words(len(series) - count)
    if count == 0:
        return _no_value(name)
    if num_distinct == 1 and count == len(series):
        return Column(name, "constant", f"always {shown(facts.distinct[0])}"), None
    if num_distinct <= len(BOOLEAN_SPELLINGS) and set(map(boolean_of, facts.distinct)) == {
        True,
        False,
    }:
        return Column(name, "boolean", " or ".join(facts.distinct) + missing), None
    are_durations = numbers is not None and numbers.number_format.is_duration
    dates = None if are_durations else find_dates(series)
    judged = None if dates is None else _judged_dates(series, dates, count, rows)
    if judged is not None:
        return judged
    if numbers is not None and numbers.are_numbers:
        as_numbers = judged_numbers(series, numbers, rows)
        if as_numbers is not None:
            return as_numbers
    is_nearly_all = count >= _FEWEST_ROWS_TO_JUDGE and num_distinct >= _IDENTIFIER_SHARE * count
    meaning = meaning_of(facts.distinct)
    if numbers is not None and numbers.are_numbers:
        reason = f"{values}, written as numbers{missing}"
        if is_nearly_all:
            why = "codes with leading zeros or + that nearly all differ"
            return Column(name, "identifier", why), identifier_note(name, why, "numeric")
        return Column(name, "categorical", reason, meaning=meaning), None
    num_strays = 0 if numbers is None else sum(numbers.strays.values())
    if count >= _FEWEST_ROWS_TO_JUDGE:
        is_long = facts.mean_words >= _TEXT_WORDS or facts.mean_bytes >= _TEXT_BYTES
        if is_long and num_distinct >= _TEXT_SHARE * count:
            return Column(name, "text", f"free text, {values}{missing}"), unused_note(
                name, "looks like free text", "categorical"
            )
        if numbers is not None and len(numbers.currencies) > 1:
            kind: ColumnKind = "identifier" if is_nearly_all else "categorical"
            listed = ", ".join(map(shown, numbers.currencies))
            return Column(name, kind, f"amounts in several currencies{missing}", meaning=meaning), (
                f"column {name!r} holds amounts in several currencies ({listed}) and is "
                f"{'not used' if is_nearly_all else 'treated as categorical'}; convert them to one "
                "currency, or put the currency in a separate column"
            )
        if numbers is not None and count - num_strays >= _NUMBER_SHARE * count:
            first = shown(series[numbers.first_stray])
            holds = (
                f"row {rows.number(numbers.first_stray)} holds {first}, yet most values are numbers"
            )
            if is_nearly_all:
                return Column(name, "identifier", "nearly all values differ, most are numbers"), (
                    f"column {name!r} is not used: {holds} such as {shown(numbers.example)}; write "
                    f"all as numbers, or add {flag_of_missing(first[1:-1])}"
                )
            warning = f"column {name!r} is treated as categorical because {holds}"
            reason = f"{values}, most of them numbers{missing}"
            return Column(name, "categorical", reason, meaning=meaning), warning
        if is_nearly_all:
            why = "nearly all values differ"
            warning = identifier_note(name, why, "categorical")
            return Column(name, "identifier", why), _with_numbers_named(warning, facts.distinct)
    column = Column(name, "categorical", values + missing, meaning=meaning)
    if num_distinct > _MOST_GRADES and _hold_numbers(facts.distinct):
        return column, _with_numbers_named(
            f"column {name!r} is treated as categorical ({values})", facts.distinct
        )
    return column, None


def _hold_numbers(distinct: Sequence[str]) -> bool:
    """Whether more than 90% of the texts begin with a number, perhaps after a sign."""
    sample = distinct[:1000]
    num_numbers = sum(_BEGINS_WITH_NUMBER.match(text) is not None for text in sample)
    return num_numbers > _SHARE_OF_NUMBERS * len(sample)


def _with_numbers_named(warning: str, distinct: Sequence[str]) -> str:
    if not _hold_numbers(distinct):
        return warning
    return (
        f"{warning}; its values, such as {shown(distinct[0])}, mix numbers with other characters: "
        "if they are quantities, write them as plain numbers in one unit"
    )


def meaning_of(distinct: Sequence[str]) -> CategoryMeaning:
    """Whether the categories of a text column are numbers or text.

    They are numbers if every text is one, none has a leading zero, and no number is spelled in two
    ways; otherwise 1.1 and 1.10 are two categories.
    """
    spelled = set()
    for text in distinct:
        try:
            float(text)
        except ValueError:
            return "text"
        if re.match(LEADING_ZERO, text):
            return "text"
        spelled.add(spelled_number(text))
    return "number" if len(spelled) == len(distinct) else "text"


def _judged_dates(
    series: "pl.Series", found: DatesFound, count: int, rows: Rows
) -> tuple[Column, str | None] | None:
    """A date column, or an unusable one if day and month or formats are mixed; None: too few."""
    name, first = series.name, shown_format(found.date_format)
    if found.is_ambiguous:
        flag = flag_of_kind(name, f"date:{found.date_format}")
        return Column(name, "text", "dates with ambiguous day and month"), (
            f"column {name!r} holds dates whose day and month are ambiguous and is not used; "
            f"write them as 2024-01-31, or give the format: {flag}"
        )
    num_strays = sum(found.strays.values())
    if found.are_dates:
        years = ", years 70 to 99 of the 20th century" if "%y" in found.date_format else ""
        missing = missing_in_words(len(series) - count + num_strays)
        reason = f"every value is a date like {first}{years}{missing}"
        column = Column(name, "date", reason, found.date_format)
        if not found.strays:
            return column, None
        stray = shown(series[found.first_stray].strip())
        column = replace(column, number_format=NumberFormat(missing=tuple(found.strays)))
        return column, (
            f"column {name!r} holds {strays_in_words(found.strays)} not a date like {first}, first "
            f"{stray} in row {rows.number(found.first_stray)}: treated as missing; confirm with "
            f"{flag_of_missing(stray[1:-1])}"
        )
    if list(found.counts) == [TIME_OF_DAY]:
        return None  # 1:5 is a ratio
    if count < _FEWEST_ROWS_TO_JUDGE or count - num_strays < _NUMBER_SHARE / 4 * count:
        return None
    counts = ", ".join(
        f"{number:,} like {shown_format(form)}" for form, number in list(found.counts.items())[:4]
    )
    return Column(name, "text", "dates in several formats"), (
        f"column {name!r} mixes date formats and is not used: {counts}; row "
        f"{rows.number(found.first_stray)} holds {shown(series[found.first_stray])}; write all as "
        "2024-01-31"
    )


def requested_date_format(series: "pl.Series", requested: str | None) -> str:
    """The date format of a column that the user declared to hold dates.

    Raises:
        TableError: no format fits, or several do and the user requested none.
    """
    import polars as pl

    if series.dtype.is_integer() or requested is not None:
        date_format = requested or COMPACT
        moments_of(series, date_format)
        return date_format
    if series.dtype != pl.String:
        return ISO
    found = find_dates(series)
    if found is not None and found.are_dates and not found.strays and not found.is_ambiguous:
        return found.date_format
    name = series.name
    if found is not None and not found.strays:
        flag = flag_of_kind(name, f"date:{found.date_format}")
        why = f"day and month are ambiguous; give the format: {flag}"
    else:
        why = "no format fits all its values"
        if found is not None:
            why += f", row {found.first_stray + 1} holds {shown(series[found.first_stray])}"
    raise TableError(f"column {name!r} cannot be taken as dates: {why}")


def _no_value(name: str) -> tuple[Column, str]:
    return Column(name, "constant", "no value is present"), unused_note(name, "holds no value")


def _judged_whole(
    series: "pl.Series", count: int, smallest: int, largest: int, missing: str
) -> tuple[Column, str | None]:
    name = series.name
    column = Column(name, "numeric", f"whole numbers from {smallest} to {largest}{missing}")
    if count < _FEWEST_ROWS_TO_JUDGE:
        return column, None
    looks_named = _IDENTIFIER_NAME.fullmatch(name) or _CAMEL_CASE_IDENTIFIER.fullmatch(name)
    is_exact = max(-smallest, largest) <= _LARGEST_EXACT
    if smallest >= _FIRST_COMPACT_DATE and largest <= _LAST_COMPACT_DATE:
        found = find_dates(series.cast(str))
        if found is not None and found.date_format == COMPACT and not found.strays:
            return Column(name, "date", f"dates like 20240131{missing}", COMPACT), (
                f"column {name!r} holds integers that are dates like 20240131 and is treated as "
                f"dates; if they are numbers, add {flag_of_kind(name, 'numeric')}"
            )
    if not (looks_named or not is_exact or largest - smallest == count - 1):
        return column, None
    num_distinct = series.drop_nulls().n_unique()
    if looks_named and num_distinct >= _IDENTIFIER_SHARE * count:
        why = "nearly all values differ"
        return Column(name, "identifier", why), identifier_note(name, why, "numeric")
    if not is_exact:
        return column, (
            f"column {name!r} holds integers beyond 2^53, of which only the first 16 digits are "
            f"used; if they are identifiers, add --drop {shlex.quote(name)} or "
            f"{flag_of_kind(name, 'categorical')}"
        )
    if num_distinct == count and largest - smallest == count - 1:
        return column, (
            f"column {name!r} numbers the rows ({smallest} to {largest}): drop it unless the row "
            "order carries information"
        )
    return column, None
