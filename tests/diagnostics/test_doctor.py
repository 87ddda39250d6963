"""Each rule has a run made to show its fault; a healthy run leaves all of them silent."""

import json
import shlex
import shutil
from itertools import zip_longest

import numpy as np
import pytest

from multilayer.diagnostics.doctor import curves, examination
from multilayer.diagnostics.doctor.evidence import Diagnosis, Evidence
from multilayer.diagnostics.doctor.examination import RULES, doctor
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import RunFolderError, TrainingDivergedError
from multilayer.images.idx import write_idx
from multilayer.recipes.recipes import recipe
from multilayer.runs.earlier_runs import ImageRun

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
    assert len(RULES) == 14


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
    with pytest.raises(RunFolderError, match=r"history\.jsonl holds no epochs"):
        doctor(copy)
    shutil.copy(healthy / "history.jsonl", copy)
    document = json.loads((copy / "settings.json").read_text())
    document["settings"]["of_another_version"] = 1
    (copy / "settings.json").write_text(json.dumps(document))
    with pytest.raises(RunFolderError, match="not that of a run by this version"):
        doctor(copy)
    with pytest.raises(RunFolderError, match="there is no run folder"):
        doctor(tmp_path / "nowhere")


CURVES = {
    "settings": TrainingSettings(schedule="log_cosine", learning_rate=0.04, max_epochs=64),
    "class_names": (),
}


def evidence_with(train_losses, validation_losses=(), **changes) -> Evidence:
    history = [
        {"epoch": epoch, "train_loss": train, "validation_loss": validation}
        for epoch, (train, validation) in enumerate(
            zip_longest(train_losses, validation_losses), start=1
        )
    ]
    description = {
        "recipe": "chapter", "settings": {},
        "data": {"kind": "images", "load": "digits", "data_dir": None, "image_shape": [8, 8]},
    }  # fmt: skip
    return Evidence(description, history=history, **{**CURVES, **changes})


def cycling_losses() -> list[float]:
    """Losses that rise and fall with the schedule's rate, as those of an unchanged recipe do."""
    rates = evidence_with([]).rate_factors(64)
    return [0.5 - 0.001 * epoch + 0.4 * rate for epoch, rate in enumerate(rates)]


def test_a_loss_that_rises_with_the_rate_by_design_is_no_fault():
    assert curves.rate_too_high(evidence_with(cycling_losses())) is None


def test_a_loss_that_rises_against_the_schedule_is_a_fault():
    constant = TrainingSettings(learning_rate=0.04, max_epochs=64)
    found = curves.rate_too_high(evidence_with(cycling_losses(), settings=constant))
    assert found is not None
    assert "epochs in which the schedule did not raise the rate" in found.evidence
    jagged = [loss * (1 + 0.3 * (epoch % 2)) for epoch, loss in enumerate(cycling_losses())]
    assert curves.rate_too_high(evidence_with(jagged)) is not None


def test_a_run_that_ended_at_the_height_of_a_cycle_is_no_fault():
    losses = cycling_losses()
    height = max(range(40, 64), key=losses.__getitem__)
    assert curves.rate_too_high(evidence_with(losses[: height + 1])) is None


def test_the_fall_that_is_told_is_the_fall_that_was():
    losses = [0.4] * 2 + [0.2885] * 2 + [0.1943] * 2
    found = curves.still_improving(evidence_with([0.1] * 6, losses))
    assert found is not None
    assert "fell from 0.2885 to 0.1943, by 32.7%" in found.evidence


def test_no_two_findings_send_the_learning_rate_opposite_ways(healthy, monkeypatch):
    def found(name, rate):
        return lambda evidence: Diagnosis(name, "1", "multilayer train", rate)

    rules = (found("high", 0.1), found("other", None), found("low", 3.0), found("high too", 0.03))
    monkeypatch.setattr(examination, "RULES", rules)
    assert names_of(healthy) == ["high", "other", "high too"]


def test_a_network_at_the_majoritys_share_is_no_better_than_guessing(tmp_path):
    folder = make_folder(tmp_path / "data")
    run = run_on(folder, tmp_path / "run", learning_rate=1e-9, max_epochs=4)
    found = {one.name: one for one in doctor(run)}
    assert "always answering 0 has 0.2" in found["no better than guessing"].evidence


def test_gradients_are_told_of_as_many_rows_as_there_were(tmp_path):
    folder = make_folder(tmp_path / "data", num_train=120)
    run = run_on(
        folder, tmp_path / "run", hidden_widths=(32,) * 24, activation="identity",
        initialization="he", learning_rate=1e-9, max_epochs=4,
    )  # fmt: skip
    [found] = [one for one in doctor(run) if one.name == "exploding gradients"]
    assert "the gradient on 120 training rows" in found.evidence
