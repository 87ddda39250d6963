"""Convert an estimator's arguments on columns and value formats."""

import warnings
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.bare_numbers import BareNumbers, check_signs
from multilayer.columns.find_numbers import NumbersFound, find_numbers
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.text_numbers import parse_numbers, shown
from multilayer.columns.value_format import ValueFormat, missing_told_texts
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.estimators.arguments import categorical_names

if TYPE_CHECKING:
    import polars as pl


def columns_told(estimator: Any, columns: list[str]) -> dict[str, Any]:
    """The arguments of `infer_schema` from those of an estimator.

    Raises:
        SettingsError: an argument is of the wrong type, or names no column by its number.
    """
    return {
        "categorical": categorical_names(estimator.categorical_features, columns),
        "as_kind": _kinds(estimator.as_kind, columns),
        "value_format": value_format_of(estimator),
    }


def value_format_of(estimator: Any) -> ValueFormat:
    """The value format from the arguments decimal, thousands, missing and keep_na.

    Raises:
        SettingsError: one of them is invalid.
    """
    given = estimator.missing
    if given is None:
        given = ()
    elif isinstance(given, str | Real):
        given = (given,)
    elif not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise SettingsError(f"missing must be text, a number or a list of such, not {given!r}")
    if not all(isinstance(one, str | Real) and one == one for one in given):
        raise SettingsError(f"missing must be text, a number or a list of such, not {given!r}")
    return ValueFormat(
        estimator.decimal, estimator.thousands, tuple(map(str, given)), estimator.keep_na
    )


def numbers_of_targets(y: Any, estimator: Any) -> tuple[Any, NumberFormat | None]:
    """Parse text targets.

    Args:
        y: (num_rows,).
        estimator: its arguments say how ambiguous texts are read.

    Returns:
        The numbers and their format; None if they are not text.

    Raises:
        TableError: most texts are numbers, and one is not.
    """
    series = _text_of(y)
    found = None if series is None else find_numbers(series, value_format_of(estimator))
    if series is None or found is None:
        return y, None
    if found.doubt:
        warnings.warn(f"y is treated as numeric: {found.doubt}", DataWarning, stacklevel=5)
    return _whole(series, found), found.number_format


def numbers_like_training(y: Any, estimator: Any, trained: NumberFormat | None) -> Any:
    """Parse targets that are held against answers in the format of the training targets.

    A `DataWarning` names a percent sign or unit that either does not have.

    Args:
        y: (num_rows,), as `score` takes it.
        estimator: its arguments say how ambiguous texts are read.
        trained: of the training targets; None: plain numbers.

    Raises:
        TableError: most texts are numbers, and one is not; or they are in another currency.
    """
    import polars as pl

    series = _text_of(y)
    found = None if series is None else find_numbers(series, value_format_of(estimator))
    is_other = found is not None and check_signs("target 'y'", found, trained)
    if trained is not None and not is_other:
        bare = BareNumbers()
        bare.note(pl.Series("y", np.asarray(y).ravel()) if series is None else series, trained)
        bare.warn("target")
    if series is None:
        return y
    numbers = None if trained is None else parse_numbers(series, trained)
    if numbers is not None and not numbers.null_count():
        return numbers.to_numpy()
    return y if found is None else _whole(series, found)


def _text_of(y: Any) -> "pl.Series | None":
    """Targets as a column of text, if some of them are text and all are text or numbers."""
    import polars as pl

    if hasattr(y, "toarray"):
        return None
    array = np.asarray(y, dtype=None if hasattr(y, "__array__") else object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "OU" or not len(array):
        return None
    texts = array.tolist()
    are_numbers = all(isinstance(t, str | Real) and not isinstance(t, bool) for t in texts)
    if not are_numbers or not any(isinstance(text, str) for text in texts):
        return None
    return pl.Series("y", [str(text) for text in texts], pl.String)


def _whole(series: "pl.Series", found: NumbersFound) -> NDArray[np.float64]:
    """The numbers; TableError if one is missing."""
    missing = found.numbers.is_null()
    if found.strays or missing.any():
        row = found.first_stray if found.strays else missing.arg_max() or 0
        raise TableError(
            f"row {row + 1} of y must be a number, it is {shown(series[row])}; leave such rows out"
        )
    return found.numbers.cast(float).to_numpy()


def require_told_labels(y: Any, estimator: Any) -> None:
    """Refuse labels that `missing` names: rows without a label are not for an estimator.

    Raises:
        TableError: there is one.
    """
    texts = missing_told_texts(value_format_of(estimator).missing)
    if not texts or hasattr(y, "toarray"):
        return
    labels = np.asarray(y, dtype=None if hasattr(y, "__array__") else object).ravel().tolist()
    known = {label for label in set(labels) if str(label).strip().lower() in texts}
    rows = [row for row, label in enumerate(labels, start=1) if label in known] if known else []
    if rows:
        raise TableError(
            f"Input y contains labels that are missing as told: {len(rows)} of {len(labels)}, the "
            f"first in row {rows[0]}; leave these rows out"
        )


def _kinds(given: Any, columns: list[str]) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given.values()):
        raise SettingsError(
            f"as_kind must be kinds by column, for example {{'zip': 'categorical'}}, not {given!r}"
        )
    kinds = {}
    for column, kind in given.items():
        if isinstance(column, Integral):
            if not -len(columns) <= int(column) < len(columns):
                raise SettingsError(f"as_kind names column {column}; X has {len(columns)}")
            column = columns[int(column)]
        kinds[str(column)] = kind
    return kinds
