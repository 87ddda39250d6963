"""Two processes that train together, as one process would."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Trains in float64 and float32, alone or as a rank, and keeps the parameters of each case.
PROGRAM = """
import sys
from dataclasses import replace

import numpy as np
import torch

from multilayer.engine.batches import Examples
from multilayer.engine.distributed import joined
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train

source = generator(0, "blobs")
labels = torch.randint(3, (97,), generator=source)
inputs = 2 * torch.randn(3, 4, generator=source)[labels] + torch.randn(97, 4, generator=source)
weights = torch.rand(97, generator=source)
weights[torch.rand(97, generator=source) < 0.4] = 0
spec = NetworkSpec(4, 3, (16,))
plain = TrainingSettings(hidden_widths=(16,), batch_size=32, max_epochs=4)
CASES = {  # 97 rows: the last batch has one, so that one rank has none of it
    "plain descent": (plain, {}),
    "adam": (replace(plain, optimizer="adam", weight_decay=0.01, schedule="cosine"), {}),
    "momentum, clipped": (replace(plain, momentum=0.9, max_gradient_norm=0.3), {}),
    "average": (replace(plain, average_decay=0.9), {}),
    "selection": (
        replace(plain, selection="loss", patience=2, learning_rate=2.0, max_epochs=30), {}
    ),
    "weights of rows": (replace(plain, batch_size=4), {"weights": weights}),
    "members with own settings": (
        [replace(plain, seed=seed, learning_rate=0.1 * (1 + seed)) for seed in range(3)], {}
    ),
    "members with own rows": (
        [replace(plain, seed=seed) for seed in range(3)],
        {"rows": [torch.arange(80) + 8 * seed for seed in range(3)]},
    ),
}
results = {}
with joined() as ranks:
    for dtype in (torch.float64, torch.float32):
        for name, (settings, options) in CASES.items():
            options = dict(options)
            weights = options.pop("weights", None)
            examples = Examples(
                inputs.to(dtype), labels, None if weights is None else weights.to(dtype)
            )
            seeds = [0] if name == "plain descent" or not isinstance(settings, list) else range(3)
            # Ranks begin with rank 0's weights, whatever their own are.
            if ranks is not None and ranks.rank == 1:
                seeds = [seed + 100 for seed in seeds]
            network = Network.initialized(spec, seeds, dtype=dtype)
            *_, last = train(network, examples, settings, validation=examples, **options)
            key = f"{name}, {dtype}"
            results[key] = network.parameters.numpy()
            results[key + ", losses"] = np.array(
                [last.train_loss, last.validation.loss, [last.epoch] * len(seeds)]
            )
np.savez(sys.argv[1], **results)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_ranks(*command: str | Path, num_ranks: int = 2, **options) -> list[subprocess.Popen[str]]:
    """A process for each rank; "{rank}" in an argument becomes its number."""
    port = free_port()
    processes = []
    for rank in range(num_ranks):
        job = {"RANK": rank, "WORLD_SIZE": num_ranks, "MASTER_ADDR": "127.0.0.1"}
        job |= {"MASTER_PORT": port, "OMP_NUM_THREADS": 1}
        process = subprocess.Popen(
            [str(part).replace("{rank}", str(rank)) for part in command],
            env={**os.environ, **{name: str(value) for name, value in job.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        processes.append(process)
    return processes


def wait(processes: list[subprocess.Popen[str]], seconds: float = 600) -> list[tuple[int, str]]:
    """Exit code and standard error of each."""
    try:
        errors = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, errors, strict=True)]


def run_ranks(program: str, *arguments: str | Path, num_ranks: int = 2) -> list[tuple[int, str]]:
    command = (sys.executable, "-W", "error", "-c", program, *arguments)
    return wait(start_ranks(*command, num_ranks=num_ranks))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> list[dict[str, np.ndarray]]:
    """What a process alone, rank 0 and rank 1 end with in each case."""
    folder = tmp_path_factory.mktemp("ranks")
    alone = folder / "alone.npz"
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM, alone], check=True)
    ended = run_ranks(PROGRAM, folder / "rank-{rank}.npz")
    assert ended == [(0, ""), (0, "")]
    return [dict(np.load(path)) for path in (alone, folder / "rank-0.npz", folder / "rank-1.npz")]


def test_two_processes_end_as_one_on_the_same_batches(outcomes):
    alone, first, second = outcomes
    assert len(alone) == 32
    for key, expected in alone.items():
        tolerance = 1e-12 if "float64" in key else 1e-5
        np.testing.assert_allclose(first[key], expected, atol=tolerance, rtol=0, err_msg=key)
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)


LONG = """
import sys
from multilayer.cli import main
main(["train", sys.argv[1], "--max-epochs", "100000", "--output", sys.argv[2]])
"""


def test_a_killed_rank_ends_the_other_with_one_clear_error(small_folder, tmp_path):
    first, second = start_ranks(
        sys.executable, "-W", "error", "-c", LONG, small_folder, tmp_path / "run"
    )
    while "epoch 2/" not in first.stdout.readline():
        assert first.poll() is None, first.stderr.read()
    second.send_signal(signal.SIGKILL)
    [(code, errors), _] = wait([first, second])
    assert code == 1
    assert re.fullmatch(
        r"error: rank 0 of 2 has lost the others: a process has ended or cannot be reached .*\n",
        errors,
    )


def test_a_rank_that_cannot_reach_the_others_says_so():
    program = (
        "from multilayer.engine import distributed\n"
        "distributed._SECONDS_TO_ANSWER = 2\n"
        "from multilayer.cli import main\n"
        "main(['train', 'digits'])"
    )
    job = {
        "RANK": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "TORCH_CPP_LOG_LEVEL": "FATAL",
    }  # as the command sets it before it loads PyTorch
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **job}, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: this process cannot reach the others of its job, RANK=1, WORLD_SIZE=2, "
        r"MASTER_ADDR=127\.0\.0\.1, MASTER_PORT=\d+: .*\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("num_ranks", "change", "message"),
    [
        (
            3,
            "",
            "a batch of 32 rows cannot be divided evenly among 3 processes; take a .* 30 or 33",
        ),
        (
            2,
            "rows = rows[ranks.rank:]",
            r"the 2 processes were not given the same rows and settings; rank \d has 6\d rows, .*",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_on_every_rank(num_ranks, change, message):
    program = f"""
import torch
from multilayer.engine.batches import Examples
from multilayer.engine.distributed import joined
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import SettingsError
rows = torch.zeros(64, 4)
with joined() as ranks:
    {change}
    examples = Examples(rows, torch.zeros(len(rows), dtype=torch.int64))
    network = Network.initialized(NetworkSpec(4, 3))
    try:
        next(train(network, examples, TrainingSettings(batch_size=32)))
    except SettingsError as error:
        raise SystemExit(str(error))
"""
    for code, errors in run_ranks(program, num_ranks=num_ranks):
        assert code == 1
        assert re.fullmatch(message + "\n", errors)
