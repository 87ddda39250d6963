"""A training that rank 0 has prepared, sent to the ranks that train with it.

Only rank 0 reads the user's data and writes the run. The others get the first weights, the
settings, the encoded rows and the state to go on from, and need nothing of their own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.encoding.one_hot_block import OneHotBlock
from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.distributed import Ranks
from multilayer.engine.network import Network
from multilayer.engine.rank_messages import receive, send
from multilayer.engine.rank_rows import RankRows
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import TrainingState
from multilayer.errors import DistributedError

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class RankTask:
    """What `train` is given, on each rank.

    Attributes:
        network: the first weights.
        examples: the training rows.
        members: the settings of each network.
        validation: the rows that are scored.
        rows: the training rows of each member; None: all.
        validation_rows: the validation rows of each member; None: all.
        state: where to go on; None: the beginning.
        shared: rows on the disk; None: in memory.
    """

    network: Network
    examples: Examples | ChunkedExamples
    members: list[TrainingSettings]
    validation: Examples | None = None
    rows: Sequence[Tensor] | None = None
    validation_rows: Sequence[Tensor] | None = None
    state: TrainingState | None = None
    shared: RankRows | None = None

    def send(self, ranks: Ranks) -> None:
        """Send it from rank 0, while the others `receive`.

        Raises:
            TableError: the rows cannot be read.
            DistributedError: a rank has ended or cannot be reached.
        """
        _announce(ranks)
        spec = self.network.spec
        arrays: Arrays = {"parameters": self.network.parameters.detach().cpu().numpy()}
        document: dict[str, Any] = {
            "spec": asdict(spec),
            "members": [asdict(member) for member in self.members],
            "chunk_bytes": None,
        }
        if isinstance(self.examples, ChunkedExamples):
            document["chunk_bytes"] = self.examples.chunk_bytes
        else:
            _put(arrays, document, "training", self.examples)
        if self.validation is not None:
            _put(arrays, document, "validation", self.validation)
        for name, numbers in (("rows", self.rows), ("validation_rows", self.validation_rows)):
            document[name] = None if numbers is None else len(numbers)
            arrays |= {f"{name} {k}": one.numpy() for k, one in enumerate(numbers or ())}
        document["state"] = None
        if self.state is not None:
            document["state"], of_state = self.state.contents()
            arrays |= {f"state/{name}": array for name, array in of_state.items()}
        send(ranks, document, arrays)
        if isinstance(self.examples, ChunkedExamples):
            RankRows.shared(ranks, self.examples.rows)

    @classmethod
    def receive(cls, ranks: Ranks) -> "RankTask | None":
        """Wait for a task of rank 0, however long that takes; None: there is nothing to do.

        Raises:
            OutputError: rows cannot be copied to this machine's disk.
            DistributedError: a rank has ended or cannot be reached.
        """
        if ranks.watch is not None:
            reason = ranks.watch.wait_for_announcement()
            if reason is not None:
                raise DistributedError(reason)
        document, arrays = receive(ranks)
        if not document:
            return None
        shared, examples = None, None
        if document["chunk_bytes"] is not None:
            shared = RankRows.shared(ranks)
        parameters = torch.from_numpy(arrays["parameters"])
        state = None
        if document["state"] is not None:
            of_state = {
                name.removeprefix("state/"): array
                for name, array in arrays.items()
                if name.startswith("state/")
            }
            state = TrainingState.of_contents(document["state"], of_state)
        if shared is None:
            examples = _taken(arrays, document, "training")
            assert examples is not None
        return cls(
            Network.of(_spec(document["spec"]), parameters),
            ChunkedExamples(shared.rows, document["chunk_bytes"]) if shared else examples,  # type: ignore[arg-type]
            [TrainingSettings(**member) for member in document["members"]],
            _taken(arrays, document, "validation"),
            _numbers(arrays, document, "rows"),
            _numbers(arrays, document, "validation_rows"),
            state,
            shared,
        )


def _spec(document: dict[str, Any]) -> NetworkSpec:
    blocks = tuple(
        OneHotBlock(block["place"], tuple(block["absent"]), tuple(block["present"]))
        for block in document["one_hot_blocks"]
    )
    return NetworkSpec(**{**document, "one_hot_blocks": blocks})


def send_nothing(ranks: Ranks) -> None:
    """Let the ranks that wait for a task end, as there is none."""
    _announce(ranks)
    send(ranks, {}, {})


def _announce(ranks: Ranks) -> None:
    if ranks.watch is not None:
        ranks.watch.announce()


def _put(arrays: Arrays, document: dict[str, Any], name: str, examples: Examples) -> None:
    parts = (examples.inputs, examples.targets, examples.weights)
    for part, tensor in zip(("inputs", "targets", "weights"), parts, strict=True):
        if tensor is not None:
            arrays[f"{name} {part}"] = np.ascontiguousarray(tensor.cpu().numpy())
    document[f"{name} image_shape"] = examples.image_shape


def _taken(arrays: Arrays, document: dict[str, Any], name: str) -> Examples | None:
    if f"{name} inputs" not in arrays:
        return None
    inputs, targets, weights = (
        torch.from_numpy(arrays[f"{name} {part}"]) if f"{name} {part}" in arrays else None
        for part in ("inputs", "targets", "weights")
    )
    assert inputs is not None
    assert targets is not None
    shape = document[f"{name} image_shape"]
    return Examples(inputs, targets, weights, None if shape is None else (shape[0], shape[1]))


def _numbers(arrays: Arrays, document: dict[str, Any], name: str) -> list[Tensor] | None:
    if document[name] is None:
        return None
    return [torch.from_numpy(arrays[f"{name} {k}"]) for k in range(document[name])]
