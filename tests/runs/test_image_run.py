import json

import numpy as np
import pytest
from PIL import Image

from multilayer.engine.scores import evaluate
from multilayer.errors import (
    SettingsError,
)
from multilayer.fit.image_rows import image_examples
from multilayer.model.model_file import load_model, load_predictor
from multilayer.recipes.recipes import recipe
from multilayer.runs.earlier_runs import ImageRun
from multilayer.runs.evaluation import evaluate_run

FILES = {
    "settings.json",
    "history.jsonl",
    "results.json",
    "model.safetensors",
    "curves.png",
    "first_layer.png",
}


def make_run(folder, output, **changes) -> ImageRun:
    settings = recipe("chapter", **{"hidden_widths": (32,), "max_epochs": 3, **changes})
    return ImageRun(folder, settings, output)


def read(path):
    return json.loads(path.read_text())


@pytest.fixture
def finished(small_folder, tmp_path) -> ImageRun:
    run = make_run(small_folder, tmp_path / "run")
    list(run.epochs())
    run.finish()
    return run


def test_a_run_leaves_a_whole_folder(finished, small_folder):
    folder = finished.folder.path
    assert {path.name for path in folder.iterdir()} == FILES
    settings, results = read(folder / "settings.json"), read(folder / "results.json")
    assert settings["settings"]["hidden_widths"] == [32]
    assert settings["data"]["load"] == str(small_folder)
    assert (settings["data"]["num_train_rows"], settings["data"]["num_test_rows"]) == (2000, 500)
    assert results["status"] == "finished"
    assert results["num_epochs"] == 3
    assert results["num_parameters"] == 784 * 32 + 32 + 32 * 10 + 10
    assert results["seed"] == 0
    assert set(results["versions"]) == {"multilayer", "torch", "numpy", "polars", "python"}
    low, high = results["test_accuracy_interval"]
    assert 0.3 < low < results["test_accuracy"] < high < 1
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert results["train_seconds"] == pytest.approx(sum(line["seconds"] for line in lines))
    assert list(results["part_seconds"]) == [
        "reading the data", "calibrating and scoring", "training and validation",
    ]  # fmt: skip
    # The book's way: the test rows are watched.
    assert lines[-1]["validation_accuracy"] == results["test_accuracy"]
    for name in ("curves.png", "first_layer.png"):
        with Image.open(folder / name) as picture:
            assert picture.width > 300


def test_the_saved_network_scores_as_the_results_say(finished):
    model = load_model(finished.folder.path / "model.safetensors")
    results = read(finished.folder.path / "results.json")
    scores = evaluate(model.network, image_examples(finished.dataset.test, finished.dataset))
    assert results["test_loss"] == pytest.approx(scores.loss[0], rel=1e-6)
    assert scores.accuracy[0] == results["test_accuracy"]
    del (
        results["train_seconds"],
        results["part_seconds"],
    )  # without times the same training leaves the same bytes
    assert model.details["results"] == results


def test_evaluation_finds_the_data_again_and_draws(finished):
    evaluation, pictures = evaluate_run(finished.folder.path)
    assert evaluation.accuracy == read(finished.folder.path / "results.json")["test_accuracy"]
    assert len(evaluation.labels) == evaluation.num_rows == 500
    assert [path.name for path in pictures] == [
        "reliability.png",
        "confusion_matrix.png",
        "mistakes.png",
    ]
    assert all(path.is_file() for path in pictures)


def test_the_same_seed_gives_the_same_network(small_folder, tmp_path):
    weights = []
    for number, seed in enumerate([5, 5, 6]):
        run = make_run(small_folder, tmp_path / str(number), seed=seed)
        list(run.epochs())
        weights.append(run.network.parameters.numpy())
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_held_out_rows_are_watched_in_place_of_the_test_rows(small_folder, tmp_path):
    run = make_run(small_folder, tmp_path / "run", validation_fraction=0.25, max_epochs=1)
    list(run.epochs())
    settings = read(tmp_path / "run" / "settings.json")
    assert settings["data"]["num_train_rows"] == 1500
    assert settings["data"]["num_validation_rows"] == 500
    assert settings["data"]["validation_from"] == "split"
    assert len(settings["data"]["validation_rows"]) == 500
    assert run.finish()["test_accuracy"] != run.history[-1]["validation_accuracy"]


def test_the_test_rows_are_never_selected_by(small_folder, tmp_path):
    with pytest.raises(SettingsError, match="would use the test set; hold rows out"):
        make_run(small_folder, tmp_path / "run", selection="loss")
    assert not (tmp_path / "run").exists()
    held_out = {"selection": "loss", "validation_fraction": 0.2, "max_epochs": 4}
    run = make_run(small_folder, tmp_path / "run", **held_out)
    *_, last = run.epochs()
    results = run.finish()
    assert results["test_accuracy"] > 0.3
    assert last.best_epoch[0] in range(1, 5)


def test_folders_are_numbered_where_none_is_named(small_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [str(make_run(small_folder, None).folder.path) for _ in range(2)]
    name = f"runs/{small_folder.name}-chapter"
    assert names == [f"{name}-001", f"{name}-002"]


def test_an_empty_folder_is_used(small_folder, tmp_path):
    assert make_run(small_folder, tmp_path).folder.path == tmp_path


@pytest.mark.parametrize("name", ["fast", "default", "best"])
def test_every_recipe_for_pictures_trains_and_is_the_same_from_its_file(
    name, small_folder, tmp_path
):
    settings = recipe(name, hidden_widths=(32, 16), max_epochs=4)
    run = ImageRun(small_folder, settings, tmp_path / "run")
    list(run.epochs())
    results = run.finish()
    assert results["test_accuracy"] > 0.4
    assert results["num_parameters"] == run.spec.num_parameters
    split, path = run.dataset.test, run.folder.path / "model.safetensors"
    model, predictor = load_model(path), load_predictor(path)
    assert model.network.num_members == settings.num_members
    probabilities = model.probabilities(split.images)
    assert (probabilities.argmax(1) == split.labels).mean() == results["test_accuracy"]
    of_targets = probabilities[np.arange(len(split)), split.labels]
    assert -np.log(of_targets).mean() == pytest.approx(results["test_loss"], abs=1e-5)
    np.testing.assert_allclose(predictor.probabilities(split.images), probabilities, atol=1e-5)
