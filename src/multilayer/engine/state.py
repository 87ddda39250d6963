"""Everything that training needs to go on, as one value and as one file.

Whatever changes while training and is not written down here would make a resumed run another run:
a part of the engine with a memory has `state()`, which copies it into named tensors, and
`restore()`, which puts them back.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.fingerprints import as_json, versions
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord
from multilayer.engine.saved_history import (
    history_arrays,
    history_of_arrays,
    record_of_json,
    whole_number,
)
from multilayer.engine.settings import TrainingSettings, settings_of_earlier
from multilayer.errors import ModelFileError

KIND = "training_state"
_HISTORY = "history"  # the part of a file that holds the records
_BYTES_OF_A_PIECE = 1 << 22


@dataclass(frozen=True, eq=False)
class TrainingState:
    """Where a training is, between two of its batches.

    Attributes:
        epoch: the one that goes on, from 1; after the last one it is one more.
        num_batches_done: of that epoch.
        num_threads: that the fit runs on.
        seconds: that this epoch has taken so far.
        fingerprint: what the training is of: data, settings, versions; see `fingerprint_of`.
        history: the records of the epochs before.
        parts: the memory of each part of the engine, by part and name: parameters, moments of the
            optimiser, averages, generators, losses of this epoch, the selection.
        num_ranks: processes that train together. The parts are the same on each, and do not
            depend on their number but for rounding.

    Examples:
        >>> import torch
        >>> from multilayer import Examples, Network, NetworkSpec, recipe, train
        >>> inputs = torch.linspace(-1, 1, 64).reshape(-1, 1)
        >>> rows = Examples(inputs, (inputs[:, 0] > 0).long())
        >>> settings = recipe("chapter", learning_rate=0.5, max_epochs=30, batch_size=16)
        >>> network = Network.initialized(NetworkSpec(1, 2, (8,)), seeds=[0])
        >>> class Keeper:
        ...     def is_due(self, *, is_epoch_over):
        ...         return is_epoch_over
        ...     def keep(self, state):
        ...         self.state = state
        ...
        >>> keeper = Keeper()
        >>> epochs = train(network, rows, settings, keeper=keeper)
        >>> first = next(epochs)
        >>> epochs.close()
        >>> rest = train(network, rows, settings, state=keeper.state)
        >>> [record.epoch for record in rest][:2]
        [2, 3]
    """

    epoch: int
    num_batches_done: int
    num_threads: int
    seconds: float
    fingerprint: dict[str, Any]
    history: tuple[EpochRecord, ...]
    parts: dict[str, dict[str, Tensor]]
    num_ranks: int = 1

    @property
    def score(self) -> float | None:
        """How good the last whole epoch was, the larger the better; None where nothing says so.

        The mean over the members of the accuracy, or of the negative loss where the targets are
        no classes.
        """
        validation = self.history[-1].validation if self.history else None
        if validation is None:
            return None
        values = validation.accuracy or tuple(-loss for loss in validation.loss)
        score = sum(values) / len(values)
        return score if math.isfinite(score) else None

    def of_members(self, members: Sequence[int], fingerprint: dict[str, Any]) -> "TrainingState":
        """Where a training of some of the members is, between two epochs.

        A member goes on as it would beside the others, but for rounding: sums over fewer members
        may be taken in another order.

        Args:
            members: their numbers, ascending. Where members have rows of their own, those that are
                left must have as few as the fewest had before.
            fingerprint: of the training that goes on.
        """
        assert self.num_batches_done == 0
        chosen = list(members)
        batches = self.parts["batches"]
        if len(batches["sources"]) > 1:
            batches = {name: tensor[chosen] for name, tensor in batches.items()}
        step = {  # its counters are those of all members
            name: tensor[chosen] if tensor.dim() > 1 else tensor
            for name, tensor in self.parts["step"].items()
        }
        parts = {
            **self.parts,
            "batches": batches,
            "network": {"parameters": self.parts["network"]["parameters"][chosen]},
            "step": step,
            "selection": {name: tensor[chosen] for name, tensor in self.parts["selection"].items()},
        }
        return replace(self, fingerprint=fingerprint, history=(), parts=parts)

    def save(self, path: str | Path) -> str:
        """Write the state as one file, whole or not at all.

        Returns:
            The file's SHA-256.

        Raises:
            OutputError: it cannot be written.
        """
        return write_container(path, KIND, *self.contents())

    def contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The state as a document of JSON and arrays by name, which share its memory."""
        document = {
            "epoch": self.epoch,
            "num_batches_done": self.num_batches_done,
            "num_threads": self.num_threads,
            "num_ranks": self.num_ranks,
            "seconds": self.seconds,
            "score": self.score,
            "fingerprint": self.fingerprint,
        }
        arrays = {
            f"{part}/{name}": tensor.numpy()
            for part, tensors in self.parts.items()
            for name, tensor in tensors.items()
        }
        arrays |= {f"{_HISTORY}/{n}": values for n, values in history_arrays(self.history).items()}
        return document, arrays

    @classmethod
    def load(cls, path: str | Path) -> "TrainingState":
        """Read a state back.

        Raises:
            ModelFileError: the file is missing, damaged or holds something else.
        """
        container = read_container(path, KIND)
        document = container.document
        keys = {"epoch", "num_batches_done", "num_threads", "seconds", "score", "fingerprint"}
        # The history once stood in the document, whose size is limited; older files have no ranks.
        container.check_keys(keys | ({"history", "num_ranks"} & set(document)))
        try:
            return cls.of_contents(document, container.arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{path} does not describe a training: {error!r}") from error

    @classmethod
    def of_contents(
        cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> "TrainingState":
        """The state that has these `contents`.

        Raises:
            KeyError, TypeError, ValueError: they are not those of a state.
        """
        by_part: dict[str, dict[str, NDArray[Any]]] = {}
        for name, array in arrays.items():
            part, _, name_in_part = name.partition("/")
            by_part.setdefault(part, {})[name_in_part] = array
        history = by_part.pop(_HISTORY, {})
        parts = {
            part: {name: torch.from_numpy(array) for name, array in of_part.items()}
            for part, of_part in by_part.items()
        }
        fingerprint = dict(document["fingerprint"])
        settings = fingerprint.get("settings", [])
        return cls(
            whole_number(document["epoch"], 1),
            whole_number(document["num_batches_done"], 0),
            whole_number(document["num_threads"], 1),
            float(document["seconds"]),
            {**fingerprint, "settings": [settings_of_earlier(of_one) for of_one in settings]},
            tuple(map(record_of_json, document["history"]))
            if "history" in document
            else history_of_arrays(history),
            parts,
            whole_number(document.get("num_ranks", 1), 1),
        )


class StateKeeper(Protocol):
    """Decides when the state of a training is kept, and keeps it."""

    def is_due(self, *, is_epoch_over: bool) -> bool:
        """Whether to keep the state now; asked after each batch and after each epoch."""

    def keep(self, state: TrainingState) -> None:
        """Keep a state, which nobody changes any more; at once or soon."""


def fingerprint_of(
    network: Network,
    members: Sequence[TrainingSettings],
    examples: Examples | ChunkedExamples,
    validation: Examples | None = None,
    rows: Sequence[Tensor] | None = None,
    validation_rows: Sequence[Tensor] | None = None,
) -> dict[str, Any]:
    """What a training is of, as plain JSON: network, settings of each member, data, versions.

    The arguments are those of `train`. Of the data there is a checksum, which takes each thread a
    second for a gigabyte and a half.
    """
    return {
        "network": as_json(network.spec.to_json()),
        "type of numbers": str(network.parameters.dtype).removeprefix("torch."),
        "settings": [as_json(asdict(member)) for member in members],
        "data": {
            "training rows": _digest(examples),
            "validation rows": _digest(validation),
            "training rows of the members": _digest(rows),
            "validation rows of the members": _digest(validation_rows),
        },
        "versions": versions(),
    }


def restore_tensor(target: Tensor, saved: Tensor) -> None:
    """Put saved values back into memory that others have views of.

    Raises:
        ValueError: they are not of the same type and shape.
    """
    if (target.dtype, target.shape) != (saved.dtype, saved.shape):
        raise ValueError(
            f"it has {saved.dtype} {tuple(saved.shape)} "
            f"where {target.dtype} {tuple(target.shape)} must be"
        )
    target.copy_(saved)


def _digest(rows: Examples | ChunkedExamples | Sequence[Tensor] | None) -> str | None:
    """SHA-256 of types, shapes, and the SHA-256 of each 4 MiB: a piece for each thread at once.

    Of rows on the disk it is what they were made of.
    """
    if rows is None:
        return None
    if isinstance(rows, ChunkedExamples):
        return rows.fingerprint
    if isinstance(rows, Examples):
        tensors = [rows.inputs, rows.targets, *([] if rows.weights is None else [rows.weights])]
    else:
        tensors = list(rows)
    whole, pieces = hashlib.sha256(), []
    for tensor in tensors:
        whole.update(f"{tensor.dtype} {tuple(tensor.shape)};".encode())
        flat = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        pieces += [
            flat[start : start + _BYTES_OF_A_PIECE].data
            for start in range(0, len(flat), _BYTES_OF_A_PIECE)
        ]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for digest in pool.map(lambda piece: hashlib.sha256(piece).digest(), pieces):
            whole.update(digest)
    return whole.hexdigest()
