"""What settings.json says of the images held out is what the networks do with them."""

import json

import numpy as np
import pytest

from multilayer.images.idx import write_idx
from multilayer.recipes.recipes import recipe
from multilayer.runs.earlier_runs import ImageRun


@pytest.fixture
def nine_images(tmp_path):
    """A folder of nine training images: fewer than are divided."""
    folder = tmp_path / "data"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for prefix, num_images in (("train", 9), ("t10k", 4)):
        images = generator.integers(0, 256, (num_images, 3, 3)).astype(np.uint8)
        labels = (np.arange(num_images) % 2).astype(np.uint8)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)
    return folder


@pytest.mark.parametrize(
    "changes",
    [{"validation_fraction": 0.3}, {"num_folds": 3}, {"num_folds": 3, "selection": "loss"}],
    ids=["fraction", "folds", "selection"],
)
def test_too_few_images_are_all_learned_from_and_none_is_named_as_held_out(
    nine_images, tmp_path, changes
):
    settings = recipe("chapter", hidden_widths=(4,), max_epochs=1, **changes)
    run = ImageRun(nine_images, settings, tmp_path / "run")
    list(run.epochs())
    results = run.finish()
    document = json.loads((tmp_path / "run" / "settings.json").read_text())
    data = document["data"]
    assert data["validation_from"] == "test"
    assert (data["num_train_rows"], data["num_validation_rows"]) == (9, 4)
    assert data["validation_rows"] == []
    assert document["settings"]["num_members"] == changes.get("num_folds", 1)
    assert results["num_members"] == changes.get("num_folds", 1)
    assert results["validation"] == []
    (note,) = run.source.notes
    assert note.startswith("none of 9 training images are held out, as fewer than 10 of them")
    assert note.endswith("the last epoch counts" if "selection" in changes else "are measured on")


@pytest.mark.parametrize("changes", [{"validation_fraction": 0.25}, {"num_folds": 4}])
def test_the_images_named_are_those_held_out(small_folder, tmp_path, changes):
    settings = recipe("chapter", hidden_widths=(4,), max_epochs=1, **changes)
    run = ImageRun(small_folder, settings, tmp_path / "run")
    held_out = run.fit.data.split.held_out
    named = json.loads((tmp_path / "run" / "settings.json").read_text())["data"]["validation_rows"]
    assert named == sorted(np.unique(np.concatenate(held_out)).tolist())
    assert run.source.notes == ()
