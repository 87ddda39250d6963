"""What rank 0 tells the others: a document of JSON, and arrays."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.distributed import Ranks

_BYTES_AT_ONCE = 1 << 24  # so that a slow network is not taken for a dead one


def send(ranks: Ranks, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Send from rank 0 what the others `receive`.

    Raises:
        DistributedError: a rank has ended or cannot be reached.
    """
    described = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    text = json.dumps({"document": document, "arrays": described}).encode()
    ranks.copy_from_first(torch.tensor([len(text)]).to(ranks.device))
    exchange_bytes(ranks, np.frombuffer(text, np.uint8).copy())
    for array in arrays.values():
        exchange_bytes(ranks, np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def receive(ranks: Ranks) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The document and the arrays that rank 0 sends.

    Raises:
        DistributedError: a rank has ended or cannot be reached.
    """
    length = torch.zeros(1, dtype=torch.int64, device=ranks.device)
    ranks.copy_from_first(length)
    text = np.empty(int(length[0]), np.uint8)
    exchange_bytes(ranks, text)
    content = json.loads(text.tobytes())
    arrays = {}
    for name, dtype, shape in content["arrays"]:
        array = np.empty(shape, dtype)
        exchange_bytes(ranks, array.reshape(-1).view(np.uint8))
        arrays[name] = array
    return content["document"], arrays


def exchange_bytes(ranks: Ranks, content: NDArray[np.uint8]) -> None:
    """Make all ranks have the bytes of rank 0, in place; on each they are equally many.

    Raises:
        DistributedError: a rank has ended or cannot be reached.
    """
    for piece in _pieces(content):
        values = torch.from_numpy(piece).to(ranks.device)
        ranks.copy_from_first(values)
        if ranks.device.type != "cpu":
            piece[:] = values.cpu().numpy()


def _pieces(content: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(content), _BYTES_AT_ONCE):
        yield content[start : start + _BYTES_AT_ONCE]
