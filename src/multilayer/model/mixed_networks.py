"""Populations of several shapes that answer together, as one population would."""

from collections.abc import Sequence

import torch
from torch import Tensor

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.model.mixing import OutputKind, mixed_outputs


class MixedNetworks:
    """Populations of equally many members; member f is the mixture of the members f of all.

    It stands where a `Network` does that is asked, not trained: what it gives are outputs from
    which softmax makes the mixture's probabilities (see `mixed_outputs`).

    Args:
        networks: the populations, that of the largest share first.
        shares: of each in the mixture, above 0; they sum to 1.
        kind: what the outputs are.
    """

    def __init__(
        self, networks: Sequence[Network], shares: Sequence[float], kind: OutputKind
    ) -> None:
        self.networks, self.shares, self.kind = tuple(networks), tuple(shares), kind
        self.num_members = self.networks[0].num_members

    def __repr__(self) -> str:
        return f"<MixedNetworks: {len(self.networks)} populations of {self.num_members}>"

    @property
    def spec(self) -> NetworkSpec:
        """The shape of the first of them, which has the inputs and outputs of all."""
        return self.networks[0].spec

    @property
    def num_parameters(self) -> int:
        """Of one member, that is of a network of each population."""
        return sum(network.spec.num_parameters for network in self.networks)

    def member(self, number: int) -> "MixedNetworks":
        """One member, over the same memory."""
        return self._of([network.member(number) for network in self.networks])

    def of_members(self, numbers: Sequence[int]) -> "MixedNetworks":
        """Some of the members, as a copy; this mixture itself where they are all of it."""
        if len(numbers) == self.num_members:
            return self
        return self._of([network.of_members(numbers) for network in self.networks])

    @property
    def double(self) -> "MixedNetworks":
        """The same in float64, as a copy."""
        return self._of([network.double for network in self.networks])

    def logits(self, inputs: Tensor) -> Tensor:
        """The mixed outputs, (num_members, num_rows, num_outputs); see `Network.logits`."""
        outputs = (network.logits(inputs).cpu().numpy() for network in self.networks)
        return torch.from_numpy(mixed_outputs(outputs, self.shares, self.kind))

    def _of(self, networks: Sequence[Network]) -> "MixedNetworks":
        return MixedNetworks(networks, self.shares, self.kind)
