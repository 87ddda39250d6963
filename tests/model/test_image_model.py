import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError, ImageFileError, ModelFileError
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, save_model

FORMATS = Path(__file__).parent / "formats"


def make_model(num_members: int = 2) -> Model:
    spec = NetworkSpec(20, 3, (7, 5), "gelu", input_scale=1 / 255)
    network = Network.initialized(spec, range(num_members))
    return Model.of_images(network, (4, 5), ("cat", "dög", "$x$"), {"data": "pets"})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(make_model(), path)
    return path


def rewrite(path, change) -> None:
    """Change the JSON document of a model file that is whole otherwise."""
    container = read_container(path)
    change(container.document)
    write_container(path, container.kind, container.document, container.arrays)


def test_a_model_comes_back_as_it_was(path):
    saved, loaded = make_model(), load_model(path)
    assert torch.equal(loaded.network.parameters, saved.network.parameters)
    assert loaded.network.spec == saved.network.spec
    assert loaded.image_shape == (4, 5)
    assert loaded.class_names == saved.class_names
    assert loaded.details == {"data": "pets"}
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 5), dtype=np.uint8)
    np.testing.assert_array_equal(loaded.probabilities(images), saved.probabilities(images))


def test_probabilities_are_the_mean_of_the_members_softmax():
    model = make_model(3)
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 5), dtype=np.uint8)
    logits = model.network.logits(torch.from_numpy(images).view(9, 20))
    expected = torch.stack([member.softmax(1) for member in logits]).mean(0)
    np.testing.assert_allclose(model.probabilities(images), expected, atol=1e-6)
    np.testing.assert_allclose(model.probabilities(images).sum(1), 1, atol=1e-6)


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(
        ImageFileError, match=r"5, 4\) were given; the network takes \(num_images, 4, 5\)"
    ):
        make_model().probabilities(np.zeros((1, 5, 4), np.uint8))


def test_the_file_is_plain_safetensors_with_one_json_document(path):
    with safe_open(path, framework="np") as file:
        document = json.loads(file.metadata()["multilayer"])
        assert file.get_tensor("linear_0.weight").shape == (2, 20, 7)
    assert (document["format_version"], document["kind"]) == (4, "model")
    assert document["network"]["hidden_widths"] == [7, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("network"), "lacks 'network' in its document"),
        (lambda d: d.update(run="rm -r"), "has the unknown 'run' in its document"),
        (lambda d: d["targets"].update(classes=["a", [2], "b"]), "not a description of targets"),
        (lambda d: d["network"].update(input_scale=10**400), "has more than 300 digits"),
        (lambda d: d["network"].update(init="os.system"), "unexpected keyword argument"),
        (lambda d: d.update(num_members="two"), "does not describe a model"),
        (lambda d: d.update(num_members=0), "num_members must be whole numbers of at least 1"),
        (lambda d: d["network"].update(activation="exec"), "unknown activation 'exec'"),
        (
            lambda d: d["network"].update(hidden_widths=[7]),
            "has the unknown 'linear_2.bias'",
        ),
        (lambda d: d["network"].update(hidden_widths=[7, 6]), "it must be F32"),
        (lambda d: d["network"].update(hidden_widths=[10**9, 10**9]), "it must be F32"),
        (
            lambda d: d["targets"].update(classes=["a"]),
            "1 classes do not fit a network of 20 inputs",
        ),
        (lambda d: d["encoder"].update(image_shape=[4, 6]), "images of 4 x 6"),
        (lambda d: d["encoder"].update(image_shape=4), "must be a height and a width"),
        (lambda d: d["encoder"].update(kind="sounds"), "encoder of 'sounds'"),
        (lambda d: d.pop("encoder"), "lacks 'encoder'"),
        (lambda d: d.update(schema={"columns": []}), "an encoder of 'images' with this schema"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(path, change, message):
    rewrite(path, change)
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


def test_weights_that_are_not_finite_are_refused(path):
    container = read_container(path)
    container.arrays["linear_1.weight"][0, 0, 0] = np.nan
    write_container(path, container.kind, container.document, container.arrays)
    with pytest.raises(ModelFileError, match=r"linear_1.weight in .* not finite"):
        load_model(path)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = make_model()
    model.network.weights[1][0, 0, 0] = torch.inf
    with pytest.raises(ModelFileError, match=r"linear_1.weight in .* not finite"):
        save_model(model, tmp_path / "model.safetensors")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_each_format_version_still_loads(version):
    path = FORMATS / f"version-{version}.safetensors"
    model = load_model(path)
    expected = Network.initialized(NetworkSpec(6, 3, (4,), "gelu", input_scale=1 / 255), [0, 1])
    assert torch.equal(model.network.parameters, expected.parameters)
    assert model.class_names == ("cat", "dög", "$x$")
    assert model.details["data"] == "pets"
    assert version < 3 or model.details["words"][-1] == "word 39"
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 3), dtype=np.uint8)
    expected = Model.of_images(expected, (2, 3), model.class_names).probabilities(images)
    np.testing.assert_array_equal(model.probabilities(images), expected)
    assert model.predict(images).tolist() == [model.class_names[n] for n in expected.argmax(1)]
    with pytest.raises(DataError, match="without held-out rows"):
        model.sets(images)


def test_a_name_of_a_class_that_stands_in_an_old_file_twice_is_numbered(tmp_path):
    container = read_container(FORMATS / "version-2.safetensors")
    document = {**container.document, "class_names": ["cat", "cat", "cat"]}
    write_container(tmp_path / "old", "images", document, container.arrays)
    assert load_model(tmp_path / "old").class_names == ("cat", "cat (1)", "cat (2)")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=f"there is no model file {tmp_path / 'absent'}"):
        load_model(tmp_path / "absent")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_gives_anything_but_a_model_or_a_model_file_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    save_model(make_model(), path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    else:
        position = data.draw(st.integers(0, min(len(content) - 1, 1200)))
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load_model(path)
    except ModelFileError as error:
        assert "\n" not in str(error)
