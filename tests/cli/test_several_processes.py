"""`multilayer train` as several processes, started by torchrun, by hand and in two networks."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fork_server import Forked
from rank_jobs import QUICK, free_port, job_environment, wait

from multilayer.cli.application import run as command
from multilayer.model.model_file import load_model
from multilayer.runs.run_documents import read_results
from multilayer.shards.shard_file import read_entry

FLAGS = ("--max-epochs", "3", "--hidden-widths", "32")
HOST = socket.gethostname()
Job = Callable[..., list[Forked]]


def parameters_of(run: Path) -> np.ndarray:
    return load_model(run / "model.safetensors").network.parameters.numpy()


def assert_same_network(run: Path, other: Path, tolerance: float = 1e-5) -> None:
    first, second = parameters_of(run), parameters_of(other)
    np.testing.assert_allclose(first, second, atol=tolerance, rtol=0)


def test_torchrun_trains_one_network_in_two_processes(multilayer, small_folder, tmp_path):
    by_itself = multilayer("train", small_folder, *FLAGS, "--output", "alone")
    assert by_itself.returncode == 0, by_itself.stderr
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "-m", "multilayer", "train", small_folder, *FLAGS, "--output", "run",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^epoch (\d)/3", done.stdout, re.MULTILINE) == ["1", "2", "3"]
    assert done.stdout.count("test accuracy ") == 1
    run, alone = (
        {path.name for path in (tmp_path / name).iterdir() if path.name != ".unfinished"}
        for name in ("run", "alone")
    )
    assert run == alone
    assert_same_network(tmp_path / "run", tmp_path / "alone")


@pytest.fixture
def start_job(start_multilayer, tmp_path) -> Job:
    """`multilayer train` in several processes of one machine, whose caches are the test's own."""

    def start(
        *arguments: str | Path, num_ranks: int = 2, before: str = "", **env: str
    ) -> list[Forked]:
        port = free_port()
        environment = {"GROUP_RANK": "0", "XDG_CACHE_HOME": str(tmp_path / "cache"), **env}
        return [
            start_multilayer(
                "train",
                *arguments,
                before=QUICK + before,
                **{**job_environment(rank, num_ranks, port), **environment},
            )
            for rank in range(num_ranks)
        ]

    return start


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """2,003 rows, which no number of processes divides evenly."""
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    source = np.random.default_rng(0)
    inputs = source.normal(size=(2003, 4)).round(3)
    labels = np.where(inputs[:, 0] * inputs[:, 1] + inputs[:, 2] > 0, "yes", "no")
    weights = source.integers(1, 4, len(inputs))
    lines = [
        f"{','.join(map(str, row))},{weight},{label}\n"
        for row, weight, label in zip(inputs, weights, labels, strict=True)
    ]
    path.write_text("a,b,c,d,w,y\n" + "".join(lines))
    return path


