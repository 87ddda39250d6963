import json
import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.columns.kinds import infer_schema
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError, DataWarning, ModelFileError, SettingsError, TableError
from multilayer.model.conformal import ConformalScores
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, save_model

FRAME = pl.DataFrame(
    {
        "size": [1.0, 2.0, None, 4.0, 8.0],
        "town": ["Bern", "Oslo", "Rome", None, "Bern"],
        "garden": [True, False, True, True, False],
    }
)
TARGETS = {
    "binary": ["no", "yes", "no", "yes", "no"],
    "multiclass": ["a", "b", "c", "a", "b"],
    "multilabel": [[0, 1], [1, 1], [0, 0], [1, 0], [0, 1]],
    "regression": [[1.0, -1.0], [2.0, 5.0], [3.0, 0.0], [4.5, 2.0], [5.0, 9.0]],
}


def make_model(task: str, num_members: int = 2, **fields) -> Model:
    schema = infer_schema(FRAME)
    encoder = Encoder.fit(FRAME, schema)
    targets = Targets.fit(np.array(TARGETS[task]), task)
    spec = NetworkSpec(encoder.num_inputs, targets.num_outputs, (6,))
    network = Network.initialized(spec, range(num_members))
    return Model(schema, encoder, targets, network, **fields)


@pytest.mark.parametrize("task", list(TARGETS))
def test_a_model_is_the_same_after_its_file(task, tmp_path):
    width = 2 if task == "regression" else 1
    conformal = ConformalScores.of([np.arange(40.0).reshape(-1, width) / 40 for _ in range(2)])
    model = make_model(
        task, temperature=1.7, uniform_share=0.01, clips=True, details={"why": "a test"},
        conformal=None if task == "multilabel" else conformal,
    )  # fmt: skip
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert (loaded.predict(FRAME) == model.predict(FRAME)).all()
    assert (loaded.schema, loaded.targets) == (model.schema, model.targets)
    assert (loaded.temperature, loaded.uniform_share, loaded.clips) == (1.7, 0.01, True)
    assert loaded.details == {"why": "a test"}
    assert torch.equal(loaded.network.parameters, model.network.parameters)
    if task == "regression":
        np.testing.assert_array_equal(loaded.intervals(FRAME, 0.5), model.intervals(FRAME, 0.5))
    elif task != "multilabel":
        np.testing.assert_array_equal(loaded.sets(FRAME, 0.5), model.sets(FRAME, 0.5))


def test_probabilities_are_the_mean_of_the_tempered_members():
    model = make_model("multiclass", temperature=2.0, uniform_share=0.1)
    inputs = torch.from_numpy(model.encoder.encode(FRAME)).double()
    expected = np.zeros((5, 3))
    for weights_0, biases_0, weights_1, biases_1 in zip(
        model.network.weights[0], model.network.biases[0],
        model.network.weights[1], model.network.biases[1], strict=True,
    ):  # fmt: skip
        hidden = torch.relu(inputs @ weights_0.double() + biases_0.double())
        logits = hidden @ weights_1.double() + biases_1.double()
        expected += (0.9 * (logits / 2).softmax(-1).numpy() + 0.1 / 3) / 2
    np.testing.assert_allclose(model.probabilities(FRAME), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.probabilities(FRAME).sum(1), 1)


def test_labels_have_probabilities_of_their_own():
    model = make_model("multilabel", num_members=1, temperature=0.5)
    outputs = model.member_outputs(FRAME)
    np.testing.assert_allclose(model.probabilities(FRAME), 1 / (1 + np.exp(-2 * outputs[0])))
    assert model.predict(FRAME).tolist() == (outputs[0] > 0).astype(int).tolist()


def test_a_row_has_the_same_answer_in_any_company():
    model = make_model("multiclass", num_members=3)
    whole = model.probabilities(FRAME)
    alone = np.concatenate([model.probabilities(FRAME[row]) for row in range(len(FRAME))])
    np.testing.assert_allclose(alone, whole, rtol=0, atol=1e-13)


def test_any_table_is_answered_with_columns_found_by_name():
    model = make_model("multiclass")
    expected = model.probabilities(FRAME)
    shuffled = FRAME.select("garden", pl.lit(3).alias("extra"), "town", "size")
    np.testing.assert_array_equal(model.probabilities(shuffled), expected)
    np.testing.assert_array_equal(model.probabilities(FRAME.to_pandas()), expected)
    np.testing.assert_array_equal(model.probabilities(FRAME.to_dicts()), expected)
    with pytest.raises(TableError, match="'size', 'town' are not in the table"):
        model.predict(FRAME.select("garden"))


def test_intervals_take_the_mean_where_the_mean_was_scored():
    scores = ConformalScores.of([np.arange(1.0, 21)[:, None].repeat(2, axis=1)])
    model = make_model("regression", conformal=scores)
    lower, upper = model.intervals(FRAME, 0.5)
    np.testing.assert_allclose(upper - model.numbers(FRAME), 11)
    np.testing.assert_allclose(model.numbers(FRAME) - lower, 11)


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_files_from_before_there_were_other_losses_still_answer_alike(kind):
    path = Path(__file__).parent / "formats" / f"table-{kind}-version-2.safetensors"
    model = load_model(path)
    frame = pl.DataFrame({"size": [80.0, None], "town": ["Oslo", "Rome"]})
    if kind == "classes":
        expected = [[0.0601842876, 0.9398157124], [0.6624758899, 0.3375241101]]
        with pytest.warns(DataWarning, match="for example 'Rome'"):
            np.testing.assert_allclose(model.probabilities(frame), expected, rtol=1e-6)
        return
    with pytest.warns(DataWarning, match="for example 'Rome'"):
        predicted = model.predict(frame)
        ends = np.stack(model.intervals(frame, 0.5), axis=-1)[:, 0]
    np.testing.assert_allclose(predicted, [303.6611415781, 342.1987977169], rtol=1e-6)
    expected = [[282.2319107904, 325.0903723657], [320.7695669293, 363.6280285045]]
    np.testing.assert_allclose(ends, expected, rtol=1e-6)


