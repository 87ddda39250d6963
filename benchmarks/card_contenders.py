"""Ways to train a case on a graphics card, or on the processor where that is rehearsed.

Each ends a turn when the device is through with it. Precisions: "float32"; "TF32", what our setting
`precision=medium` allows; and "bfloat16", in which our engine keeps all numbers, and the others
compute under autocast with weights of float32.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from multilayer.proofs.bench_cases import CASES, BenchCase, Contender
from multilayer.proofs.bench_contenders import autograd, engine

PRECISIONS = ("float32", "TF32", "bfloat16")
WIDE = BenchCase("W", (784, 4096, 4096, 10), "adam", 0.001, 4096, num_steps=12)
# Epochs long enough that what is done once in each does not count.
CARD_CASES = {
    "S": replace(CASES["S"], num_steps=480),
    "T": replace(CASES["T"], num_steps=800),
    "L": replace(CASES["L"], num_steps=120),
    "W": WIDE,
}
TINY_CASES = {
    name: replace(case, widths=(case.widths[0] // 8, 8, case.widths[-1]), batch_size=8, num_steps=4)
    for name, case in CARD_CASES.items()
}
Rows = tuple[Any, Any]


def our_engine(
    case: BenchCase, rows: Rows, device: str, precision: str, members: int = 1
) -> Contender:
    """The engine; `next` of its epochs ends with the losses on the processor, so it has waited."""
    return engine(
        case, *rows, members,
        torch.bfloat16 if precision == "bfloat16" else torch.float32,
        device=device, precision="medium" if precision == "TF32" else "highest",
    )  # fmt: skip


def eager(case: BenchCase, rows: Rows, device: str, precision: str) -> Contender:
    """torch.nn, autograd and torch.optim over batches gathered on the device."""
    return _by_autograd(case, rows, device, precision, lambda loss: loss)


def compiled(case: BenchCase, rows: Rows, device: str, precision: str) -> Contender:
    """The same with forward pass, loss and their gradients compiled."""
    options = {} if device == "cuda" else {"backend": "eager"}  # a rehearsal builds nothing
    return _by_autograd(case, rows, device, precision, lambda loss: torch.compile(loss, **options))


def reduced(case: BenchCase, rows: Rows, device: str, precision: str) -> Contender:
    """Compiled in the mode that launches CUDA graphs."""
    options = {"mode": "reduce-overhead"} if device == "cuda" else {"backend": "eager"}
    return _by_autograd(case, rows, device, precision, lambda loss: torch.compile(loss, **options))


def jax_scan(case: BenchCase, rows: Rows, device: str, precision: str) -> Contender:
    """A whole epoch as one compiled scan.

    Raises:
        ImportError: JAX is not installed, or has no such device.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch is on the card too
    import jax
    from contenders_jax import scan

    if jax.default_backend() != ("gpu" if device == "cuda" else "cpu"):
        raise ImportError(f"JAX {jax.__version__} is installed without CUDA")
    names = {"float32": "highest", "TF32": "tensorfloat32", "bfloat16": "bfloat16"}
    jax.config.update("jax_default_matmul_precision", names[precision])
    return scan(case, *rows)


CONTENDERS: dict[str, Callable[[BenchCase, Rows, str, str], Contender]] = {
    "engine": our_engine,
    "eager PyTorch": eager,
    "torch.compile": compiled,
    "torch.compile, reduce-overhead": reduced,
    "JAX scan": jax_scan,
}


def _by_autograd(
    case: BenchCase, rows: Rows, device: str, precision: str, compile_: Callable[..., Any]
) -> Contender:
    inputs, classes = (torch.from_numpy(part).to(device) for part in rows)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(inputs), device=device)
        return ((inputs[batch], classes[batch]) for batch in order.split(case.batch_size))

    def cast(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if precision != "bfloat16":
            return loss

        def loss_of(rows: Tensor, classes: Tensor) -> Tensor:
            with torch.autocast(device, torch.bfloat16):
                return loss(rows, classes)

        return loss_of

    with torch.device(device):
        contender = autograd(case, batches, lambda loss: compile_(cast(loss)))

    def run(num_epochs: int) -> None:
        with tensor_float(precision == "TF32"):
            contender.train(num_epochs)
            wait_for(device)

    return Contender(run)


@contextlib.contextmanager
def tensor_float(is_allowed: bool) -> Iterator[None]:
    """Let products round to TF32 while the block runs, or not."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if is_allowed else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def wait_for(device: str) -> None:
    """Until all that was launched is done."""
    if device == "cuda":
        torch.cuda.synchronize()


def losses_of(case: BenchCase, device: str, dtype: torch.dtype, **changes: Any) -> list[float]:
    """The loss of each of three epochs of the engine, from the same weights on the same batches."""
    from multilayer import Examples, Network, NetworkSpec, TrainingSettings, train

    inputs, classes = (torch.from_numpy(part) for part in case.examples())
    settings = TrainingSettings(
        hidden_widths=case.widths[1:-1], optimizer=case.optimizer, batch_size=case.batch_size,
        learning_rate=case.learning_rate, max_epochs=3, device=device, **changes,
    )  # fmt: skip
    spec = NetworkSpec(case.widths[0], case.widths[-1], case.widths[1:-1])
    network = Network.initialized(spec, dtype=dtype)
    rows = Examples(inputs.to(dtype), classes)
    return [record.train_loss[0] for record in itertools.chain(train(network, rows, settings))]
