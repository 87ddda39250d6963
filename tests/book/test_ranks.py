"""The Trainer in two processes ends as in one."""

import os
import socket
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest

# 70 rows in batches of 23: the last batch has one row, so that one rank has none of it.
PROGRAM = """
import os, sys
import numpy as np
import torch
from torch import distributed as dist
import multilayer as d2l

if "RANK" in os.environ:
    dist.init_process_group("gloo")
rank = int(os.environ.get("RANK", "0"))


class Blobs(d2l.DataModule):
    def __init__(self, batch_size):
        super().__init__()
        self.save_hyperparameters()
        source = torch.Generator().manual_seed(0)
        self.y = torch.randint(3, (70,), generator=source)
        self.X = torch.randn(3, 4, generator=source)[self.y] + torch.randn(70, 4, generator=source)

    def get_dataloader(self, train):
        return self.get_tensorloader((self.X, self.y), train)


torch.manual_seed(5 if rank == 0 else 77)  # the ranks follow the first one
results = {}
for name, make in (
    ("scratch", lambda: d2l.MLPScratch(4, 3, 8, lr=0.1, sigma=0.5)),
    ("lazy", lambda: d2l.MLP(3, 8, lr=0.1)),
):
    model = make()
    trainer = d2l.Trainer(max_epochs=3, gradient_clip_val=0.5)
    trainer.fit(model, Blobs(batch_size=23))
    flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    results[name] = flat.numpy()
np.savez(sys.argv[1], **results)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(target: object, **job: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(target)],
        env={**os.environ, **{name: str(value) for name, value in job.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Parameters and what was printed: alone, first rank, second rank."""
    folder = tmp_path_factory.mktemp("ranks")
    job = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    targets = [folder / f"{number}.npz" for number in range(3)]
    processes = [start(targets[0]), *(start(targets[1 + k], RANK=k, **job) for k in range(2))]
    printed = []
    for process in processes:
        output, errors = process.communicate(timeout=timedelta(minutes=10).total_seconds())
        assert (process.returncode, errors) == (0, "")
        printed.append(output)
    return [dict(np.load(target)) for target in targets], printed


@pytest.mark.parametrize("name", ["scratch", "lazy"])
def test_two_processes_end_as_one(outcomes, name):
    (alone, first, second), _ = outcomes
    np.testing.assert_allclose(first[name], alone[name], atol=1e-5, rtol=0)
    np.testing.assert_array_equal(first[name], second[name])


def test_the_first_process_prints(outcomes):
    _, (alone, first, second) = outcomes
    assert first.count("epoch ") == alone.count("epoch ") == 6
    assert second == ""
