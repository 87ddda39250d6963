"""A model in PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.targets import Targets
from multilayer.engine.compiled.answering import CompiledAnswers
from multilayer.engine.network import Network
from multilayer.engine.processor import is_in_training
from multilayer.engine.specification import NetworkSpec
from multilayer.model.answers import Answers, Array
from multilayer.model.mixed_networks import MixedNetworks
from multilayer.model.mixing import Mixture


@dataclass(frozen=True, eq=False, repr=False)
class Model(Answers):
    """A population of networks with everything between raw rows and predictions.

    Args:
        network: the population, or several that answer as one; the members' predictions are
            averaged. For the others see `Answers`.

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> fitted = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> model = fitted.model_
        >>> model.class_names
        ('high', 'low')
        >>> model.predict([[0.1], [0.9]]).tolist()
        ['low', 'high']
        >>> model.probabilities([[0.1]]).shape
        (1, 2)
        >>> model.sets([[0.1]], coverage=0.8).tolist()
        [[False, True]]
    """

    network: Network | MixedNetworks

    @classmethod
    def of_images(
        cls,
        network: Network,
        image_shape: tuple[int, int],
        class_names: Sequence[str],
        details: dict[str, Any] | None = None,
    ) -> "Model":
        """A classifier of images.

        Args:
            network: takes flattened images as bytes.
            image_shape: height and width of the images.
            class_names: a name for each output.
            details: how the model was trained; kept in the file.
        """
        targets = Targets.of_class_names(class_names)
        return cls(None, ImageEncoder(image_shape), targets, network, details=details or {})

    @property
    def leading(self) -> Network:
        """The population; of a mixture that of the largest share."""
        return self.network if isinstance(self.network, Network) else self.network.networks[0]

    @property
    def mixture(self) -> Mixture | None:
        """The other populations of a mixture; None where there is one."""
        if isinstance(self.network, Network):
            return None
        others = [
            (other.spec, {name: view.numpy() for name, view in other.named_parameters()})
            for other in self.network.networks[1:]
        ]
        return Mixture(self.network.shares, tuple(others))

    @property
    def spec(self) -> NetworkSpec:
        """The networks' shape; of a mixture that of the first population."""
        return self.network.spec

    @property
    def num_members(self) -> int:
        """Number of networks whose predictions are averaged."""
        return self.network.num_members

    @property
    def parameters(self) -> dict[str, NDArray[np.float32]]:
        """Parameters of all members by slot name, (num_members, …); of a mixture the first's."""
        return {name: view.numpy() for name, view in self.leading.named_parameters()}

    def encoded_outputs(self, inputs: NDArray[Any]) -> Array:
        """See `Answers`."""
        if not (inputs.flags.c_contiguous and inputs.flags.writeable):  # for torch.from_numpy
            inputs = np.require(inputs, requirements=["C", "W"])
        if self._compiled is not None and not is_in_training():
            found = self._compiled.outputs(inputs, num_threads=torch.get_num_threads())
            if found is not None:
                return found
        outputs: Array = self._answering.logits(torch.from_numpy(inputs)).numpy()
        return outputs

    def single_precision_outputs(
        self, inputs: NDArray[np.float32], member: int | None = None
    ) -> Array:
        """See `Answers`."""
        network = self.network if member is None else self.network.member(member)
        outputs: Array = network.logits(torch.from_numpy(inputs)).numpy()
        return outputs

    @cached_property
    def _answering(self) -> Network | MixedNetworks:
        """The population in the dtype of the encoder's `answer_dtype`."""
        return self.network if self.encoder.answer_dtype is np.float32 else self.network.double

    @cached_property
    def _compiled(self) -> CompiledAnswers | None:
        """Answers in float64; None for images, mixtures, and off the processor."""
        network = self._answering
        if not isinstance(network, Network) or network.parameters.device.type != "cpu":
            return None
        if network.parameters.dtype != torch.float64:
            return None
        return CompiledAnswers(network.spec, network.parameters.numpy())

    def __getstate__(self) -> dict[str, Any]:
        """The fields only, without cached properties."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


ImageModel = TableModel = Model  # the names until version 0.2
