"""What the arguments of an estimator say of columns and of how values are written."""

import warnings
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from multilayer.columns.find_numbers import find_numbers
from multilayer.columns.text_numbers import shown
from multilayer.columns.value_format import ValueFormat, missing_told_texts
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.estimators.arguments import categorical_names


def columns_told(estimator: Any, columns: list[str]) -> dict[str, Any]:
    """What `infer_schema` is told of an estimator's columns, by its arguments.

    Raises:
        SettingsError: an argument is of the wrong type, or names no column by its number.
    """
    return {
        "categorical": categorical_names(estimator.categorical_features, columns),
        "as_kind": _kinds(estimator.as_kind, columns),
        "value_format": value_format_of(estimator),
    }


def value_format_of(estimator: Any) -> ValueFormat:
    """How values are written, as the arguments decimal, thousands, missing and keep_na say.

    Raises:
        SettingsError: one of them is none of what it can be.
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


def numbers_of_targets(y: Any, estimator: Any) -> Any:
    """Targets that are text with a writing of numbers as float64; others as they are.

    Args:
        y: (num_rows,), as `fit` takes it.
        estimator: its arguments say what the texts leave open.

    Raises:
        TableError: most texts are numbers, and one is none.
    """
    import polars as pl

    if hasattr(y, "toarray"):
        return y
    array = np.asarray(y, dtype=None if hasattr(y, "__array__") else object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "OU" or not len(array):
        return y
    texts = array.tolist()
    if not any(isinstance(text, str) for text in texts):
        return y
    if not all(isinstance(text, str | Real) and not isinstance(text, bool) for text in texts):
        return y
    series = pl.Series("y", [str(text) for text in texts], pl.String)
    told = value_format_of(estimator)
    found = find_numbers(series, told)
    if found is None:
        return y
    missing = found.numbers.is_null()
    if found.strays or missing.any():
        row = found.first_stray if found.strays else missing.arg_max() or 0
        raise TableError(
            f"row {row + 1} of y must be a number, it is {shown(series[row])}; leave such rows out"
        )
    if found.doubt:
        warnings.warn(f"y is treated as numeric: {found.doubt}", DataWarning, stacklevel=5)
    return found.numbers.cast(pl.Float64).to_numpy()


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
