"""Processes that train together end as one process would, however many they are."""

import re
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
from fork_server import ForkServer
from rank_jobs import start_ranks, wait

HOST = socket.gethostname()

# Trains alone or as a rank, and keeps the parameters of each case.
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from multilayer.encoding.encoded_map import EncodedRows, RowFile
from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.distributed import joined
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import TrainingState
from multilayer.engine.training import train

folder = Path(sys.argv[1])
source = generator(0, "blobs")
labels = torch.randint(3, (97,), generator=source)
inputs = 2 * torch.randn(3, 4, generator=source)[labels] + torch.randn(97, 4, generator=source)
weights = torch.rand(97, generator=source)
weights[torch.rand(97, generator=source) < 0.4] = 0
spec = NetworkSpec(4, 3, (16,))
normed = NetworkSpec(4, 3, (16,), batch_norm=True)
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
    "dropout": (
        [replace(plain, seed=seed, dropout=0.3, input_dropout=0.1) for seed in range(2)], {}
    ),
    "batch norm": (replace(plain, batch_norm=True), {"spec": normed}),
    "on the disk": (
        [replace(plain, seed=seed, batch_size=4, dropout=0.3) for seed in range(2)],
        {"weights": weights, "chunk_bytes": 2000},
    ),
    "on the disk, in fewer lanes than ranks": (
        replace(plain, batch_size=4), {"chunk_bytes": 300}
    ),
    "on the disk, all at once": (replace(plain, batch_size=16), {"chunk_bytes": 10**6}),
}


def on_disk(examples, chunk_bytes):
    files = []
    for name in ("inputs", "targets", "weights"):
        tensor = getattr(examples, name)
        if tensor is None:
            files.append(None)
            continue
        path = folder / f"{name}-{sys.argv[2]}.bin"
        path.write_bytes(tensor.numpy().tobytes())
        files.append(RowFile(path, str(tensor.numpy().dtype), tuple(tensor.shape[1:])))
    return ChunkedExamples(EncodedRows(len(examples), *files, "blobs"), chunk_bytes)


class Keeper:
    def __init__(self, num_batches):
        self.left, self.state = num_batches, None

    def is_due(self, *, is_epoch_over):
        self.left -= not is_epoch_over
        return self.left <= 0 and not is_epoch_over and self.state is None

    def keep(self, state):
        self.state = state


results = {}
with joined() as ranks:
    for name, (settings, options) in CASES.items() if len(sys.argv) > 3 else ():
        options = dict(options)
        of_rows = options.pop("weights", None)
        shape = options.pop("spec", spec)
        chunk_bytes = options.pop("chunk_bytes", None)
        examples = Examples(
            inputs.double(), labels, None if of_rows is None else of_rows.double()
        )
        learned = examples if chunk_bytes is None else on_disk(examples, chunk_bytes)
        seeds = range(len(settings)) if isinstance(settings, list) else [0]
        # Ranks begin with rank 0's weights, whatever their own are.
        if ranks is not None and ranks.rank == 1:
            seeds = [seed + 100 for seed in seeds]
        network = Network.initialized(shape, seeds, dtype=torch.float64)
        *_, last = train(network, learned, settings, validation=examples, **options)
        results[name] = network.parameters.numpy()
        results[name + ", losses"] = np.array(
            [last.train_loss, last.validation.loss, [last.epoch] * len(seeds)]
        )
    # A state in the middle of an epoch, and where it leads in any number of processes.
    settings = [
        replace(plain, seed=seed, optimizer="adam", dropout=0.3, average_decay=0.9,
                selection="loss", batch_size=4)
        for seed in range(2)
    ]
    examples = Examples(inputs.double(), labels, weights.double())
    network, keeper = Network.initialized(spec, range(2), dtype=torch.float64), Keeper(40)
    for _ in train(network, examples, settings, validation=examples, keeper=keeper):
        pass
    results["whole"] = network.parameters.numpy()
    if ranks is None or ranks.rank == 0:
        keeper.state.save(folder / f"state-{1 if ranks is None else ranks.size}.safetensors")
    for path in sorted(Path(sys.argv[3]).glob("state-*")) if len(sys.argv) > 3 else []:
        network = Network.initialized(spec, [7, 8], dtype=torch.float64)
        state = TrainingState.load(path)
        for _ in train(network, examples, settings, validation=examples, state=state):
            pass
        results[f"from {path.stem}"] = network.parameters.numpy()
np.savez(folder / f"{sys.argv[2]}.npz", **results)
"""


@pytest.fixture(scope="module")
def outcomes(forks: ForkServer, tmp_path_factory) -> list[list[dict[str, np.ndarray]]]:
    """What each of 1, 2 and 3 processes ends with in each case."""
    first, folder = tmp_path_factory.mktemp("begun"), tmp_path_factory.mktemp("ranks")
    # Compiled code looks up after each batch, as the twin does, and not fifty times a second.
    program = f"""
