"""Networks that answer for the rows of a table, to be gone on with in PyTorch."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.network import Network
from multilayer.model.table_answers import Array, TableAnswers


@dataclass(frozen=True, eq=False, repr=False)
class TableModel(TableAnswers):
    """A population of networks with all that is needed between a raw row and its answer.

    Args:
        network: the population; its members' answers are averaged. For the others see
            `TableAnswers`.
    """

    network: Network

    def encoded_outputs(self, inputs: NDArray[np.float32]) -> Array:
        """See `TableAnswers`."""
        outputs: Array = self._exact_network.logits(torch.from_numpy(inputs)).numpy()
        return outputs

    @cached_property
    def _exact_network(self) -> Network:
        return Network.of(self.network.spec, self.network.parameters.double())

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what can be made again need not be kept."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
