"""A model that predicts with NumPy, without the cost of loading PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError
from multilayer.model.answers import Answers, Array
from multilayer.model.mixing import Mixture, kind_of_outputs, mixed_outputs
from multilayer.model.numpy_population import NumPyPopulation


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

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> fitted = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> from multilayer import Predictor
        >>> predictor = Predictor.of(fitted)
        >>> predictor.predict([[0.1], [0.9]]).tolist()
        ['low', 'high']
    """

    spec: NetworkSpec
    parameters: Mapping[str, NDArray[np.float32]]
    mixture: Mixture | None = field(default=None, kw_only=True)

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
        return self._mixed(self._populations, inputs)

    def single_precision_outputs(
        self, inputs: NDArray[np.float32], member: int | None = None
    ) -> Array:
        """See `Answers`."""
        return self._mixed(self._single_populations, inputs, member)

    def _mixed(
        self, populations: list[NumPyPopulation], inputs: NDArray[Any], member: int | None = None
    ) -> Array:
        if self.mixture is None:
            return populations[0].outputs(inputs, member)
        outputs = (population.outputs(inputs, member) for population in populations)
        return mixed_outputs(outputs, self.mixture.weights, kind_of_outputs(self.targets.task))

    @cached_property
    def _populations(self) -> list[NumPyPopulation]:
        return self._populations_in(self.encoder.answer_dtype)

    @cached_property
    def _single_populations(self) -> list[NumPyPopulation]:
        return self._populations_in(np.float32)

    def _populations_in(self, dtype: type[np.floating[Any]]) -> list[NumPyPopulation]:
        others = () if self.mixture is None else self.mixture.others
        return [
            NumPyPopulation(spec, parameters, dtype)
            for spec, parameters in ((self.spec, self.parameters), *others)
        ]


NumPyPredictor = TablePredictor = Predictor  # the names until version 0.2
