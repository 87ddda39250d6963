"""Times the matrix products of a training step: MKL by way of PyTorch, and oneDNN.

    python benchmarks/products.py [--write]

Best of five rounds of 200 calls, float32. `forward` is x W + b, `weights` xᵀ g, `inputs` g Wᵀ.
"""

import argparse
import time
from collections.abc import Callable

import torch
from reporting import machine, markdown_table, write_result

from multilayer.engine import products

SHAPES = [
    (256, 784, 256), (256, 256, 10), (512, 784, 1024), (512, 1024, 1024), (512, 1024, 10),
    (200, 20, 128), (200, 128, 128), (256, 256, 256), (32, 64, 64), (1024, 784, 256),
]  # fmt: skip


def microseconds(call: Callable[[], object]) -> float:
    """Time of a call."""
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(200):
            call()
        rounds.append((time.perf_counter() - began) / 200)
    return min(rounds) * 1e6


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    products._LEAST_SIZE = 0
    rows = []
    for batch, num_inputs, num_outputs in SHAPES:
        x, w, b = torch.rand(batch, num_inputs), torch.rand(num_inputs, num_outputs), None
        y, b = torch.rand(batch, num_outputs), torch.rand(1, num_outputs)
        x_out, w_out, y_out = torch.empty_like(x), torch.empty_like(w), torch.empty_like(y)
        calls = {
            "forward": lambda x=x, w=w, b=b, out=y_out: products.affine(x, w, b, out),
            "weights": lambda x=x, y=y, out=w_out: products.add_product(x.mT, y, out, 1, 0),
            "inputs": lambda y=y, w=w, out=x_out: products.add_product(y, w.mT, out, 1, 0),
        }
        for name, call in calls.items():
            times = []
            for products._ONEDNN_IS_FASTER in (False, True):
                times.append(microseconds(call))
            rows.append(
                [
                    f"{batch} x {num_inputs} x {num_outputs}, {name}",
                    f"{batch * num_inputs * num_outputs / 1e6:.2f}",
                    *(f"{t:.1f}" for t in times),
                    f"{times[0] / times[1]:.2f}",
                ]
            )
    headers = ["batch x inputs x outputs", "million", "MKL, µs", "oneDNN, µs", "MKL / oneDNN"]
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}\n{markdown_table(headers, rows)}"
    print(text)
    if options.write:
        write_result("products", text)


if __name__ == "__main__":
    main()
