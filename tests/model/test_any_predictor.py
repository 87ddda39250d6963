"""`load_predictor` and `load_model` read a model of any kind, from its file or its run folder."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import ImageFileError, ModelFileError
from multilayer.estimators.classifier import MLPClassifier
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, load_predictor, save_model
from multilayer.model.predictor import Predictor


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two folders as runs leave them, one of images and one of a table."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("images", "table")}
    network = Network.initialized(NetworkSpec(20, 3, (7,), input_scale=1 / 255), (0, 1))
    model = Model.of_images(network, (4, 5), ("a", "b", "c"))
    save_model(model, folders["images"] / "model.safetensors")
    rows = np.random.default_rng(0).normal(size=(60, 3))
    estimator = MLPClassifier("fast", max_iter=2, random_state=0).fit(rows, rows[:, 0] > 0)
    estimator.save(folders["table"] / "model.safetensors")
    return folders


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)
ROWS = np.random.default_rng(1).normal(size=(6, 3))


@pytest.mark.parametrize("is_folder", [True, False], ids=["folder", "file"])
@pytest.mark.parametrize(
    ("kind", "predictor", "rows"),
    [("images", Predictor, IMAGES), ("table", Predictor, ROWS)],
    ids=["images", "table"],
)
def test_the_file_says_what_it_holds(runs, kind, predictor, rows, is_folder):
    path = runs[kind] if is_folder else runs[kind] / "model.safetensors"
    loaded = load_predictor(path)
    assert isinstance(loaded, predictor)
    answers = load_model(str(path)).probabilities(rows)
    np.testing.assert_allclose(loaded.probabilities(rows), answers, atol=1e-5)


@pytest.mark.parametrize("load", [load_model, load_predictor])
def test_a_folder_without_a_model_is_refused(tmp_path, load):
    with pytest.raises(ModelFileError, match="holds no model.safetensors; give a model file"):
        load(tmp_path)


def test_a_tables_answers_need_no_pytorch(runs):
    program = (
        "import sys, numpy, multilayer\n"
        f"predictor = multilayer.load_predictor({str(runs['table'])!r})\n"
        "predictor.predict(numpy.zeros((2, 3)))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@pytest.mark.parametrize("load", [load_model, load_predictor])
def test_one_image_is_answered_as_a_row(runs, load):
    model = load(runs["images"])
    one = model.probabilities(IMAGES[0])
    assert one.shape == (1, 3)
    np.testing.assert_array_equal(one, model.probabilities(IMAGES[:1]))
    np.testing.assert_array_equal(one, model.probabilities(IMAGES[0].tolist()))
    np.testing.assert_array_equal(one, model.probabilities(IMAGES[0].astype(np.int64)))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (IMAGES.reshape(6, 20), r"shape \(6, 20\) were given; the network takes \(num_images, 4,"),
        (IMAGES[0, 0], r"shape \(5,\) were given"),
        (IMAGES / 255, "must hold integers from 0 to 255, of type uint8; these are of type f"),
        (IMAGES.astype(int) - 300, r"of type int64, from -\d+ to -\d+"),
        (IMAGES.astype(str), "of type <U3"),
    ],
)
@pytest.mark.parametrize("load", [load_model, load_predictor])
def test_other_images_are_refused(runs, load, images, said):
    with pytest.raises(ImageFileError, match=said):
        load(runs["images"]).probabilities(images)
