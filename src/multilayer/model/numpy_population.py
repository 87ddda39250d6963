"""The networks of a population, answered without PyTorch."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.spares import Spares
from multilayer.engine.specification import NetworkSpec
from multilayer.model.numpy_network import NumPyNetwork

if TYPE_CHECKING:
    from multilayer.engine.compiled.answering import CompiledAnswers

Array = NDArray[Any]

MANY_ROWS = 32  # for fewer NumPy's calls take no longer than the compiled code's
_CHUNK_ROWS = 512  # rows at once; their hidden values fit the cache


class NumPyPopulation:
    """Gives the outputs of `Network`: many rows in float64 by compiled code, others through NumPy.

    Thread-safe.

    Args:
        spec: the networks' shape, with one version of `category_statistics`.
        parameters: of all members by slot name, (num_members, …), float32.
        dtype: of the computation, float32 or float64.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Mapping[str, NDArray[np.float32]],
        dtype: type[np.floating[Any]],
    ) -> None:
        self._spec, self._parameters, self._dtype = spec, parameters, dtype
        self._rows_at_once = spec.rows_at_once(_CHUNK_ROWS)
        self._spare_inputs: Spares[Array] = Spares()

    @cached_property
    def networks(self) -> list[NumPyNetwork]:
        """Each member in NumPy."""
        return [
            NumPyNetwork(
                self._spec,
                {name: of_all[member] for name, of_all in self._parameters.items()},
                self._dtype,
            )
            for member in range(len(next(iter(self._parameters.values()))))
        ]

    @cached_property
    def _compiled(self) -> "CompiledAnswers | None":
        if self._dtype is not np.float64:
            return None
        from multilayer.engine.compiled.answering import CompiledAnswers  # few rows need none of it

        slots = sorted(self._spec.parameter_slots, key=lambda slot: slot.start)
        parts = [np.asarray(self._parameters[slot.name], self._dtype) for slot in slots]
        flat = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return CompiledAnswers(self._spec, flat)

    def outputs(self, inputs: Array, member: int | None = None) -> Array:
        """Outputs of the last layer, (num_members, num_rows, num_outputs).

        Args:
            inputs: encoded, (num_rows, row_width), of any number type.
            member: the only one that answers; None: all do.
        """
        num_rows = len(inputs)
        if num_rows >= MANY_ROWS and self._compiled is not None:
            found = self._compiled.outputs(inputs, member)
            if found is not None:
                return found
        networks = self.networks if member is None else [self.networks[member]]
        outputs = np.empty((len(networks), num_rows, self._spec.num_outputs), self._dtype)
        if num_rows == 1:  # answered in as little time as a few slices take
            row = inputs.astype(self._dtype)
            for network, of_member in zip(networks, outputs, strict=True):
                network.logits(row, of_member)
            return outputs
        for start in range(0, num_rows, self._rows_at_once):
            rows = inputs[start : start + self._rows_at_once]
            spare = self._spare_inputs.take()
            if spare is None or len(spare) != len(rows):
                spare = np.empty(rows.shape, self._dtype)
            np.copyto(spare, rows)
            for network, of_member in zip(networks, outputs, strict=True):
                network.logits(spare, of_member[start : start + len(rows)])
            self._spare_inputs.give_back(spare)
        return outputs
