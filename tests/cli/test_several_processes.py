"""`multilayer train` as several processes, started by torchrun and in two networks."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from multilayer.cli.application import run as command
from multilayer.model.model_file import load_model

FLAGS = ("--max-epochs", "3", "--hidden-widths", "32")


def assert_same_network(run: Path, other: Path) -> None:
    first, second = (
        load_model(path / "model.safetensors").network.parameters for path in (run, other)
    )
    np.testing.assert_allclose(first.numpy(), second.numpy(), atol=1e-5, rtol=0)


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
    run, alone = ({path.name for path in (tmp_path / name).iterdir()} for name in ("run", "alone"))
    assert run == alone
    assert_same_network(tmp_path / "run", tmp_path / "alone")


def test_torchrun_does_not_resume_and_the_first_process_says_so(tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "-m", "multilayer", "train", "--resume", "run",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode != 0
    errors = re.findall(r"^error: .*$", done.stderr, re.MULTILINE)
    assert errors == ["error: --resume is for one process; start it without torchrun"]


@pytest.mark.parametrize(
    ("flag", "arguments"),
    [
        ("--resume", ["--resume", "run"]),
        ("--checkpoint-every", ["digits", "--checkpoint-every", "2"]),
        ("--target", ["rows.csv", "--target", "y"]),
    ],
)
def test_what_one_process_does_alone(monkeypatch, capsys, flag, arguments):
    monkeypatch.setattr("multilayer.cli.train._SECONDS_FOR_THE_FIRST", 0)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert command(["train", *arguments]) == 2
    expected = f"error: {flag} is for one process; start it without torchrun\n"
    assert capsys.readouterr().err == expected
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit, match="2"):
        command(["train", *arguments])
    assert capsys.readouterr() == ("", "")


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
        assert re.fullmatch(r"error: rank \d of 2 has lost the others: .*\n", errors)