def test_a_file_with_long_lists_outside_still_answers_alike():
    model = load_model(Path(__file__).parent / "formats" / "table-classes-version-3.safetensors")
    frame = pl.DataFrame({"size": [80.0, None], "town": ["town 3", "town 20"]})
    expected = [[0.46632888, 0.53367112], [0.44290756, 0.55709244]]
    np.testing.assert_allclose(model.probabilities(frame), expected, rtol=1e-6)
    assert model.sets(frame, 0.8).tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize(
    ("loss", "levels"), [("poisson", ()), ("quantile", (0.2, 0.5, 0.9)), ("quantile", (0.5,))]
)
def test_a_file_keeps_what_its_numbers_are(loss, levels, tmp_path):
    schema = infer_schema(FRAME)
    encoder = Encoder.fit(FRAME, schema)
    counts = np.array([[1.0, 0.0], [2.0, 5.0], [3.0, 0.0], [4.0, 2.0], [5.0, 9.0]])
    targets = Targets.fit(counts, "regression", loss=loss, quantiles=levels)
    spec = NetworkSpec(encoder.num_inputs, targets.num_outputs, (6,))
    scores = ConformalScores.of([np.arange(40.0).reshape(-1, 2) / 40 - 0.2 for _ in range(2)])
    network = Network.initialized(spec, range(2))
    model = Model(schema, encoder, targets, network, conformal=scores)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.targets == model.targets
    np.testing.assert_array_equal(loaded.predict(FRAME), model.predict(FRAME))
    np.testing.assert_array_equal(loaded.intervals(FRAME, 0.5), model.intervals(FRAME, 0.5))
    if levels:
        assert loaded.quantiles(FRAME).shape == (5, 2, len(levels))
        return
    with pytest.raises(SettingsError, match="fitted with the loss 'quantile'"):
        loaded.quantiles(FRAME)
    outputs = model.member_outputs(FRAME)
    np.testing.assert_allclose(model.predict(FRAME), (np.exp(outputs) * [3, 3.2]).mean(axis=0))
    low, high = loaded.intervals(FRAME, 0.9)
    assert ((low >= 0) & (low <= model.predict(FRAME)) & (model.predict(FRAME) <= high)).all()


def test_what_a_model_cannot_answer_is_said():
    numbers, classes = make_model("regression"), make_model("multiclass")
    with pytest.raises(SettingsError, match="this model predicts numbers"):
        numbers.probabilities(FRAME)
    with pytest.raises(SettingsError, match="the task is multiclass"):
        classes.numbers(FRAME)
    with pytest.raises(SettingsError, match="the task is regression"):
        numbers.sets(FRAME)
    with pytest.raises(DataError, match="without held-out rows"):
        classes.sets(FRAME)


def test_a_model_can_be_pickled_after_it_has_answered():
    model = make_model("multiclass")
    expected = model.probabilities(FRAME)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.probabilities(FRAME), expected)


def rewritten(path, change, arrays=None) -> None:
    container = read_container(path)
    document = json.loads(json.dumps(container.document))
    change(document)
    write_container(path, container.kind, document, arrays or container.arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(temperature=0), "temperature must be a number from 0.001"),
        (lambda d: d.update(uniform_share=2), "uniform_share must be a number from 0 to 1"),
        (lambda d: d.update(spread=[0.5]), "spread must be a list of a number for each class"),
        (lambda d: d.update(spread=0.5), "spread must be a list of a number for each class"),
        (lambda d: d.update(num_members=3, num_conformal_rows=[]), "the unknown 'conformal.0'"),
        (lambda d: d["network"].update(hidden_widths=[7]), r"is F32 \(2, .* must be F32 \(2, "),
        (lambda d: d.update(clips="yes"), "clips must be true or false"),
        (lambda d: d["network"].update(num_inputs=99), "do not fit a network of 99 inputs"),
        (lambda d: d["encoder"].pop("means"), "not the encoder of a table"),
        (lambda d: d["targets"].update(task="ranking"), "not a description of targets"),
        (lambda d: d["schema"].pop("columns"), "not the schema of a table"),
        (lambda d: d.update(num_conformal_rows=[20, 20, 20]), "3 arrays of scores do not fit 2"),
        (lambda d: d.update(num_conformal_rows=[20, "3"]), "whole numbers of at least 1"),
        (lambda d: d.pop("details"), "lacks 'details'"),
        (lambda d: d.update(extra=1), "has the unknown 'extra'"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change, message, tmp_path):
    path = tmp_path / "model.safetensors"
    scores = ConformalScores.of([np.ones((20, 1))] * 2)
    save_model(make_model("multiclass", conformal=scores), path)
    rewritten(path, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_scores_that_do_not_ascend_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    scores = ConformalScores((np.array([[0.5], [0.25]]),))
    save_model(make_model("multiclass", conformal=scores), path)
    with pytest.raises(ModelFileError, match="do not ascend"):
        load_model(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_container(tmp_path / "model.safetensors", "training_state", {}, {})
    with pytest.raises(ModelFileError, match="it must hold 'model' or 'images' or 'table'"):
        load_model(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="there is no model file"):
        load_model(tmp_path / "absent")
