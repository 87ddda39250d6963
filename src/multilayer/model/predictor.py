"""A model that predicts with NumPy, without the cost of loading PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.spares import Spares
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError
from multilayer.model.answers import Answers, Array
from multilayer.model.mixing import Mixture, kind_of_outputs, mixed_outputs
from multilayer.model.numpy_network import NumPyNetwork

DType = type[np.floating[Any]]

_CHUNK_ROWS = 512  # rows at once; their hidden values fit the cache


@dataclass(frozen=True, eq=False, repr=False)
class Predictor(Answers):
    """The content of a model file; predicts like `Model` to 1e-5 for images, 1e-6 for tables.

    Thread-safe. Buffers are kept for each number of rows, so that repeated calls with as many rows
    allocate only the result.

    Args:
        spec: the networks' shape.
        parameters: of all members by slot name, (num_members, …), float32.
        mixture: other populations, which answer together with the first; None: there are none. For
            the other arguments see `Answers`.
    """

    spec: NetworkSpec
    parameters: Mapping[str, NDArray[np.float32]]
    mixture: Mixture | None = field(default=None, kw_only=True)
    _spare_inputs: Spares[Array] = field(default_factory=Spares, init=False, repr=False)

    @classmethod
    def of(cls, model: Any) -> "Predictor":
        """The predictor of a model, of a fitted estimator, or one itself.

        Raises:
            SettingsError: it is something else, or an estimator that is not fitted.
        """
        found = getattr(model, "model_", model)  # of an estimator
        if isinstance(found, Predictor):
            return found
        if not isinstance(found, Answers):
            what = type(model).__name__
            if hasattr(model, "fit"):
                raise SettingsError(f"this {what} is not fitted; call its fit first")
            raise SettingsError(
                "model must be a run folder, a model file, a model or a fitted estimator; it is "
                f"{what}"
            )
        kept = {one.name: getattr(found, one.name) for one in fields(Answers)}
        other: Any = found
        return cls(spec=other.spec, parameters=other.parameters, mixture=other.mixture, **kept)

    @property
    def num_members(self) -> int:
        """Number of networks whose predictions are averaged."""
        return len(next(iter(self.parameters.values())))

    def encoded_outputs(self, inputs: NDArray[Any]) -> Array:
        """See `Answers`."""
        return self._mixed(self._populations, inputs, self.encoder.answer_dtype)

    def single_precision_outputs(
        self, inputs: NDArray[np.float32], member: int | None = None
    ) -> Array:
        """See `Answers`."""
        populations = self._single_populations
        if member is not None:
            populations = [[networks[member]] for networks in populations]
        return self._mixed(populations, inputs, np.float32)

    def _mixed(
        self, populations: list[list[NumPyNetwork]], inputs: NDArray[Any], dtype: DType
    ) -> Array:
        if self.mixture is None:
            return self._outputs_of(populations[0], inputs, dtype)
        outputs = (self._outputs_of(networks, inputs, dtype) for networks in populations)
        return mixed_outputs(outputs, self.mixture.weights, kind_of_outputs(self.targets.task))

    def _outputs_of(
        self, networks: list[NumPyNetwork], inputs: NDArray[Any], dtype: DType
    ) -> Array:
        num_rows, rows_at_once = len(inputs), self._rows_at_once
        shape = len(networks), num_rows, self.spec.num_outputs
        outputs = np.empty(shape, dtype)
        if num_rows == 1:  # answered in as little time as a few slices take
            row = inputs.astype(outputs.dtype)
            for network, of_member in zip(networks, outputs, strict=True):
                network.logits(row, of_member)
            return outputs
        for start in range(0, num_rows, rows_at_once):
            rows = inputs[start : start + rows_at_once]
            spare = self._spare_inputs.take()
            if spare is None or len(spare) != len(rows) or spare.dtype != dtype:
                spare = np.empty(rows.shape, outputs.dtype)
            np.copyto(spare, rows)
            for network, of_member in zip(networks, outputs, strict=True):
                network.logits(spare, of_member[start : start + len(rows)])
            self._spare_inputs.give_back(spare)
        return outputs

    @cached_property
    def _rows_at_once(self) -> int:
        return self.spec.rows_at_once(_CHUNK_ROWS)

    @cached_property
    def _populations(self) -> list[list[NumPyNetwork]]:
        return self._networks_in(self.encoder.answer_dtype)

    @cached_property
    def _single_populations(self) -> list[list[NumPyNetwork]]:
        return self._networks_in(np.float32)

    def _networks_in(self, dtype: DType) -> list[list[NumPyNetwork]]:
        others = () if self.mixture is None else self.mixture.others
        return [
            [
                NumPyNetwork(
                    spec,
                    {name: of_all[member] for name, of_all in parameters.items()},
                    dtype,
                )
                for member in range(self.num_members)
            ]
            for spec, parameters in ((self.spec, self.parameters), *others)
        ]


NumPyPredictor = TablePredictor = Predictor  # the names until version 0.2
