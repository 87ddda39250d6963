"""Rows answered by compiled code, without PyTorch."""

import ctypes
import os
import weakref
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.compiled.code_checks import check_ends, code_columns
from multilayer.engine.compiled.library import Library, compiled_code
from multilayer.engine.compiled.plan import Questions, Values, plan_of
from multilayer.engine.machine import num_usable_cores
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.spares import Spares
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError

_ROW_TYPES = {"uint8": 0, "float32": 1, "float64": 2}
_ROWS_OF_A_THREAD = 128  # at once; their values stay in the cache
_LARGEST_LAYER = 400_000  # weights, from which NumPy's products are faster by more than all else
_LEAST_WORK_FOR_THREADS = 2**25  # multiply-adds of all rows; starting a thread takes as long as 2²¹

Array = NDArray[Any]


class CompiledAnswers:
    """What compiled code answers for a population; thread-safe.

    A row's outputs have the same bits whatever rows are beside it.

    Args:
        spec: the networks' shape.
        parameters: (num_members, num_parameters), in float64, in which it also computes: in float32
            NumPy and PyTorch take no longer.
    """

    def __init__(self, spec: NetworkSpec, parameters: Array) -> None:
        self._spec, self._parameters = spec, np.ascontiguousarray(parameters)
        widths = (spec.num_features, *spec.hidden_widths, spec.num_outputs)
        is_small = max(a * b for a, b in pairwise(widths)) <= _LARGEST_LAYER
        self._is_faster = is_small and len(set(spec.activations)) <= 1
        self._spares: dict[tuple[int, int, int], Spares[_Population]] = {}

    def outputs(
        self, inputs: Array, member: int | None = None, num_threads: int | None = None
    ) -> Array | None:
        """Outputs of the last layer, (num_members, num_rows, num_outputs).

        Args:
            inputs: (num_rows, row_width).
            member: the only one that answers; None: all do.
            num_threads: None: `OMP_NUM_THREADS`, or as many as there are cores; few rows take one.

        Returns:
            None where NumPy or PyTorch had better answer, or compiled code is not at hand.

        Raises:
            DataError: the rows have another width, or the code of a category is out of range.
        """
        code, row_type = compiled_code(), _ROW_TYPES.get(inputs.dtype.name)
        if code is None or row_type is None or not self._is_faster or not len(inputs):
            return None
        spec, inputs = self._spec, np.ascontiguousarray(inputs)
        if inputs.shape[1:] != (spec.row_width,):
            raise DataError(
                f"rows have {inputs.shape[1:]} values; this network takes {spec.row_width}"
            )
        for what, columns, numbers in code_columns(spec):
            codes = inputs[:, columns]
            check_ends(what, codes.min(axis=0).tolist(), codes.max(axis=0).tolist(), numbers)
        parameters = self._parameters
        if member is not None:
            parameters = parameters[member : member + 1]
        work = len(inputs) * spec.num_parameters * len(parameters)
        if work < _LEAST_WORK_FOR_THREADS:
            num_threads = 1
        kind = len(parameters), row_type, num_threads or _usual_num_threads()
        spares = self._spares.setdefault(kind, Spares())
        population = spares.take() or _Population(code, spec, *kind)
        outputs = population.outputs(inputs, parameters)
        spares.give_back(population)
        return outputs


class _Population:
    """Memory of the compiled code, for one call at a time."""

    def __init__(
        self, code: Library, spec: NetworkSpec, num_members: int, row_type: int, num_threads: int
    ) -> None:
        rows = spec.rows_at_once(_ROWS_OF_A_THREAD * num_threads)
        plan, self._kept = plan_of(
            spec, [TrainingSettings()] * num_members, batch_size=rows, row_type=row_type,
            num_threads=num_threads,
        )  # fmt: skip
        self._num_outputs, self._code = spec.num_outputs, code
        self._handle = code.begin(plan, Values(), is_double=True)
        weakref.finalize(self, code.end, self._handle, True)

    def outputs(self, inputs: Array, parameters: Array) -> Array:
        num_members, num_rows = len(parameters), len(inputs)
        outputs = np.empty((num_members, num_rows, self._num_outputs), parameters.dtype)
        order = np.arange(num_rows, dtype=np.int64)
        numbers = np.zeros((3, num_members), np.int64)
        numbers[0], numbers[2] = num_rows, num_rows * np.arange(num_members)
        arrays = inputs, parameters, *numbers, order, outputs
        questions = Questions(*(array.ctypes.data_as(ctypes.c_void_p) for array in arrays))
        self._code.answer(self._handle, questions, is_double=True)
        return outputs


def _usual_num_threads() -> int:
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdecimal() and int(named) else num_usable_cores()
