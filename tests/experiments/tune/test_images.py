"""A search on images is the one on tables: the test images are the rows set aside."""

import json

import numpy as np
import pytest

from multilayer import TuneRun, load_images, tune
from multilayer.errors import CheckpointError, DataError, SettingsError
from multilayer.experiments.tune.budget import Budget
from multilayer.experiments.tune.search_rows import RecipeRows, SearchedImages
from multilayer.experiments.tune.search_space import RECIPES, WIDTHS, SearchSpace
from multilayer.fit.column_roles import ColumnRoles
from multilayer.images.idx import write_idx
from multilayer.model.model_file import load_model
from multilayer.report.collect import write_report
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.evaluation import evaluate_run
from multilayer.runs.run_rows import rows_of_run

QUICK = {"hidden_widths": (8,), "max_epochs": 3}
DIGITS = load_images("digits")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune") / "run"
    return tune("digits", num_trials=5, output=folder, settings=QUICK)


def test_a_search_leaves_a_run_folder_that_everything_reads(found):
    assert sorted(path.name for path in found.folder.iterdir() if path.name[0] != ".") == [
        "curves.png", "first_layer.png", "history.jsonl", "model.safetensors", "results.json",
        "settings.json", "study.journal", "trials.csv", "tune.json",
    ]  # fmt: skip
    images = DIGITS.test.images
    loaded = load_model(found.folder / "model.safetensors")
    assert loaded.network.num_members == 5
    probabilities = loaded.probabilities(images)
    np.testing.assert_array_equal(probabilities, found.model.probabilities(images))
    accuracy = found.scores[0]
    assert (accuracy.name, accuracy.value) == (
        "accuracy", pytest.approx((probabilities.argmax(1) == DIGITS.test.labels).mean()),
    )  # fmt: skip
    assert found.results["test"] == [score.to_json() for score in found.scores]
    assert found.results["test_accuracy"] == accuracy.value
    assert found.results["validation"] == found.results["cross_validation"]
    evaluation, _ = evaluate_run(found.folder)
    assert evaluation.accuracy == accuracy.value
    assert write_report([found.folder]).is_file()


def test_what_settings_json_says_finds_the_rows_again(found):
    data = json.loads((found.folder / "settings.json").read_text())["data"]
    assert (data["kind"], data["load"], data["validation_from"]) == ("images", "digits", "folds")
    assert data["validation_rows"] == list(range(len(DIGITS.train)))
    assert (data["num_rows"], data["num_test_rows"]) == (len(DIGITS.train), len(DIGITS.test))
    rows = rows_of_run(found.folder)
    held_out = {row for row, member in enumerate(data["validation_members"]) if member == 0}
    np.testing.assert_array_equal(
        rows.validation.inputs, DIGITS.train.images[sorted(held_out)].reshape(len(held_out), -1)
    )
    with pytest.raises(Exception, match="nothing to resume"):
        RunConfiguration.saved_in(found.folder)


def test_test_images_are_neither_learned_from_nor_measured_on():
    rows = SearchedImages.read("digits")
    of_recipes = RecipeRows.of_recipes(rows, RECIPES["images"], {}, 0)
    first, second = of_recipes.values()
    assert len(first.learned) + len(first.watched) == len(DIGITS.train)
    assert first.learned is second.learned  # encoded once a study
    assert first.watched is second.watched


@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
def test_a_study_goes_on_and_one_of_other_images_does_not(tmp_path):
    def run_of(data, **options) -> TuneRun:
        budget = Budget(num_trials=3)
        return TuneRun(data, None, tmp_path / "run", budget=budget, settings=QUICK, **options)

    run_of("digits").close()
    again = run_of("digits")
    assert not again.is_new
    again.close()
    for prefix, split in (("train", DIGITS.train), ("t10k", DIGITS.test)):
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte", split.images[:200])
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte", split.labels[:200].astype(np.uint8))
    with pytest.raises(CheckpointError, match="is of something else: fingerprint data was"):
        run_of(tmp_path)
    (tmp_path / "t.csv").write_text("a,y\n" + "1,0\n2,1\n" * 40)
    budget = Budget(num_trials=3)
    with pytest.raises(CheckpointError, match="is of images; what is given is a table"):
        TuneRun(tmp_path / "t.csv", ColumnRoles(("y",)), tmp_path / "run", budget=budget)


def test_every_first_trial_of_images_lies_within_the_ranges():
    rows = SearchedImages.read("digits")
    recipes = RecipeRows.of_recipes(rows, RECIPES["images"], {}, 0)
    settings = {name: one.settings for name, one in recipes.items()}
    space = SearchSpace(settings, {}, WIDTHS["images"])
    short, fast, default = space.first_params()
    assert (short["recipe"], short["max_epochs"]) == ("fast", 6)
    assert (fast["width"], fast["max_epochs"]) == (512, 12)
    assert (default["width"], default["max_epochs"]) == (1024, 50)
    for params in (short, fast, default):
        for name, distribution in space.distributions().items():
            assert distribution._contains(distribution.to_internal_repr(params[name]))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "complaint"),
    [
        (("digits", "y"), {}, SettingsError, "labels of their own; leave --target out"),
        (("nothing",), {}, DataError, "neither a known data set nor a folder"),
        (("digits",), {"settings": {"augment": ("flip",)}}, SettingsError, "mirrored digits"),
        (("digits",), {"settings": {"num_folds": 3}}, SettingsError, "num_folds is not for tune"),
        (("digits",), {"data_dir": "."}, SettingsError, "goes with fashion-mnist"),
        (("digits",), {"settings": {"loss": "huber"}}, SettingsError, "loss"),
    ],
)
def test_what_cannot_be_searched_is_one_error_and_leaves_nothing(
    tmp_path, monkeypatch, arguments, options, error, complaint
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=complaint):
        tune(*arguments, num_trials=1, **options)
    assert list(tmp_path.iterdir()) == []


def test_too_few_images_are_refused(tmp_path):
    for prefix in ("train", "t10k"):
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte", DIGITS.train.images[:20])
        labels = DIGITS.train.labels[:20].astype(np.uint8)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte", labels)
    with pytest.raises(DataError, match=r"has 20 training images; a search needs at least 50"):
        tune(tmp_path, num_trials=1, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
