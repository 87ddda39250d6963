"""The engine in two processes, for `verify`: what each of them does, and who starts them."""

import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist

from multilayer.encoding.encoded_map import EncodedRows, RowFile
from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.distributed import GradientSum, Ranks
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step
from multilayer.errors import DistributedError
from multilayer.files import replace_atomically
from multilayer.fit.image_rows import image_examples
from multilayer.images.datasets import load_images
from multilayer.recipes.recipes import recipe

NUM_RANKS = 2
_ROWS_ON_DISK, _CHUNKS = 5000, 3


class TwoProcesses:
    """Trains the chapter's network in two processes, and tells what the first one saw.

    As a context manager it starts them, and ends them where they have not ended.

    Args:
        data: as `load_images` takes it.
        data_dir: likewise.
        num_steps: batches to train on before the last look.
        seed: address of the weights and the batches.
    """

    def __init__(
        self, data: str | Path, data_dir: str | Path | None, num_steps: int, seed: int
    ) -> None:
        self._task = {
            "data": str(data),
            "data_dir": None if data_dir is None else str(data_dir),
            "num_steps": num_steps,
            "seed": seed,
        }
        self._seen: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._processes = [
            subprocess.Popen(  # noqa: S603 (this very file)
                [sys.executable, "-m", __name__, json.dumps(self._task), self._folder.name, str(k)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for k in range(NUM_RANKS)
        ]
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        self._folder.cleanup()

    def difference_on_disk(self, dtype: torch.dtype) -> float:
        """How far two processes that read chunks from the disk are from one that does; waits.

        The largest difference in the parameters, after all batches.

        Raises:
            DistributedError: the processes failed.
        """
        return float(self._all_seen()[f"{dtype}/on disk"])

    def quantities(self, dtype: torch.dtype, num_steps: int) -> dict[str, Tensor]:
        """What rank 0 had when that many batches had been trained on; waits for it.

        Outputs are those of its own rows, every second one of the batch.

        Raises:
            DistributedError: the processes failed.
        """
        prefix = f"{dtype}/{num_steps}/"
        return {
            name.removeprefix(prefix): torch.from_numpy(values)
            for name, values in self._all_seen().items()
            if name.startswith(prefix)
        }

    def _all_seen(self) -> dict[str, Any]:
        """What rank 0 has written down, once the processes have ended."""
        if self._seen is None:
            for process in self._processes:
                _, errors = process.communicate()
                if process.returncode:
                    reason = (errors.strip().splitlines() or ["no reason given"])[-1]
                    raise DistributedError(f"training in two processes failed: {reason}")
            with np.load(Path(self._folder.name) / "seen.npz") as file:
                self._seen = dict(file)
        return self._seen


def _train_as_a_rank(task: dict[str, Any], folder: Path, rank: int) -> None:
    """Train in both precisions; rank 0 writes down what is looked at."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", f"file://{folder}/meeting", timedelta(minutes=1), NUM_RANKS, rank
    )
    ranks, settings = Ranks(), recipe("chapter", seed=task["seed"])
    dataset = load_images(task["data"], task["data_dir"])
    examples, num_classes = image_examples(dataset.train, dataset), len(dataset.class_names)
    spec = NetworkSpec(
        examples.inputs.shape[1], num_classes, settings.hidden_widths, input_scale=1 / 255
    )
    seen: dict[str, Any] = {}
    for dtype in (torch.float64, torch.float32):
        network = Network.initialized(spec, [settings.seed], settings.initialization, dtype)
        gradient_sum = GradientSum(network.parameters, ranks, None)
        step = Step(network, settings, gradient_sum=gradient_sum)
        source = BatchSource(
            examples, settings.batch_size, [generator(settings.seed, "shuffle")],
            part=(rank, ranks.size),
        )  # fmt: skip
        num_done = 0
        while num_done <= task["num_steps"]:
            for batch in source.epoch():
                if num_done > task["num_steps"]:
                    break
                prefix = f"{dtype}/{num_done}/"
                is_seen = num_done in {1, task["num_steps"]}
                if is_seen:
                    seen[prefix + "outputs"] = network.logits(batch.inputs[0])[0].numpy()
                    seen |= _slots(prefix + "parameter", network.parameters, spec)
                loss = step.run(batch)
                if is_seen:
                    seen[prefix + "loss"] = loss[0].clone().numpy()
                    seen |= _slots(prefix + "gradient", gradient_sum.gradient, spec)
                num_done += 1
        on_disk = _on_disk(examples, folder, ranks)
        together = _trained(on_disk, network.spec, dtype, task, ranks)
        if rank == 0:
            alone = _trained(on_disk, network.spec, dtype, task, None)
            seen[f"{dtype}/on disk"] = (together - alone).abs().max().numpy()
    if rank == 0:
        np.savez(folder / "seen.npz", **seen)
    dist.destroy_process_group()


def _on_disk(examples: Examples, folder: Path, ranks: Ranks) -> ChunkedExamples:
    """Some of the rows in files, to be read in chunks of a few batches."""
    files = []
    for name, tensor in (("inputs", examples.inputs), ("targets", examples.targets)):
        values = tensor[:_ROWS_ON_DISK].numpy()
        path = folder / f"{name}.bin"
        if ranks.rank == 0:
            with replace_atomically(path) as file:
                file.write(values.tobytes())
        files.append(RowFile(path, str(values.dtype), values.shape[1:]))
    ranks.texts("")  # rank 0 has written them
    inputs, targets = files
    num_rows = min(_ROWS_ON_DISK, len(examples))
    rows = EncodedRows(num_rows, inputs, targets, None, "verify")
    return ChunkedExamples(rows, rows.row_bytes * num_rows // _CHUNKS)


def _trained(
    examples: ChunkedExamples,
    spec: NetworkSpec,
    dtype: torch.dtype,
    task: dict[str, Any],
    ranks: Ranks | None,
) -> Tensor:
    """Parameters after so many batches of rows on the disk, alone or as a rank."""
    settings = recipe("chapter", seed=task["seed"])
    network = Network.initialized(spec, [settings.seed], settings.initialization, dtype)
    gradient_sum = None if ranks is None else GradientSum(network.parameters, ranks, None)
    step = Step(network, settings, gradient_sum=gradient_sum)
    source = BatchSource(
        examples, settings.batch_size, [generator(settings.seed, "shuffle")],
        part=(0, 1) if ranks is None else (ranks.rank, ranks.size),
    )  # fmt: skip
    num_left = task["num_steps"]
    while num_left > 0:
        for batch in source.epoch():
            step.run(batch)
            num_left -= 1
            if num_left == 0:
                break
    return network.parameters


def _slots(name: str, flat: Tensor, spec: NetworkSpec) -> dict[str, Any]:
    short = ("W1", "b1", "W2", "b2")
    return {
        f"{name} {slot_name}": slot.view(flat)[0].clone().squeeze(0).numpy()
        for slot_name, slot in zip(short, spec.parameter_slots, strict=True)
    }


if __name__ == "__main__":
    _train_as_a_rank(json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
