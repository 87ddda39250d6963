"""From the columns of a table to the inputs of the networks, with NumPy alone."""

import math
import warnings
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

FIRST_DAY, LAST_DAY = -719_162, 2_932_897  # the years 1 to 9999
Array = Any  # numpy.ndarray


class Columns:
    """What columns are, and how their values become inputs."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.encoder, self.document = document["encoder"], document

    @property
    def names(self) -> list[str]:
        """Names of the columns; none for images."""
        named = [*self.encoder.get("numbers", []), *self.encoder.get("categories", [])]
        return [column["name"] for column in named]

    def encoded(self, rows: Mapping[str, Any]) -> tuple[Array, Array, Array]:
        """Scaled numbers, other inputs (±1, one-hot, indicators), and codes of categories."""
        if absent := [name for name in self.names if name not in rows]:
            raise ValueError(f"columns are missing: {', '.join(absent)}")
        lengths = {name: len(rows[name]) for name in self.names}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns are of different lengths: {lengths}")
        num_rows = next(iter(lengths.values()))
        told = [text.strip().lower() for text in self.encoder["missing"]]
        numbers, indicators = [np.empty((num_rows, 0))], []
        for column in self.encoder["numbers"]:
            values = self._numbers(column, rows[column["name"]], told)
            values = np.where(np.isfinite(values), values, np.nan)
            numbers.append(values)
            if column["has_indicator"]:
                indicators.append(np.isnan(values[:, :1]).astype(float))
        matrix = np.hstack(numbers)
        matrix = np.where(np.isnan(matrix), np.array(self.encoder["means"]), matrix)
        passed, codes = [np.empty((num_rows, 0))], [np.empty((num_rows, 0), np.int64)]
        for column in self.encoder["categories"]:
            code = self._codes(column, rows[column["name"]], told)
            width = len(column["categories"])
            if column["form"] == "codes":
                codes.append(code[:, None])
            elif column["form"] == "plus-minus":
                passed.append(np.array([0.0, -1.0, 1.0])[code][:, None])
            else:
                passed.append(np.vstack([np.zeros(width), np.eye(width)])[code])
        plain = np.hstack([matrix, *passed, *indicators])
        median, scale = (np.array(self.encoder["scaling"][name]) for name in ("median", "scale"))
        with np.errstate(over="ignore", under="ignore"):
            plain = np.clip(plain - median, -np.finfo(float).max, np.finfo(float).max)
            plain = np.clip(plain * scale, -1e9, 1e9)
            plain = plain / np.sqrt(1 + (plain / 3) ** 2)
        plain = plain.astype(np.float32).astype(np.float64)
        count = matrix.shape[1]
        return plain[:, :count], plain[:, count:], np.hstack(codes)

    def _numbers(self, column: Mapping[str, Any], values: Any, told: list[str]) -> Array:
        """What a column of numbers or dates becomes, (num_rows, numbers), NaN where missing."""
        if column["date_format"] is not None:
            if not isinstance(values, np.ndarray) or values.dtype.kind not in "iufM":
                values = [self._known(column, value, told) for value in values]
            return _date_parts(_days(column, values), column["has_time"])
        array = np.asarray(values)
        if array.dtype.kind not in "iufb":
            numbers = [self._number(column, value, told) for value in values]
            return np.array(numbers, np.float64)[:, None]
        array = array.astype(np.float64)
        for text in told:
            if (number := _float(text)) is not None:
                array = np.where(array == number, np.nan, array)
        return array[:, None]

    def _known(self, column: Mapping[str, Any], value: Any, told: list[str]) -> Any:
        """The value, text without spaces around it; None for text that means missing."""
        if not isinstance(value, str):
            return value
        text = self._present(value)
        others = (column.get("number_format") or {}).get("missing", [])
        return None if text is None or text.lower() in told or text in others else text

    def _number(self, column: Mapping[str, Any], value: Any, told: list[str]) -> float:
        text = self._known(column, value, told)
        if text is None:
            return math.nan
        if not isinstance(text, str):
            return math.nan if float(value) in map(_float, told) else float(value)
        written = column.get("number_format") or {}
        signs = ("thousands", "affixes", "multiples", "units", "writing")
        is_plain = written.get("decimal", ".") == "." and not any(map(written.get, signs))
        number = _float(text) if is_plain else None
        if number is None:
            raise ValueError(
                f"column {column['name']!r} takes numbers, not {value!r}; convert the text"
            )
        return number

    def _codes(self, column: Mapping[str, Any], values: Any, told: list[str]) -> Array:
        """The code of each row's category, from 1; 0 for a missing or unseen value."""
        places = {text: place for place, text in enumerate(column["categories"], 1)}
        by_number: dict[float, list[int]] = {}  # for numbers where the network learned from text
        for text, place in places.items() if column["meaning"] == "text" else ():
            try:
                by_number.setdefault(float(text), []).append(place)
            except ValueError:
                continue
        values = list(
            values
        )  # an array makes new objects each time, and no NaN is equal to another
        code_of: dict[Any, int] = {}
        is_told = False
        for value in values:
            key = type(value), value
            if key in code_of:
                continue
            text = self._category(column, value, told)
            code = 0 if text is None else places.get(text, 0)
            if not code and text is not None and _is_number(value):
                found = by_number.get(float(text), [])
                code = found[0] if len(found) == 1 else 0
            code_of[key] = code
            if not code and text is not None and not is_told:
                is_told = True
                warnings.warn(
                    f"column {column['name']!r} holds categories that were not in the training "
                    f"rows, for example {value!r}; they are treated as missing",
                    stacklevel=4,
                )
        return np.fromiter((code_of[type(value), value] for value in values), np.int64, len(values))

    def _category(self, column: Mapping[str, Any], value: Any, told: list[str]) -> str | None:
        """The text of a value's category; None if it is missing."""
        if value is None or (_is_number(value) and float(value) in map(_float, told)):
            return None
        is_text = isinstance(value, str)
        text = str(value).strip()
        if is_text and text.lower() in told:
            return None
        if self._present(text) is None and not (column.get("keep_na") and is_text and text):
            return None
        if column["meaning"] == "text" and is_text:
            return text
        if column["meaning"] == "boolean":
            spelled = self.document["boolean_spellings"].get(text.lower().removesuffix(".0"))
            return None if spelled is None else str(spelled).lower()
        number = _float(text)
        if number is None or (number.is_integer() and abs(number) >= 2**53):
            return text
        return str(int(number)) if number.is_integer() else repr(number)

    def _present(self, text: str) -> str | None:
        text = text.strip()
        return None if text.lower() in self.document["missing_spellings"] else text


