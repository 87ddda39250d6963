"""Each rule has a run made to show its fault; a healthy run leaves all of them silent."""

import json
import shlex
import shutil

import numpy as np
import pytest

from multilayer.data.idx import write_idx
from multilayer.errors import RunFolderError, TrainingDivergedError
from multilayer.estimators.recipes import recipe
from multilayer.lab.doctor.examination import RULES, doctor
from multilayer.lab.image_run import ImageRun

NUM_CLASSES = 6


def make_folder(
    path, *, num_train=1500, num_test=700, spread=45.0, mixed_up=0.0, copies=0, rare=None
):
    """Noisy pictures of 8 by 8 pixels, each class about a picture of its own.

    Args:
        spread: of the noise about the class's picture.
        mixed_up: share of labels drawn anew.
        copies: test pictures that are training pictures.
        rare: a class with few rows.
    """
    source = np.random.default_rng(0)
    centres = source.uniform(60, 195, (NUM_CLASSES, 8, 8))
    path.mkdir()
    images = {}
    for prefix, num_rows in (("train", num_train), ("t10k", num_test)):
        shares = np.full(NUM_CLASSES, 1.0)
        if rare is not None:
            shares[rare] = 0.15
        labels = source.choice(NUM_CLASSES, num_rows, p=shares / shares.sum())
        pictures = centres[labels] + source.normal(0, spread, (num_rows, 8, 8))
        images[prefix] = np.clip(pictures, 0, 255).astype(np.uint8)
        is_mixed = source.random(num_rows) < mixed_up
        labels[is_mixed] = source.integers(0, NUM_CLASSES, is_mixed.sum())
        labels[:NUM_CLASSES] = range(NUM_CLASSES)
        if prefix == "t10k" and copies:
            images[prefix][:copies] = images["train"][:copies]
        write_idx(path / f"{prefix}-images-idx3-ubyte", images[prefix])
        write_idx(path / f"{prefix}-labels-idx1-ubyte", labels.astype(np.uint8))
    return path


def run_on(folder, output, **changes):
    settings = recipe(
        **{"hidden_widths": (32,), "batch_size": 32, "max_epochs": 12, "learning_rate": 0.3,
           **changes}
    )  # fmt: skip
    run = ImageRun(folder, settings, output)
    try:
        for _ in run.epochs():
            pass
        run.finish()
    except TrainingDivergedError:
        pass
    return output


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="module")
def healthy(pictures, tmp_path_factory):
    return run_on(pictures, tmp_path_factory.mktemp("runs") / "healthy")


def names_of(run) -> list[str]:
    return [diagnosis.name for diagnosis in doctor(run)]


def test_a_healthy_run_leaves_every_rule_silent(healthy):
    assert doctor(healthy) == []
    assert doctor(healthy, is_quick=True) == []
    assert len(RULES) == 12


@pytest.mark.parametrize(
    ("name", "data", "settings"),
    [
        ("learning rate too high", {}, {"learning_rate": 1e7}),
        ("learning rate too high", {}, {"learning_rate": 3.0, "optimizer": "adam"}),
        ("learning rate too high", {},
         {"learning_rate": 0.3, "optimizer": "adam", "activation": "tanh"}),
        ("learning rate too low", {}, {"learning_rate": 0.0003, "max_epochs": 6}),
        ("still improving at the end", {}, {"learning_rate": 0.06, "max_epochs": 8}),
        ("overfitting from epoch", {"num_train": 90, "spread": 110},
         {"max_epochs": 60, "batch_size": 8}),
        ("dead neurons", {}, {"learning_rate": 3.0, "hidden_widths": (64, 64)}),
        ("saturated neurons", {}, {"learning_rate": 6.0, "activation": "tanh"}),
        ("vanishing gradients", {},
         {"hidden_widths": (16,) * 6, "activation": "sigmoid", "max_epochs": 4}),
        ("exploding gradients", {},
         {"hidden_widths": (32,) * 24, "activation": "identity", "initialization": "he",
          "learning_rate": 1e-9, "max_epochs": 4}),
        ("a class is never predicted", {"rare": 4}, {"learning_rate": 0.003, "max_epochs": 6}),
        ("leak suspected", {"copies": 70}, {}),
        ("label noise suspected", {"mixed_up": 0.3}, {}),
        ("few validation rows", {"num_test": 60, "spread": 70}, {}),
    ],
)  # fmt: skip
def test_a_run_that_shows_the_fault(tmp_path, name, data, settings):
    folder = make_folder(tmp_path / "data", **data)
    run = run_on(folder, tmp_path / "run", **settings)
    found = doctor(run)
    assert any(diagnosis.name.startswith(name) for diagnosis in found), found
    for diagnosis in found:
        assert any(character.isdigit() for character in diagnosis.evidence)
        assert shlex.split(diagnosis.next_step)[:3] in (
            ["multilayer", "train", str(folder)], ["multilayer", "compare", str(folder)],
        )  # fmt: skip


def test_labels_of_classes_that_look_alike_are_no_noise(fashion_mnist, small_folder, tmp_path):
    run = run_on(small_folder, tmp_path / "run", learning_rate=0.1, max_epochs=30)
    assert "label noise suspected" not in names_of(run)


def test_rows_held_out_are_those_that_the_run_watched(pictures, tmp_path):
    run = run_on(pictures, tmp_path / "run", validation_fraction=0.4, selection="loss")
    assert names_of(run) == []


def test_the_next_step_can_be_run(tmp_path, multilayer):
    folder = make_folder(tmp_path / "data")
    run = run_on(folder, tmp_path / "run", learning_rate=0.0003, max_epochs=6)
    diagnosis = doctor(run)[0]
    words = shlex.split(diagnosis.next_step)
    assert words[words.index("--learning-rate") + 1] == "0.003"
    done = multilayer(*words[1:], "--quiet")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_examined(healthy, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(healthy, copy)
    (copy / "history.jsonl").unlink()
    with pytest.raises(RunFolderError, match=r"has no history\.jsonl"):
        doctor(copy)
    (copy / "history.jsonl").write_text("")
    with pytest.raises(RunFolderError, match=r"has no epochs to look at in its history\.jsonl"):
        doctor(copy)
    shutil.copy(healthy / "history.jsonl", copy)
    document = json.loads((copy / "settings.json").read_text())
    document["settings"]["of_another_version"] = 1
    (copy / "settings.json").write_text(json.dumps(document))
    with pytest.raises(RunFolderError, match="not that of a run by this version"):
        doctor(copy)
    with pytest.raises(RunFolderError, match="is not a finished run"):
        doctor(tmp_path / "nowhere")
