"""Networks of several shapes answer as the mean of what each answers."""

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import ModelFileError
from multilayer.model.mixed_networks import MixedNetworks
from multilayer.model.mixing import kind_of_outputs, mixed_outputs
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, load_predictor, save_model

SHARES = (0.5, 0.3, 0.2)
SHAPES = ((8, 4), (5,), ())
TARGETS = {
    "multiclass": np.array(["a", "b", "c"] * 10),
    "binary": np.array([0, 1] * 15),
    "multilabel": np.array([[0, 1], [1, 0], [1, 1]] * 10),
    "regression": np.arange(30.0) ** 2,
}


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@pytest.fixture
def frame() -> pl.DataFrame:
    source = np.random.default_rng(0)
    return pl.DataFrame({"x": source.normal(size=30), "z": source.normal(size=30)})


def model_of(task: str, frame: pl.DataFrame, num_members: int = 2) -> tuple[Model, list[Model]]:
    """A mixture, and a model of each of its populations."""
    schema, targets = infer_schema(frame), Targets.fit(TARGETS[task], task)
    encoder = Encoder.fit(frame, schema)
    networks = [
        Network.initialized(
            NetworkSpec(encoder.num_inputs, targets.num_outputs, widths),
            [10 * number + member for member in range(num_members)],
        )
        for number, widths in enumerate(SHAPES)
    ]
    mixed = MixedNetworks(networks, SHARES, kind_of_outputs(task))
    return (
        Model(schema, encoder, targets, mixed),
        [Model(schema, encoder, targets, network) for network in networks],
    )


@pytest.mark.parametrize("task", TARGETS)
def test_answers_are_means_by_share(task, frame):
    model, alone = model_of(task, frame)
    if task == "regression":
        expected = sum(s * one.numbers(frame) for s, one in zip(SHARES, alone, strict=True))
        found = model.numbers(frame)
    else:
        expected = sum(s * one.probabilities(frame) for s, one in zip(SHARES, alone, strict=True))
        found = model.probabilities(frame)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("task", TARGETS)
def test_a_file_brings_the_same_answers_with_and_without_pytorch(task, frame, tmp_path):
    model, _ = model_of(task, frame)
    save_model(model, tmp_path / "m.safetensors")
    answer = "numbers" if task == "regression" else "probabilities"
    expected = getattr(model, answer)(frame)
    again = load_model(tmp_path / "m.safetensors")
    assert (getattr(again, answer)(frame) == expected).all()
    without = load_predictor(tmp_path / "m.safetensors")
    assert getattr(without, answer)(frame) == pytest.approx(expected, abs=1e-9)
    one = frame[3:4]
    assert getattr(without, answer)(one)[0] == pytest.approx(expected[3], abs=1e-9)
    save_model(again, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (
        tmp_path / "m.safetensors"
    ).read_bytes()


def test_a_member_is_the_mixture_of_members(frame):
    model, alone = model_of("multiclass", frame)
    inputs = torch.from_numpy(model.encoder.encode(frame))
    for member in range(2):
        parts = [softmax(one.network.member(member).logits(inputs).numpy()) for one in alone]
        expected = sum(share * part for share, part in zip(SHARES, parts, strict=True))
        found = softmax(model.network.member(member).logits(inputs).numpy())
        assert found == pytest.approx(expected, abs=1e-6)
    swapped = model.network.of_members([1])
    assert swapped.logits(inputs)[0] == pytest.approx(model.network.logits(inputs)[1], abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_far_apart_stay_finite_and_true(dtype):
    outputs = [np.array([[800.0, -800.0, 0.0]], dtype), np.array([[-800.0, 800.0, 0.0]], dtype)]
    mixed = mixed_outputs(outputs, (0.25, 0.75), "classes")
    assert mixed.dtype == dtype
    assert softmax(mixed)[0] == pytest.approx([0.25, 0.75, 0], abs=1e-6)
    labels = mixed_outputs(outputs, (0.25, 0.75), "labels")
    assert labels.dtype == dtype
    assert sigmoid(labels)[0] == pytest.approx([0.25, 0.75, 0.5], abs=1e-6)
    assert np.isfinite(labels).all()
    assert (mixed_outputs(outputs, (0.5, 0.5), "numbers") == 0).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(weights=[0.5, 0.6, 0.2]), "sum to 1"),
        (lambda m: m.update(weights=[0.5, 0.5]), "one for each"),
        (lambda m: m.update(weights=[0.5, 0.5, 0]), "one for each"),
        (lambda m: m.update(weights=[1.5, -0.3, -0.2]), "weight must be a number"),
        (lambda m: m.update(others=[]), "one for each"),
        (lambda m: m.update(extra=1), "weights, and a list of others"),
        (lambda m: m["others"][0].update(num_outputs=7), "do not fit a network"),
        (lambda m: m["others"][0].update(hidden_widths=[6]), "1/linear_0.weight"),
    ],
)
def test_a_mixture_that_is_not_whole_is_refused(change, words, frame, tmp_path):
    from multilayer.container.reading import read_container
    from multilayer.container.writing import write_container

    model, _ = model_of("multiclass", frame)
    save_model(model, tmp_path / "m.safetensors")
    container = read_container(tmp_path / "m.safetensors")
    document = container.document
    change(document["mixture"])
    for key in ("format_version", "kind"):
        document.pop(key, None)
    write_container(tmp_path / "bad.safetensors", container.kind, document, container.arrays)
    with pytest.raises(ModelFileError, match=words):
        load_predictor(tmp_path / "bad.safetensors")
