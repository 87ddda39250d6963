"""The NumPy predictor against the network in PyTorch."""

import math
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.engine.network import Network
from multilayer.engine.specification import ActivationName, NetworkSpec
from multilayer.errors import ImageFileError, ModelFileError
from multilayer.model.model import Model
from multilayer.model.model_file import load_predictor, save_model
from multilayer.model.numpy_activations import NUMPY_ACTIVATIONS


def saved(path, spec: NetworkSpec, num_members: int, image_shape: tuple[int, int]) -> Model:
    network = Network.initialized(spec, range(num_members), "he")
    names = tuple(f"class {number}" for number in range(spec.num_outputs))
    model = Model.of_images(network, image_shape, names, {"data": "none"})
    save_model(model, path)
    return model


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 12), max_size=3).map(tuple),
    st.sampled_from(get_args(ActivationName)),
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 7),
)  # fmt: skip
def test_any_network_answers_as_in_pytorch(
    tmp_path_factory, hidden_widths, activation, num_members, height, num_outputs, num_images
):
    path = tmp_path_factory.getbasetemp() / "predictor.safetensors"
    spec = NetworkSpec(3 * height, num_outputs, hidden_widths, activation, input_scale=1 / 255)
    model = saved(path, spec, num_members, (height, 3))
    images = np.random.default_rng(0).integers(0, 256, (num_images, height, 3), dtype=np.uint8)
    answers = load_predictor(path).probabilities(images)
    assert answers.shape == (num_images, num_outputs)
    np.testing.assert_allclose(answers, model.probabilities(images), atol=1e-5)


def test_answers_do_not_depend_on_how_pictures_are_grouped(tmp_path):
    path = tmp_path / "model.safetensors"
    saved(path, NetworkSpec(20, 3, (7,), "gelu", input_scale=1 / 255), 2, (4, 5))
    images = np.random.default_rng(0).integers(0, 256, (1100, 4, 5), dtype=np.uint8)
    predictor = load_predictor(path)
    together = predictor.probabilities(images)
    np.testing.assert_allclose(predictor.probabilities(images[:1]), together[:1], atol=1e-6)
    np.testing.assert_allclose(predictor.probabilities(images[-3:]), together[-3:], atol=1e-6)
    np.testing.assert_allclose(together.sum(1), 1, atol=1e-6)
    assert predictor.class_names == ("class 0", "class 1", "class 2")


def test_there_is_an_activation_for_each_of_the_engines():
    assert set(NUMPY_ACTIVATIONS) == set(get_args(ActivationName))


def test_gelu_is_exact_over_the_whole_range():
    z = np.linspace(-12, 12, 20_001, dtype=np.float32)
    expected = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in z.astype(float)]
    values = z.reshape(1, -1).copy()
    NUMPY_ACTIVATIONS["gelu"](values)
    np.testing.assert_allclose(values[0], expected, atol=2e-6)


@pytest.mark.parametrize("activation", get_args(ActivationName))
def test_extreme_values_stay_finite(activation):
    values = np.array([[-1e30, -100, 0, 100, 1e30]], np.float32)
    NUMPY_ACTIVATIONS[activation](values)
    assert np.isfinite(values).all()


def test_pictures_of_another_shape_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    saved(path, NetworkSpec(20, 3), 1, (4, 5))
    with pytest.raises(
        ImageFileError, match=r"5, 4\) were given; the network takes \(num_images, 4, 5\)"
    ):
        load_predictor(path).probabilities(np.zeros((1, 5, 4), np.uint8))


def test_a_damaged_file_is_refused_as_by_the_other_reader(tmp_path):
    path = tmp_path / "model.safetensors"
    saved(path, NetworkSpec(20, 3), 1, (4, 5))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelFileError, match="not a whole file of ours"):
        load_predictor(path)


def test_predicting_loads_no_pytorch(tmp_path):
    from PIL import Image

    run = tmp_path / "run"
    run.mkdir()
    saved(run / "model.safetensors", NetworkSpec(20, 3, input_scale=1 / 255), 1, (4, 5))
    Image.fromarray(np.full((4, 5), 200, np.uint8)).save(tmp_path / "one.png")
    program = f"""
import sys
from multilayer.cli.application import run
assert run(["predict", {str(run)!r}, {str(tmp_path / "one.png")!r}]) == 0
assert "numpy" in sys.modules
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "image,label,probability"
