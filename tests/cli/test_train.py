"""`multilayer train` as a person runs it: a real process, its output in pipes."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from multilayer.engine.settings import TrainingSettings

FILES = [
    "curves.png",
    "first_layer.png",
    "history.jsonl",
    "model.safetensors",
    "results.json",
    "settings.json",
]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_into_a_pipe_goes_a_plain_line_an_epoch(multilayer, small_folder, tmp_path):
    done = multilayer("train", small_folder, "--max-epochs", "3", "--output", "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    epochs = re.findall(
        r"^epoch (\d)/3: train_loss \d\.\d{4}, validation_loss \d\.\d{4}, "
        r"validation_accuracy 0\.\d{4}, [\d.]+ s$",
        done.stdout,
        flags=re.MULTILINE,
    )
    assert epochs == ["1", "2", "3"]
    assert "network: 784-256-10, relu, 203,530 parameters" in done.stdout
    assert re.search(r"^test accuracy 0\.\d{4} \(95% interval", done.stdout, re.MULTILINE)
    assert names_in(tmp_path / "run") == FILES


def test_quiet_prints_the_result_alone(multilayer, small_folder):
    done = multilayer("train", small_folder, "--max-epochs", "1", "--output", "run", "--quiet")
    assert re.fullmatch(
        r"test accuracy 0\.\d{4} \(95% interval 0\.\d{4} to 0\.\d{4}\), test loss [\d.]+, run\n",
        done.stdout,
    )


def test_every_flag_reaches_the_settings(multilayer, small_folder, tmp_path):
    done = multilayer(
        "train", small_folder, "--hidden-widths", "16,8", "--activation", "tanh",
        "--optimizer", "adam", "--learning-rate", "1e-3", "--batch-size", "100",
        "--max-epochs", "1", "--seed", "7", "--initialization", "glorot",
        "--validation-fraction", "0.1", "--schedule", "cosine", "--dropout", "0.2",
        "--weight-decay", "0.01", "--max-gradient-norm", "1", "--average-decay", "0.9",
        "--selection", "accuracy", "--patience", "3", "--precision", "medium",
        "--num-threads", "1", "--no-scale-layer", "--augment", "shift, flip", "--output", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "784-16-8-10, tanh" in done.stdout
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["recipe"] == "chapter"
    changed = {
        "hidden_widths": [16, 8], "activation": "tanh", "initialization": "glorot",
        "loss": "cross_entropy", "optimizer": "adam", "learning_rate": 1e-3, "momentum": 0.0,
        "batch_size": 100, "max_epochs": 1, "seed": 7, "validation_fraction": 0.1,
        "schedule": "cosine", "dropout": 0.2, "weight_decay": 0.01, "max_gradient_norm": 1.0,
        "average_decay": 0.9, "selection": "accuracy", "patience": 3, "precision": "medium",
        "num_threads": 1, "augment": ["shift", "flip"],
    }  # fmt: skip
    unchanged = json.loads(json.dumps(asdict(TrainingSettings())))
    assert settings["settings"] == {**unchanged, **changed}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card here")
def test_a_card_that_is_not_there_is_told_before_anything_is_made(multilayer, tmp_path):
    done = multilayer("train", "fashion-mnist", "--device", "cuda", "--output", "run")
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: --device 'cuda' needs an NVIDIA card, and PyTorch .* finds none here; "
        r"use device 'cpu'\n",
        done.stderr,
    )
    assert names_in(tmp_path) == []


def test_no_hidden_layer_is_softmax_regression(multilayer, small_folder):
    done = multilayer("train", small_folder, "--hidden-widths", "", "--max-epochs", "1")
    assert "784-10, relu, 7,850 parameters" in done.stdout
    assert done.returncode == 0


def test_digits_train_to_a_good_accuracy(multilayer, tmp_path):
    done = multilayer(
        "train", "digits", "--max-epochs", "60", "--batch-size", "32", "--quiet", "--output", "run"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "results.json").read_text())["test_accuracy"] > 0.94


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden-widths", "0"], "--hidden-widths must be whole numbers of at least 1; 0 in '0'"),
        (["--hidden-widths", "-1"], "--hidden-widths must be whole numbers of at least 1; -1 in"),
        (["--hidden-widths", "256,x"], "'256,x' must be whole numbers with commas between them"),
        (["--hidden-widths", "2000000000"], " GB of memory, and "),
        (["--activation", "rellu"], "unknown activation 'rellu'; known are: relu, leaky_relu"),
        (["--activation", "relu,tanh"], "one for each of 1 hidden layers; it is 'relu,tanh'"),
        (["--optimizer", "sdg"], 'Choose from: "sgd", "adam"'),
        (["--learning-rate", "-1"], "--learning-rate must be a number above 0; it is -1.0"),
        (["--learning-rate", "nan"], "--learning-rate must be a number above 0; it is nan"),
        (["--learning-rate", "fast"], 'unable to convert "fast" into float'),
        (["--batch-size", "0"], "--batch-size must be a whole number of at least 1; it is 0"),
        (["--seed", "1.5"], "'1.5' must be a whole number"),
        (["--max-epochs", "0"], "--max-epochs must be a whole number of at least 1; it is 0"),
        (["--momentum", "0.9", "--optimizer", "adam"], "momentum belongs to the optimizer 'sgd'"),
        (["--precision", "hihgest"], 'Choose from: "highest", "medium"'),
        (["--num-threads", "4096"], "--num-threads is 4096, and this process may use"),
        (["--device", "gpu"], 'Choose from: "cpu", "cuda"'),
        (["--patience", "3"], "patience 3 needs a selection"),
        (["--selection", "loss"], "would use the test set"),
        (["--augment", "shift,rotate"], "unknown augment 'rotate'; known are: shift, flip"),
        (["--augment", "flip,flip"], "augment names flip, flip; each may stand there once"),
        (["--dropout", "1"], "dropout must be a number from 0 up to, not including, 1"),
        (["--recipe", "chaptre"], "unknown recipe 'chaptre'; known are: chapter"),
        (["--widths", "3"], "Unknown option: --widths"),
        (["--data-dir", "/nowhere"], "goes with fashion-mnist"),
        (["--output", "/dev/null/run"], "cannot make the output folder"),
    ],
)
def test_a_bad_flag_is_one_line_and_leaves_nothing(
    arguments, message, small_folder, tmp_path, monkeypatch, capfd
):
    from multilayer.cli.application import run

    monkeypatch.chdir(tmp_path)
    assert run(["train", str(small_folder), *arguments]) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert message in output.err
    assert names_in(tmp_path) == []


def test_digits_are_not_mirrored(monkeypatch, tmp_path, capfd):
    from multilayer.cli.application import run

    monkeypatch.chdir(tmp_path)
    assert run(["train", "digits", "--augment", "shift,flip"]) == 2
    assert capfd.readouterr().err == (
        "error: --augment 'flip' would teach mirrored digits, which are other signs; take 'shift'\n"
    )
    assert names_in(tmp_path) == []


def damage(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-images-idx3-ubyte", lambda b: b[:-7], r"train-images-idx3-ubyte"),
        ("train-labels-idx1-ubyte", lambda b: b"\0\0\x0c\1" + b[4:], "train-labels-idx1-ubyte"),
        ("t10k-images-idx3-ubyte", lambda b: b"PNG" + b[3:], "t10k-images-idx3-ubyte"),
        ("t10k-labels-idx1-ubyte", lambda b: b"\0\0\x08\1\0\0\0\2\1\1", "500"),
        ("t10k-labels-idx1-ubyte", lambda b: b"", "t10k-labels-idx1-ubyte"),
    ],
    ids=["truncated", "wrong type", "wrong magic", "counts differ", "empty"],
)
def test_a_bad_file_is_named_in_one_line_and_nothing_is_left(
    multilayer, small_folder, tmp_path, name, change, message
):
    folder = tmp_path / "data"
    shutil.copytree(small_folder, folder)
    damage(folder, name, change((folder / name).read_bytes()))
    done = multilayer("train", folder, "--output", "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"error: .*{message}.*\n", done.stderr)
    assert not (tmp_path / "run").exists()


def test_data_that_is_not_there_is_answered_with_what_is_known(multilayer):
    done = multilayer("train", "fashion-minst")
    assert done.returncode == 2
    assert re.fullmatch(
        "error: 'fashion-minst' is neither .* fashion-mnist, digits or .*\n", done.stderr
    )


def test_a_folder_that_is_not_empty_is_left_alone(multilayer, small_folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    done = multilayer("train", small_folder, "--output", "run")
    assert done.returncode == 2
    assert done.stderr == "error: the output folder run is not empty; name another one (--output)\n"
    assert names_in(tmp_path / "run") == ["thesis.txt"]


def in_own_mounts(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount things, seen by itself alone."""
    command = ["unshare", "--map-root-user", "--mount", "sh", "-ec", script]
    possible = shutil.which("unshare") and not subprocess.call([*command[:-1], "true"])
    if not possible:
        pytest.skip("this machine does not let a process have mounts of its own")
    program = Path(sys.executable).with_name("multilayer")
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MULTILAYER": str(program)},
    )