import warnings
from multilayer.engine.compiled import compiled_step
compiled_step._SECONDS_AT_ONCE = 0.0
warnings.simplefilter("ignore")
{PROGRAM}"""
    begun = start_ranks(forks, program, first, "alone", num_ranks=1)
    assert wait(begun + start_ranks(forks, program, first, "{rank}", num_ranks=3)) == [(0, "")] * 4
    jobs = [
        start_ranks(forks, program, folder, f"{size}-{{rank}}", first, num_ranks=size)
        for size in (1, 2, 3)
    ]
    assert wait([rank for job in jobs for rank in job]) == [(0, "")] * 6
    return [
        [dict(np.load(folder / f"{size}-{rank}.npz")) for rank in range(size)] for size in (1, 2, 3)
    ]


def test_any_number_of_processes_ends_as_one_on_the_same_batches(outcomes):
    [alone], *others = outcomes
    assert len(alone) == 29
    for ranks in others:
        for key, expected in alone.items():
            np.testing.assert_allclose(ranks[0][key], expected, atol=1e-12, rtol=0, err_msg=key)
            for other in ranks[1:]:
                np.testing.assert_array_equal(other[key], ranks[0][key], err_msg=key)


def test_a_state_goes_on_in_any_number_of_processes_bit_for_bit_in_the_same(outcomes):
    for size, (first, *_) in zip((1, 2, 3), outcomes, strict=True):
        for begun in (1, 3):
            ended = first[f"from state-{begun}"]
            np.testing.assert_allclose(ended, first["whole"], atol=1e-12, rtol=0)
            if size == begun:
                np.testing.assert_array_equal(ended, first["whole"])


LONG = """
import sys
from multilayer.cli import main
main(["train", sys.argv[1], "--max-epochs", "100000", "--output", sys.argv[2]])
"""


def begun(forks: ForkServer, *arguments: str | Path, num_ranks: int = 2, **env: str):
    """Ranks that have trained for an epoch."""
    processes = start_ranks(forks, LONG, *arguments, num_ranks=num_ranks, **env)
    while "epoch 2/" not in (line := processes[0].stdout.readline()):
        assert line, processes[0].stderr.read()
    return processes


def test_a_killed_rank_ends_the_others_with_one_clear_error(forks, small_folder, tmp_path):
    job = {"GROUP_RANK": "0"}  # on one machine, as torchrun says
    processes = begun(forks, small_folder, tmp_path / "run", num_ranks=3, **job)
    processes[1].kill()
    ended = wait(processes, 30)
    assert [code for code, _ in ended] == [1, -signal.SIGKILL, 1]
    assert sorted(errors for _, errors in ended) == [
        "", "", f"error: rank 1 of 3 on {HOST}: killed, or cut off, as nothing is heard any more\n"
    ]  # fmt: skip


def test_a_rank_that_hangs_shows_where_and_ends_all(forks, small_folder, tmp_path):
    hanging = """
import time
from multilayer.engine import batches
gather, counts = batches.BatchSource._gather, []
def waits_for_a_disk(*arguments):
    counts.append(1)
    if len(counts) == 5 and os.environ["RANK"] == "1":
        time.sleep(1000)
    return gather(*arguments)
batches.BatchSource._gather = waits_for_a_disk
"""
    job = {"GROUP_RANK": "0", "MULTILAYER_HANG_SECONDS": "3"}
    processes = start_ranks(
        forks, f"import os\n{hanging}\n{LONG}", small_folder, tmp_path / "run", **job
    )
    (first, errors), (second, stack) = wait(processes, 60)
    assert (first, second) == (1, 1)
    reason = "has not come to its next batch in 3 s, and is ended"
    assert (errors + stack).count(f"error: rank 1 of 2 on {HOST}: {reason}\n") == 1
    assert f"rank 1 of 2 on {HOST} hangs here:" in stack
    assert "in waits_for_a_disk" in stack


def test_a_rank_that_cannot_reach_the_others_says_so(forks):
    program = (
        "from multilayer.engine import distributed\n"
        "distributed._SECONDS_TO_MEET = 1\n"
        "from multilayer.cli import main\n"
        "main(['train', 'digits'])"
    )
    [first] = start_ranks(forks, program, num_ranks=1, RANK="1", WORLD_SIZE="2")
    [(code, errors)] = wait([first])
    assert code == 1
    assert re.fullmatch(
        r"error: this process cannot reach the others of its job, RANK=1, WORLD_SIZE=2, "
        r"MASTER_ADDR=127\.0\.0\.1, MASTER_PORT=\d+: .*\n",
        errors,
    )


@pytest.mark.parametrize(
    ("num_ranks", "change", "message"),
    [
        (
            3,
            "batch_size = 2",
            "a batch of 2 rows has none for some of 3 processes; .* at most 2, .* of at least 3",
        ),
        (
            2,
            "rows = rows + ranks.rank",
            rf"rank 1 of 2 on {HOST} was not given the same: data training rows on .* is \w+…, .*",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_on_every_rank(forks, num_ranks, change, message):
    program = f"""
import torch
from multilayer.engine.batches import Examples
from multilayer.engine.distributed import joined
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import SettingsError
rows, batch_size = torch.zeros(64, 4), 32
with joined() as ranks:
    {change}
    examples = Examples(rows, torch.zeros(len(rows), dtype=torch.int64))
    network = Network.initialized(NetworkSpec(4, 3))
    try:
        next(train(network, examples, TrainingSettings(batch_size=batch_size)))
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1)
"""
    for code, errors in wait(start_ranks(forks, f"import sys\n{program}", num_ranks=num_ranks)):
        assert code == 1
        assert re.fullmatch(message + "\n", errors)


def test_another_version_on_one_rank_is_named(forks):
    program = """
import os
from multilayer.engine import distributed
of_ours = distributed.versions()
if os.environ["RANK"] == "1":
    distributed.versions = lambda: {**of_ours, "torch": "1.0"}
from multilayer.cli import main
main(["train", "digits"])
"""
    ended = wait(start_ranks(forks, program, num_ranks=2, GROUP_RANK="0"))
    assert [code for code, _ in ended].count(0) == 0
    errors = "".join(errors for _, errors in ended)
    assert re.fullmatch(
        rf"error: rank 1 of 2 on {HOST} has torch 1\.0, and rank 0 of 2 on {HOST} has 2\.\S+; "
        r"install the same version on all machines\n",
        errors,
    )
