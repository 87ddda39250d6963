"""Many rows of tables answered by compiled code, against the network in NumPy and in PyTorch."""

import math
import pickle
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model.test_numpy_network import SPECS, random_rows, varied

from multilayer.engine.compiled.answering import CompiledAnswers
from multilayer.engine.compiled.library import SWITCH, compiled_code
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError
from multilayer.model.numpy_population import NumPyPopulation

pytestmark = pytest.mark.skipif(compiled_code() is None, reason="there is no compiled code here")


def two_members(spec: NetworkSpec) -> Network:
    network = varied(spec)
    parameters = torch.cat([network.parameters, network.parameters * 1.1])
    return Network.of(spec, parameters)


def in_numpy(network: Network) -> NumPyPopulation:
    parameters = {name: view.numpy() for name, view in network.named_parameters()}
    return NumPyPopulation(network.spec, parameters, np.float64)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SPECS)), st.integers(1, 700), st.integers(1, 3),
    st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
def test_rows_are_answered_as_in_pytorch(name, num_rows, num_threads, dtype):
    network = two_members(SPECS[name])
    rows = random_rows(network.spec, num_rows).astype(dtype)
    expected = network.double.logits(torch.from_numpy(rows).double()).numpy()
    answers = CompiledAnswers(network.spec, network.double.parameters.numpy())
    found = answers.outputs(rows, num_threads=num_threads)
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    part = rows[3:]  # the same bits, whatever is beside them
    if len(part):
        np.testing.assert_array_equal(answers.outputs(part, num_threads=1), found[:, 3:])
    np.testing.assert_array_equal(answers.outputs(rows, 1, num_threads), found[1:])


def test_activations_by_layer_are_answered_without_it():
    network = two_members(NetworkSpec(5, 2, (8, 6), "relu,tanh"))
    rows = random_rows(network.spec, 50)
    parameters = network.double.parameters.numpy()
    assert CompiledAnswers(network.spec, parameters).outputs(rows) is None
    expected = network.double.logits(torch.from_numpy(rows).double()).numpy()
    np.testing.assert_allclose(in_numpy(network).outputs(rows), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", SPECS)
def test_a_predictor_answers_alike_with_it_and_without(monkeypatch, name):
    network = two_members(SPECS[name])
    rows = random_rows(network.spec, 1100)
    found = in_numpy(network).outputs(rows)
    monkeypatch.setenv(SWITCH, "0")
    expected = in_numpy(network).outputs(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(found, expected) or not network.spec.hidden_widths  # or it was NumPy


def test_threads_that_ask_at_once_get_what_each_would_alone():
    population = in_numpy(two_members(SPECS["a table"]))
    rows = random_rows(SPECS["a table"], 600)
    parts = [rows[10 * number : 10 * number + 300] for number in range(8)]
    expected = [population.outputs(part) for part in parts]
    found: dict[int, list[np.ndarray]] = {}

    def ask(number: int) -> None:
        found[number] = [population.outputs(parts[number]) for _ in range(20)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, answers in found.items():
        assert all(np.array_equal(answer, expected[number]) for answer in answers)


def test_what_it_had_better_not_answer_is_left_to_others(monkeypatch):
    def answers(spec: NetworkSpec) -> CompiledAnswers:
        return CompiledAnswers(spec, np.zeros((1, spec.num_parameters)))

    small, rows = NetworkSpec(4, 1, (16,)), np.zeros((100, 4), np.float32)
    assert answers(small).outputs(rows) is not None
    assert answers(small).outputs(rows[:0]) is None
    assert answers(small).outputs(rows.astype(np.int64)) is None
    assert answers(NetworkSpec(4, 1, (1024, 1024))).outputs(rows) is None
    monkeypatch.setenv(SWITCH, "0")
    assert answers(small).outputs(rows) is None


@pytest.mark.parametrize("code", [-1.0, 9.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["a table", "one-hot columns as codes"])
def test_a_code_out_of_range_is_refused(name, code):
    network = two_members(SPECS[name])
    rows = random_rows(network.spec, 50)
    rows[7, network.spec.row_width - 1 if network.spec.category_sizes else 1] = code
    with pytest.raises(DataError, match="codes of .* must be from 0 to"):
        in_numpy(network).outputs(rows)
    with pytest.raises(DataError, match="this network takes"):
        in_numpy(network).outputs(rows[:, 1:])


def test_a_pickled_population_answers_as_before():
    population = in_numpy(two_members(SPECS["a table"]))
    rows = random_rows(SPECS["a table"], 100)
    expected = population.outputs(rows)
    copy = pickle.loads(pickle.dumps(population))
    np.testing.assert_array_equal(copy.outputs(rows), expected)