def test_a_full_disk_is_told_before_training(small_folder, tmp_path):
    (tmp_path / "disk").mkdir()
    done = in_own_mounts(
        f"""mount -t tmpfs -o size=100k tmpfs disk
        "$MULTILAYER" train {small_folder} --output disk/run || echo code $?
        echo left: $(ls -A disk)""",
        tmp_path,
    )
    assert re.fullmatch(
        r"error: the disk of disk/run has 0\.1 MB left; the run needs 1\.9 MB\n", done.stderr
    )
    assert done.stdout == "code 2\nleft:\n"


def test_a_folder_that_may_not_be_written_is_told_before_training(small_folder, tmp_path):
    (tmp_path / "disk").mkdir()
    done = in_own_mounts(
        f"""mount -t tmpfs -o ro tmpfs disk
        for output in disk disk/run; do
            "$MULTILAYER" train {small_folder} --output $output || echo code $?
        done""",
        tmp_path,
    )
    assert done.stderr.count("\n") == 2
    assert done.stderr.count("read-only file system") == 2
    assert done.stdout == "code 2\ncode 2\n"


def test_a_disk_that_fills_up_while_training_leaves_no_half_file(
    multilayer, small_folder, tmp_path
):
    """The model file hits a limit on file sizes, as it would the end of the disk."""
    done = multilayer(
        "train", small_folder, "--max-epochs", "1", "--output", "run", "--quiet",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: cannot write run/model.safetensors: file too large\n"
    assert names_in(tmp_path / "run") == ["history.jsonl", "settings.json"]


def test_a_learning_rate_that_is_too_large_stops_and_says_so(multilayer, small_folder, tmp_path):
    done = multilayer("train", small_folder, "--learning-rate", "1e38", "--output", "run")
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: the training loss stopped being a finite number in epoch 1, step \d; "
        r"the learning rate 1e\+38 is too large, try 0\.1\n",
        done.stderr,
    )
    assert names_in(tmp_path / "run") == ["history.jsonl", "results.json", "settings.json"]


LONG = ("--max-epochs", "100000", "--output", "run")


def test_ctrl_c_stops_after_the_batch_and_leaves_a_whole_folder(
    start_multilayer, small_folder, tmp_path
):
    process = start_multilayer("train", small_folder, *LONG)
    while not process.stdout.readline().startswith("epoch 2/"):
        pass
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 130
    assert errors == "stopping after this batch; Ctrl-C again to stop at once\n"
    assert "interrupted after " in output
    assert names_in(tmp_path / "run") == ["checkpoints", *FILES]
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["status"] == "interrupted"
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, len(lines) + 1))


def test_ctrl_c_before_training_is_one_line(start_multilayer, small_folder, tmp_path):
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        shutil.copy(small_folder / name, tmp_path)
    process = start_multilayer("train", tmp_path, *LONG)
    with (tmp_path / "train-images-idx3-ubyte").open("wb"):  # opens when the program reads it
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (130, "error: interrupted\n")
    assert not (tmp_path / "run").exists()


def test_a_reader_that_goes_away_ends_the_program_without_a_traceback(
    start_multilayer, small_folder, tmp_path
):
    with start_multilayer("train", small_folder, *LONG) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
