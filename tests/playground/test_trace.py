"""Every value of a traced step is autograd's, its code's and, once, a sum's by hand."""

import re
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.engine.network import Network
from multilayer.engine.specification import ActivationName
from multilayer.engine.step import Step
from multilayer.errors import SettingsError
from multilayer.playground.backpropagation_trace import OptimizerState, trace_step
from multilayer.playground.code import as_scratch
from multilayer.playground.problems import make_problem
from multilayer.playground.setup import INITIALIZATIONS, MADE_PROBLEMS, Setup
from multilayer.playground.words import WORDS

ACTIVATIONS = {
    "relu": torch.relu, "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu, "selu": torch.selu, "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu, "mish": torch.nn.functional.mish,
    "softplus": torch.nn.functional.softplus, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "identity": lambda z: z,
}  # fmt: skip


def first_parameters(problem, dtype=torch.float64):
    shared = problem.prepared.settings
    return Network.initialized(
        problem.prepared.spec, [shared.seed], shared.initialization, dtype
    ).parameters  # fmt: skip


def by_autograd(setup, problem, flat, rows, masks):
    """Values by key, with the gradients that autograd finds of all of them."""
    spec, values = problem.prepared.spec, {}
    X = torch.from_numpy(problem.inputs)[rows].double()
    y = problem.examples.targets[rows]
    values["X"], values["y"] = X, y
    for layer, (weight, bias) in enumerate(spec.linear_layers, 1):
        values[f"W{layer}"] = weight.view(flat)[0].clone().requires_grad_()
        values[f"b{layer}"] = bias.view(flat)[0, 0].clone().requires_grad_()
    H = X
    for layer, name in enumerate(setup.activations, 1):
        Z = values[f"Z{layer}"] = H @ values[f"W{layer}"] + values[f"b{layer}"]
        Z.retain_grad()
        H = ACTIVATIONS[name](Z)
        if setup.dropout:
            values[f"A{layer}"], values[f"M{layer}"] = H, torch.from_numpy(masks[layer])
            H = H * values[f"M{layer}"]
        values[f"H{layer}"] = H
        H.retain_grad()
    last = len(setup.activations) + 1
    outputs = values["O"] = H @ values[f"W{last}"] + values[f"b{last}"]
    outputs.retain_grad()
    if problem.task == "classes":
        values["loss"] = torch.nn.functional.cross_entropy(outputs, y)
    else:
        values["loss"] = ((outputs - y) ** 2).mean()
    values["loss"].backward()
    for layer in range(1, last + 1):
        values[f"delta{layer}"] = (outputs if layer == last else values[f"Z{layer}"]).grad
        for name in (f"W{layer}", f"b{layer}"):
            values[f"{name}.grad"] = values[name].grad
        if layer < last:
            values[f"dH{layer}"] = values[f"H{layer}"].grad
    return values


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from(get_args(ActivationName))), max_size=6),
    st.sampled_from(MADE_PROBLEMS),
    st.sampled_from(INITIALIZATIONS[:1] + INITIALIZATIONS[2:]),
    st.sampled_from([0.0, 0.3]),
    st.lists(st.integers(0, 31), min_size=1, max_size=9),
    st.integers(0, 1000),
)
def test_every_value_is_autograds(layers, name, initialization, dropout, rows, seed):
    setup = Setup(
        name, 0.1, 40, tuple(width for width, _ in layers),
        tuple(activation for _, activation in layers), initialization, dropout=dropout, seed=seed,
    )  # fmt: skip
    problem = make_problem(setup)
    flat = first_parameters(problem)
    traced = {value.key: value for value in trace_step(setup, problem, flat, rows)}
    masks = {value.layer: value.values for value in traced.values() if value.key[0] == "M"}
    expected = by_autograd(setup, problem, flat, rows, masks)
    own = {key for key in expected if not re.fullmatch(r"[Wb]\d", key)}
    assert {key for key, value in traced.items() if value.phase != "update"} == own
    for key in own:
        np.testing.assert_allclose(
            traced[key].values, expected[key].detach().numpy(), atol=1e-12, err_msg=key
        )
        assert traced[key].shape == tuple(expected[key].shape)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_update_is_the_engines(optimizer, decay):
    setup = Setup(
        "spirals", 0.1, 60, (4, 3), ("gelu", "tanh"), "he", optimizer, 0.05, weight_decay=decay
    )
    problem = make_problem(setup)
    network = Network.of(problem.prepared.spec, first_parameters(problem))
    step = Step(network, problem.prepared.settings)
    rows, state = torch.arange(7), None
    for _ in range(3):
        before = network.parameters.clone()
        traced = trace_step(setup, problem, before, rows, state)
        step(problem.examples.inputs[rows].double()[None], problem.examples.targets[rows][None])
        known = step.state()
        if optimizer == "adam":
            state = OptimizerState(
                known["first_moment"].clone(), known["second_moment"].clone(),
                int(known["num_steps"]),
            )  # fmt: skip
        after = {value.key: value.values for value in traced if value.key.endswith(".after")}
        for layer, (weight, bias) in enumerate(
            zip(network.weights, network.biases, strict=True), 1
        ):
            np.testing.assert_allclose(after[f"W{layer}.after"], weight[0].numpy(), atol=1e-12)
            np.testing.assert_allclose(after[f"b{layer}.after"], bias[0, 0].numpy(), atol=1e-12)
        for value in traced:
            if value.by_hand:
                assert_holds(value.by_hand, value.values[value.place])


