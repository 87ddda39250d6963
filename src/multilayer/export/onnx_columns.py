"""From the raw columns of a table to the inputs of the networks, in ONNX."""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from multilayer.columns.category_columns import CategoryColumn
from multilayer.columns.number_columns import NumberColumn
from multilayer.columns.value_format import BOOLEAN_SPELLINGS, missing_told_texts
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.robust_scaling import RobustScaling
from multilayer.export.column_forms import is_given_as_number
from multilayer.export.onnx_dates import date_parts
from multilayer.export.onnx_graph import ML_DOMAIN, Graph
from multilayer.export.onnx_search import SortedTables

# As in `RobustScaling.apply`.
_LARGEST, _FARTHEST = float(np.finfo(np.float64).max), 1e9


class Inputs(NamedTuple):
    """What a row becomes; a part that has no columns is None.

    Attributes:
        numbers: of the graph's dtype, (num_rows, num_numeric).
        passed: of the graph's dtype, (num_rows, num_passthrough).
        codes: of categories, int64, (num_rows, num_codes).
        num_numeric: number of columns of `numbers`.
    """

    numbers: str | None
    passed: str | None
    codes: str | None
    num_numeric: int


def column_inputs(graph: Graph, encoder: Encoder) -> Inputs:
    """Declare an input for each column, (num_rows, 1), and encode them as `Encoder.encode` does."""
    told = _numbers_that_mean_missing(encoder.missing)
    numbers, passed = _numbers(graph, encoder, told) if encoder.numbers else (None, [])
    codes: list[str] = []
    places: list[str] = []
    start = encoder.num_numeric
    for category in encoder.categories:
        code = _code(graph, category, told)
        if category.form == "codes":
            codes.append(code)
            continue
        columns = slice(start, start + category.width)
        places.append(_passed(graph, category, code, _scaling(encoder, columns)))
        start += category.width
    passed = [*places, *passed]
    return Inputs(
        numbers,
        graph.concat(passed, 1) if passed else None,
        graph.concat(codes, 1) if codes else None,
        encoder.num_numeric,
    )


def _numbers_that_mean_missing(missing: tuple[str, ...]) -> list[float]:
    """The numbers among the user's spellings of missing values, as `with_missing_told` has them."""
    numbers = []
    for text in missing_told_texts(missing):
        try:
            numbers.append(float(text))
        except ValueError:
            continue
    return [number for number in numbers if np.isfinite(number)]


def _without_told(graph: Graph, value: str, told: list[float]) -> str:
    for number in told:
        value = graph("Where", graph("Equal", value, number), float("nan"), value)
    return value


def _numbers(graph: Graph, encoder: Encoder, told: list[float]) -> tuple[str, list[str]]:
    """The scaled numbers, and the missing-value indicators if there are any."""
    parts: list[str] = []
    firsts: list[int] = []  # of each column with an indicator, its first number
    for column in encoder.numbers:
        if column.has_indicator:
            firsts.append(len(parts))
        parts += _parts(graph, column, told)
    values = graph.concat(parts, 1)
    is_missing = graph("Or", graph("IsNaN", values), graph("IsInf", values))
    known = graph("Where", is_missing, encoder.means[None], values)
    columns = slice(0, encoder.num_numeric)
    numbers = _rounded(graph, _scaled(graph, known, _scaling(encoder, columns)))
    if not firsts:
        return numbers, []
    end = encoder.num_numeric + encoder.num_passthrough
    scaling = _scaling(encoder, slice(end - len(firsts), end))
    absent, present = (
        scaling.apply(np.full((1, len(firsts)), value)).astype(np.float32) for value in (0.0, 1.0)
    )
    of_columns = graph("Gather", is_missing, np.array(firsts, np.int64), axis=1)
    return numbers, [graph.as_dtype(graph("Where", of_columns, present, absent))]


def _parts(graph: Graph, column: NumberColumn, told: list[float]) -> list[str]:
    value = graph.add_input(column.name, TensorProto.DOUBLE, ["rows", 1])
    if column.date_format is not None:
        return date_parts(graph, value, column.has_time)
    return [_without_told(graph, value, told)]


def _scaling(encoder: Encoder, columns: slice) -> RobustScaling:
    return RobustScaling(encoder.scaling.median[columns], encoder.scaling.scale[columns])


def _scaled(graph: Graph, values: str, scaling: RobustScaling) -> str:
    """`RobustScaling.apply`."""
    distance = _clipped(graph, graph("Sub", values, scaling.median[None]), _LARGEST)
    scaled = _clipped(graph, graph("Mul", distance, scaling.scale[None]), _FARTHEST)
    third = graph("Div", scaled, 3.0)
    return graph("Div", scaled, graph("Sqrt", graph("Add", graph("Mul", third, third), 1.0)))


def _clipped(graph: Graph, values: str, limit: float) -> str:
    return graph("Max", graph("Min", values, limit), -limit)


def _rounded(graph: Graph, values: str) -> str:
    """To float32, as encoded rows are."""
    return graph.as_dtype(graph("Cast", values, to=TensorProto.FLOAT))


def _passed(graph: Graph, category: CategoryColumn, code: str, scaling: RobustScaling) -> str:
    """The ±1 or one-hot inputs of a code, (num_rows, width)."""
    if category.form == "plus-minus":
        table = scaling.apply(category.passthrough_values()).astype(np.float32)
        return graph.as_dtype(graph("Gather", table[:, 0], code))
    absent, present = (
        scaling.apply(np.full((1, category.width), value)).astype(np.float32)
        for value in (0.0, 1.0)
    )
    codes = np.arange(1, category.width + 1, dtype=np.int64)[None]
    return graph.as_dtype(graph("Where", graph("Equal", code, codes), present, absent))


def _code(graph: Graph, category: CategoryColumn, told: list[float]) -> str:
    """The code of each row, int64, (num_rows, 1); 0 for a value that is missing or unseen."""
    if is_given_as_number(category):
        value = graph.add_input(category.name, TensorProto.DOUBLE, ["rows", 1])
        return _code_of_number(graph, category, _without_told(graph, value, told))
    value = graph.add_input(category.name, TensorProto.STRING, ["rows", 1])
    codes = {text: code for code, text in enumerate(category.categories, 1)}
    if category.meaning == "boolean":
        codes = {
            spelled: codes[str(is_true).lower()]
            for text, is_true in BOOLEAN_SPELLINGS.items()
            if str(is_true).lower() in codes
            for spelled in _spellings(text)
        }
    return graph(
        "LabelEncoder", value, domain=ML_DOMAIN, keys_strings=list(codes) or ["\0"],
        values_int64s=list(codes.values()) or [0], default_int64=0,
    )  # fmt: skip


def _code_of_number(graph: Graph, category: CategoryColumn, value: str) -> str:
    numbers = np.array([float(text) for text in category.categories])
    order = np.argsort(numbers)
    place = SortedTables(graph, [numbers[order]]).count(value, (1, 1), equal=False)
    found = graph("Gather", np.append(numbers[order], np.nan), place)
    codes: NDArray[np.int64] = np.append(order + 1, 0)
    code = graph("Gather", codes, place)
    return graph("Where", graph("Equal", found, value), code, np.array(0, np.int64))


def _spellings(text: str) -> list[str]:
    """A text in all mixtures of upper and lower case, also as a number with a point."""
    forms = ("".join(letters) for letters in product(*({c, c.upper()} for c in text)))
    return [form + ending for form in forms for ending in ("", ".0")]