def _days(column: Mapping[str, Any], values: Any) -> Array:
    """Days since 1970-01-01 in UTC with their fraction, (num_rows,), NaN where missing."""
    array = np.asarray(values)
    if array.dtype.kind in "iuf" and column["date_format"] != "%Y%m%d":
        days = array.astype(np.float64)
    elif array.dtype.kind == "M":
        days = (array - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
    else:
        days = np.array([_day(column, value) for value in values], np.float64)
    return np.where((days >= FIRST_DAY) & (days < LAST_DAY), days, np.nan)


def _day(column: Mapping[str, Any], given: Any) -> float:
    value, date_format = given, column["date_format"]
    if isinstance(value, str) and date_format in ("%Y-%m-%d", "%H:%M"):
        with suppress(ValueError):  # refused below
            value = (time if date_format == "%H:%M" else datetime).fromisoformat(value)
    if value is None or value != value:  # NaN and NaT are no number and no time
        return math.nan
    if isinstance(value, time):
        seconds = value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
        return seconds / 86_400
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(*value.timetuple()[:3])
        moment = (moment - (moment.utcoffset() or timedelta(0))).replace(tzinfo=None)
        return float((np.datetime64(moment) - np.datetime64("1970-01-01")) / np.timedelta64(1, "D"))
    if _is_number(value) and date_format != "%Y%m%d":
        return float(value)
    raise ValueError(f"column {column['name']!r} takes dates, not {given!r}; use datetime.date")


def _date_parts(days: Array, has_time: bool) -> Array:
    """The day, and sine and cosine of its place in year, month, week, and the time in the day."""
    known = np.where(np.isnan(days), 0, days)
    whole = np.floor(known).astype(np.int64)
    clock = known - whole
    date_of = whole.astype("datetime64[D]")
    places = []
    for unit in ("Y", "M"):
        start = date_of.astype(f"datetime64[{unit}]")
        end = start + np.timedelta64(1, unit)
        first, following = start.astype("datetime64[D]"), end.astype("datetime64[D]")
        passed, length = (date_of - first).astype(int), (following - first).astype(int)
        places.append((passed + clock) / length)
    places.append(((whole + 3) % 7 + clock) / 7)  # from Monday; 1970-01-01 was a Thursday
    if has_time:
        places.append(clock)
    waves = [wave(2 * np.pi * place) for place in places for wave in (np.sin, np.cos)]
    return np.where(np.isnan(days)[:, None], np.nan, np.stack([known, *waves], axis=1))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def _float(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