def assert_holds(by_hand, after):
    """The sum that is written down, done by Python."""
    _, term, result = (
        by_hand.replace("−", "-").replace("×", "*").replace("10⁻⁸", "1e-8").split(" = ")
    )
    term = re.sub(r"√([0-9.e-]+)", r"(\1)**0.5", term)
    assert eval(term) == pytest.approx(float(result), abs=2e-5)
    assert float(result) == pytest.approx(after, abs=1e-5)


def test_a_step_by_hand():
    """One neuron, one row: z = 0.5·1 + 0, h = max(z, 0), o = h·(2, 0), p = softmax(o)."""
    setup = Setup("xor", num_rows=40, hidden_widths=(1,), activations=("relu",), num_epochs=1)
    problem = make_problem(setup)
    row = int(problem.examples.targets.argmin())  # of class 0
    x1, x2 = (float(number) for number in problem.inputs[row])
    flat = torch.zeros(1, problem.prepared.spec.num_parameters, dtype=torch.float64)
    network = Network.of(problem.prepared.spec, flat)
    network.weights[0][0, :, 0] = torch.tensor([0.5 / x1, 0.0])
    network.weights[1][0, 0] = torch.tensor([2.0, 0.0])
    traced = {value.key: value for value in trace_step(setup, problem, flat, [row])}
    p = np.exp(1) / (np.exp(1) + 1)  # softmax of (1, 0)
    for key, expected in {
        "Z1": [[0.5]], "H1": [[0.5]], "O": [[1, 0]], "loss": -np.log(p),
        "delta2": [[p - 1, 1 - p]], "W2.grad": [[0.5 * (p - 1), 0.5 * (1 - p)]],
        "b2.grad": [p - 1, 1 - p], "dH1": [[2 * (p - 1)]], "delta1": [[2 * (p - 1)]],
        "W1.grad": [[2 * (p - 1) * x1], [2 * (p - 1) * x2]],
        "W2.after": [[2 - 0.1 * 0.5 * (p - 1), -0.1 * 0.5 * (1 - p)]],
    }.items():  # fmt: skip
        np.testing.assert_allclose(traced[key].values, expected, atol=1e-12, err_msg=key)
    assert traced["b2.after"].by_hand == "b₁ = 0 − 0.1 × (−0.268941) = 0.0268941"
    assert traced["delta1"].formula == "δ⁽¹⁾ = ∂L/∂Z⁽¹⁾ = ∂L/∂H⁽¹⁾ ⊙ ReLU'(Z⁽¹⁾)"
    assert traced["W2.grad"].formula == "∂L/∂W⁽²⁾ = H⁽¹⁾ᵀ δ⁽²⁾"
    assert traced["Z1"].formula == "Z⁽¹⁾ = X W⁽¹⁾ + b⁽¹⁾"
    assert traced["delta1"].code == "delta1 = dH1 * (self.Z1 > 0)"


@pytest.mark.parametrize("name", ["moons", "surface"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_lines_are_those_of_the_printed_code_and_everything_has_words(name, optimizer, dropout):
    setup = Setup(
        name, 0.1, 40, (3, 2), ("selu", "identity"), "he", optimizer, 0.01,
        weight_decay=0.1, dropout=dropout,
    )  # fmt: skip
    problem = make_problem(setup)
    code = as_scratch(setup).splitlines()
    traced = trace_step(setup, problem, first_parameters(problem), [0, 1, 2])
    assert len({value.key for value in traced}) == len(traced)
    assert [value.phase for value in traced] == sorted(
        (value.phase for value in traced), key=["forward", "backward", "update"].index
    )
    for value in traced:
        assert code[value.line - 1].strip() == value.code
        assert {value.name, f"{value.name}.text", f"trace.{value.phase}"} <= WORDS.keys()
        assert value.symbol
        assert value.formula or value.key in ("X", "y")
        assert bool(value.by_hand) == value.key.endswith(".after")
    assert {value.name for value in traced} <= set(WORDS)


def test_the_printed_code_computes_the_traced_values():
    setup = Setup("circles", 0.1, 40, (4, 3), ("mish", "relu"), "glorot", num_epochs=1, seed=2)
    problem = make_problem(setup)
    names: dict = {}
    before, _, _ = as_scratch(setup).partition("with torch.no_grad()")
    exec(before, names)
    model, rows = names["model"], [0, 5, 9, 9]
    X, y = torch.from_numpy(problem.inputs)[rows], problem.examples.targets[rows]
    with torch.no_grad():
        outputs = model(X)
        model.backward(X, outputs, y)
    flat = first_parameters(problem, torch.float32)
    compared = 0
    for value in trace_step(setup, problem, flat, rows):
        theirs = getattr(model, value.key, None)
        if value.key.endswith(".grad"):
            theirs = getattr(model, value.key[:2]).grad
        if isinstance(theirs, torch.Tensor):
            np.testing.assert_allclose(value.values, theirs.numpy(), atol=1e-6, err_msg=value.key)
            compared += 1
    assert compared == 2 * 2 + 2 * 3


def test_what_cannot_be_traced_is_said():
    setup = Setup("xor", num_rows=40)
    problem = make_problem(setup)
    flat = first_parameters(problem)
    with pytest.raises(SettingsError, match="parameters must be 114 numbers; they are 100"):
        trace_step(setup, problem, flat[:, :100], [0])
    for rows in ([], [32], [-1]):
        with pytest.raises(SettingsError, match="rows must be one or more numbers from 0 to 31"):
            trace_step(setup, problem, flat, rows)
    several = trace_step(setup, problem, flat.expand(3, -1), [0])
    assert len(several) == len(trace_step(setup, problem, flat[0], [0]))