TABLE = ("--target", "y", "--recipe", "chapter", "--hidden-widths", "16", "--max-epochs")
CASES = {
    "in memory": ("3", "--weight", "w", "--validation", "0.2", "--selection", "loss"),
    "folds": ("2", "--num-folds", "3"),
    "refit": ("3", "--validation", "0.2", "--selection", "loss", "--refit"),
    "on the disk": ("3", "--weight", "w", "--memory-limit", "600MB", "--num-members", "2"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_two_and_three_processes_train_a_table_to_the_same_network(
    start_job, table, tmp_path, case
):
    flags = [*TABLE, *CASES[case], "--quiet"]
    jobs = [
        start_job(table, *flags, "--output", str(size), num_ranks=size,
                  XDG_CACHE_HOME=str(tmp_path / f"cache-{size}"))
        for size in (1, 2, 3)
    ]  # fmt: skip
    for job in jobs:
        [(code, _), *others] = wait(job)
        assert [(code, ""), *others] == [(0, "")] * len(job)
    for size in (2, 3):
        assert_same_network(tmp_path / str(size), tmp_path / "1", 1e-4)
    assert not list((tmp_path / "cache-3").rglob("*.bin"))  # the encoded rows are removed


def wait_for_epoch(job: list[Forked], number: int) -> None:
    assert job[0].stdout is not None
    assert job[0].stderr is not None
    while f"epoch {number}/" not in (line := job[0].stdout.readline()):
        assert line, job[0].stderr.read()


LONG = ("--target", "y", "--recipe", "chapter", "--hidden-widths", "16", "--batch-size", "64",
        "--checkpoint-every", "1", "--max-epochs")  # fmt: skip


def test_a_job_that_is_started_again_goes_on_in_another_number_of_processes(
    start_job, table, tmp_path
):
    torchrun = {"TORCHELASTIC_RUN_ID": "test"}
    for size, killed, epoch in ((3, 1, 2), (2, 0, 4)):
        job = start_job(table, *LONG, "7", "--output", "run", num_ranks=size, **torchrun)
        wait_for_epoch(job, epoch)
        job[killed].kill()
        codes = [code for code, _ in wait(job, 60)]
        assert sorted(codes) == sorted([-signal.SIGKILL, *[1] * (size - 1)])
    whole = start_job(table, *LONG, "7", "--output", "whole", num_ranks=3)
    [(code, errors), *others] = wait(start_job(table, *LONG, "7", "--output", "run", num_ranks=3,
                                               **torchrun))  # fmt: skip
    assert [(code, *more) for code, *more in others] == [(0, ""), (0, "")]
    assert code == 0
    assert "note: this job has begun the run run, and goes on with it\n" in errors
    assert "note: this training was in 2 processes and goes on in 3 processes" in errors
    assert [code for code, _ in wait(whole)] == [0, 0, 0]
    assert_same_network(tmp_path / "run", tmp_path / "whole", 1e-4)
    ended = wait(start_job(table, *LONG, "7", "--output", "run", num_ranks=2, **torchrun))
    assert ended == [(0, "note: this job has finished its run run already\n"), (0, "")]
    ended = wait(start_job(table, *LONG, "7", "--output", "run", TORCHELASTIC_RUN_ID="another"))
    assert sorted(code for code, _ in ended) == [1, 2]
    assert "the output folder run is not empty" in "".join(errors for _, errors in ended)


def test_a_run_is_resumed_by_more_and_by_fewer_processes(start_job, multilayer, table, tmp_path):
    for size, name in ((1, "one"), (3, "three"), (3, "again")):
        job = start_job(table, *LONG, "7", "--output", name, num_ranks=size)
        wait_for_epoch(job, 3)
        job[0].kill()
        wait(job, 60)
    resumed = [
        start_job("--resume", name, "--quiet", num_ranks=size)
        for size, name in ((3, "one"), (1, "three"), (3, "again"))
    ]
    whole = start_job(table, *LONG, "7", "--output", "whole", "--quiet", num_ranks=3)
    for job in (*resumed, whole):
        assert [code for code, _ in wait(job)] == [0] * len(job)
    for name in ("one", "three"):
        assert_same_network(tmp_path / name, tmp_path / "whole", 1e-4)
    np.testing.assert_array_equal(
        parameters_of(tmp_path / "again"), parameters_of(tmp_path / "whole")
    )


def test_ctrl_c_stops_all_after_the_same_batch_and_keeps_the_network(start_job, table, tmp_path):
    flags = [*LONG, "100000"]
    job = start_job(table, *flags, "--output", "run", TORCHELASTIC_RUN_ID="x", num_ranks=3)
    wait_for_epoch(job, 2)
    for _ in range(2):  # the terminal sends it, and torchrun once more
        for process in job:
            process.send_signal(signal.SIGINT)
    ended = wait(job, 60)
    assert [code for code, _ in ended] == [128 + signal.SIGINT] * 3
    assert [errors for _, errors in ended][1:] == ["", ""]
    assert read_results(tmp_path / "run")["status"] == "interrupted"
    assert np.isfinite(parameters_of(tmp_path / "run")).all()


ELSEWHERE = """
import os, resource
if os.environ["RANK"] == "1":
    from multilayer.engine import rank_rows
    holds = rank_rows._holds
    rank_rows._holds = lambda path, text: "copy-" in str(path) and holds(path, text)
"""
FULL = (
    ELSEWHERE
    + """
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
"""
)


def test_a_machine_with_a_disk_of_its_own_gets_a_copy(start_job, table, tmp_path):
    flags = [*TABLE, "3", "--memory-limit", "600MB", "--quiet"]
    jobs = [
        start_job(table, *flags, "--output", "one", num_ranks=1),
        start_job(table, *flags, "--output", "two", before=ELSEWHERE,
                  XDG_CACHE_HOME=str(tmp_path / "cache-2")),
    ]  # fmt: skip
    for job in jobs:
        assert [code for code, _ in wait(job)] == [0] * len(job)
    assert_same_network(tmp_path / "one", tmp_path / "two", 1e-4)
    assert not [*tmp_path.glob("cache*/**/*.bin"), *tmp_path.glob("cache*/**/*.shard")]


def errors_of(job: list[Forked]) -> str:
    """What is said in all, once none has ended well."""
    ended = wait(job, 60)
    assert 0 not in [code for code, _ in ended]
    return "".join(re.findall(r"^error: .*\n", "".join(text for _, text in ended), re.MULTILINE))


def test_what_ends_a_job_is_said_once_with_rank_host_and_file(start_job, table, tmp_path):
    on_disk = [*LONG, "100000", "--memory-limit", "600MB"]
    full = start_job(table, *on_disk, "--output", "full", before=FULL)
    column = start_job(table, *LONG, "9", "--drop", "nothing", "--output", "column", num_ranks=3)
    pack = start_job(table, "--target", "y", "--recipe", "pack")
    held = tmp_path / "cache-held"
    running = start_job(table, *on_disk, "--output", "run", XDG_CACHE_HOME=str(held))
    wait_for_epoch(running, 2)
    second = start_job(table, *LONG, "9", "--output", "run")
    assert re.fullmatch(
        rf"error: rank 1 of 2 on {HOST}: cannot write .*copy-\w+/"
        r"inputs\.bin: file too large\n",
        errors_of(full),
    )
    assert re.fullmatch(r"error: .*nothing.*\n", errors_of(column))
    assert errors_of(pack) == "error: --recipe pack is for one process; start it without torchrun\n"
    assert re.fullmatch(rf"error: rank 0 of 2 on {HOST}: .*\brun\b.*\n", errors_of(second))
    [file] = held.rglob("000000.shard")
    os.truncate(file, 100)
    assert re.fullmatch(
        rf"error: rank \d of 2 on {HOST}: .*000000\.shard is shorter than .*\n",
        errors_of(running),
    )


GONE = """
import os, signal
if os.environ["RANK"] == "1":
    from torch import distributed
    distributed.init_process_group = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
rank_watch._SECONDS_OF_SILENCE = 3.0
rank_watch._SECONDS_TO_NOTICE = 1.0
"""


def test_a_process_that_dies_before_it_is_connected_ends_the_job(start_job, table):
    ended = wait(start_job(table, *LONG, "9", before=GONE, num_ranks=3), 60)
    assert [code for code, _ in ended] == [1, -signal.SIGKILL, 1]
    assert re.fullmatch(
        rf"error: rank 1 of 3 on {HOST}: nothing is heard for 3 s; .*\n",
        "".join(errors for _, errors in ended),
    )


@pytest.fixture(scope="module")
def encoded(table, tmp_path_factory) -> Path:
    """A shard of each of five files, which are not there any more."""
    root = tmp_path_factory.mktemp("shards")
    whole, many = pl.read_csv(table), root / "many"
    many.mkdir()
    for place in range(5):
        whole[place * 401 : (place + 1) * 401].write_parquet(many / f"{place}.parquet")
    flags = ["--target", "y", "--weight", "w", "--recipe", "chapter", "--validation", "0.2"]
    output = ["--output", str(root / "shards"), "--processes", "1", "--quiet"]
    assert command(["encode", str(many), *flags, *output]) == 0
    shutil.rmtree(many)
    assert len(list((root / "shards").glob("0*.shard"))) == 5
    return root / "shards"


@pytest.fixture
def shards(encoded, tmp_path) -> Path:
    return shutil.copytree(encoded, tmp_path / "shards")


FROM_SHARDS = ("--hidden-widths", "16", "--batch-size", "64", "--max-epochs", "7",
               "--checkpoint-every", "1")  # fmt: skip


OTHER_CLOCKS = """
import os, time
now, days = time.time, int(os.environ["RANK"])
time.time = lambda: now() - 86400 * days
"""


def test_shards_train_the_same_network_in_any_number_of_processes_after_kills(
    start_job, shards, tmp_path
):
    wholes = [
        start_job(shards, *FROM_SHARDS, "--output", f"whole-{size}", num_ranks=size)
        for size in (1, 3)
    ]
    torchrun = {"TORCHELASTIC_RUN_ID": "test"}
    for size, killed, epoch in ((3, 2, 2), (2, 1, 4)):
        job = start_job(shards, *FROM_SHARDS, "--output", "run", num_ranks=size, **torchrun)
        wait_for_epoch(job, epoch)
        job[killed].kill()
        assert sorted(code for code, _ in wait(job, 60)) == [-signal.SIGKILL, *[1] * (size - 1)]
    last = start_job(
        shards, *FROM_SHARDS, "--output", "run", num_ranks=3, before=OTHER_CLOCKS, **torchrun
    )
    for job in (*wholes, last):
        assert [code for code, _ in wait(job)] == [0] * len(job)
    assert_same_network(tmp_path / "whole-3", tmp_path / "whole-1", 1e-5)
    assert_same_network(tmp_path / "run", tmp_path / "whole-1", 1e-5)
    assert (shards / "shards.json").is_file()  # they are the user's, and stay


DISAPPEARING = """
import pathlib
from multilayer.fit import survey
add = survey.TableSurvey.add
def add_and_remove(self, piece, *place):
    pathlib.Path("files/2.parquet").unlink(missing_ok=True)
    return add(self, piece, *place)
survey.TableSurvey.add = add_and_remove
"""


def test_a_file_that_disappears_while_it_is_read_ends_a_job(start_job, table, tmp_path):
    (tmp_path / "files").mkdir()
    whole = pl.read_csv(table)
    for place in range(3):
        whole[place * 667 : (place + 1) * 667].write_parquet(tmp_path / f"files/{place}.parquet")
    said = errors_of(start_job("files", *LONG, "3", "--memory-limit", "600MB", before=DISAPPEARING))
    assert re.fullmatch(rf"error: rank 0 of 2 on {HOST}: .*files/2\.parquet.*\n", said)


def of_other_columns(shard: Path) -> None:
    document = json.loads((shard.parent / "shards.json").read_text())
    document["plan"]["encoder"], document["plan"]["draw"] = {}, None
    (shard.parent / "shards.json").write_text(json.dumps(document))


def of_another_encoding(shard: Path) -> None:
    entry = read_entry(shard)
    assert entry is not None
    plan = entry.plan.encode()
    shard.write_bytes(shard.read_bytes().replace(plan, plan[::-1]))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "[Nn]o such file": Path.unlink,
    "is cut short": lambda shard: os.truncate(shard, 100),
    "its checksum is wrong": lambda shard: shard.write_bytes(b"!" + shard.read_bytes()[1:]),
    "is of another table": of_another_encoding,
    r"shards\.json is damaged": of_other_columns,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_ends_a_job_with_one_error(start_job, shards, damage):
    DAMAGES[damage](shards / "000003.shard")
    said = errors_of(start_job(shards, *FROM_SHARDS, num_ranks=2))
    assert said.count("\n") == 1
    assert re.match(rf"error: rank \d of 2 on {HOST}: ", said)
    assert re.search(damage, said)
    assert ("shards.json" if "json" in damage else "000003.shard") in said


@pytest.mark.parametrize(
    ("flag", "arguments"),
    [
        ("--recipe pack", ["train", "rows.csv", "--target", "y", "--recipe", "pack"]),
        ("--time", ["train", "rows.csv", "--target", "y", "--time", "1m"]),
        ("evaluate", ["evaluate", "run"]),
        ("predict", ["predict", "run", "rows.csv", "-o", "answers.csv"]),
        ("encode", ["encode", "rows.csv", "--target", "y", "-o", "shards"]),
        ("verify", ["verify"]),
    ],
)
def test_what_one_process_does_alone(monkeypatch, capsys, flag, arguments):
    monkeypatch.setattr("multilayer.cli.job._SECONDS_FOR_THE_FIRST", 0)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert command(arguments) == 2
    expected = rf"error: {flag} is for one process; start it without torchrun(, .*)?\n"
    assert re.fullmatch(expected, capsys.readouterr().err)
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit, match="2"):
        command(arguments)
    assert capsys.readouterr() == ("", "")


@pytest.mark.long
def test_a_hundred_kills_at_any_moment_cost_nothing_but_time(start_job, table, tmp_path):
    source = np.random.default_rng(0)
    torchrun = {"TORCHELASTIC_RUN_ID": "test"}
    flags = [*LONG, "200", "--memory-limit", "600MB"]
    num_kills = 0
    while num_kills < 100:
        size = int(source.integers(1, 4))
        job = start_job(table, *flags, "--output", "run", num_ranks=size, **torchrun)
        try:
            job[0].wait(float(source.uniform(0.1, 6)))
        except subprocess.TimeoutExpired:
            job[int(source.integers(size))].kill()
            num_kills += 1
        ended = wait(job, 90)
        if all(code == 0 for code, _ in ended):
            shutil.rmtree(tmp_path / "run")  # it came to its end: once more from the start
    ended = wait(start_job(table, *flags, "--output", "run", num_ranks=3, **torchrun))
    assert [code for code, _ in ended] == [0, 0, 0]
    wait(start_job(table, *flags, "--output", "whole", num_ranks=1))
    assert_same_network(tmp_path / "run", tmp_path / "whole", 1e-3)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


NAMES = ("multilayer-a", "multilayer-b")  # of the networks; their cables are mla0 and mlb0
ADDRESSES = ("10.231.7.1", "10.231.7.2")


@pytest.fixture
def two_networks() -> Iterator[None]:
    """Two network namespaces, as if two machines, with a cable between them."""
    if shutil.which("ip") is None:
        pytest.skip("the command ip (Debian's package iproute2) is not installed")
    try:
        for name in NAMES:
            ip("netns", "add", name)
        ip("link", "add", "mla0", "type", "veth", "peer", "name", "mlb0")
        for name, link, address in zip(NAMES, ("mla0", "mlb0"), ADDRESSES, strict=True):
            ip("link", "set", link, "netns", name)
            ip("-n", name, "address", "add", f"{address}/24", "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine does not let us make networks: {error.stderr.decode().strip()}")
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def start_in_networks(
    folder: Path, where: Path, *flags: str
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    first, second = (
        subprocess.Popen(
            [
                "ip", "netns", "exec", name, sys.executable, "-m", "multilayer", "train", folder,
                *flags, "--output", "run",
            ],
            cwd=where,
            env={
                **os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": ADDRESSES[0],
                "MASTER_PORT": "29500", "GLOO_SOCKET_IFNAME": link, "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank, (name, link) in enumerate(zip(NAMES, ("mla0", "mlb0"), strict=True))
    )  # fmt: skip
    return first, second


@pytest.mark.long
def test_two_machines_train_one_network(two_networks, multilayer, small_folder, tmp_path):
    assert multilayer("train", small_folder, *FLAGS, "--output", "alone").returncode == 0
    processes = start_in_networks(small_folder, tmp_path, *FLAGS)
    for process in processes:
        _, errors = process.communicate(timeout=600)
        assert (process.returncode, errors) == (0, "")
    assert_same_network(tmp_path / "run", tmp_path / "alone")


@pytest.mark.long
def test_a_cable_that_is_pulled_ends_the_job_on_both_machines(two_networks, small_folder, tmp_path):
    first, second = start_in_networks(small_folder, tmp_path, "--max-epochs", "1000000")
    while "epoch 2/" not in (line := first.stdout.readline()):
        assert line, first.stderr.read()
    ip("-n", NAMES[1], "link", "set", "mlb0", "down")
    for process in (first, second):
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 1
        assert re.search(r"^error: rank \d of 2 on .*\n", errors, re.MULTILINE), errors
