"""The compiled step against the step that PyTorch's operations make, which is its twin."""

import math
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multilayer import Examples, Network, TrainingSettings, train
from multilayer.encoding.one_hot_block import OneHotBlock, code_places
from multilayer.engine.compiled.compiled_step import COMPILED, CompiledStep
from multilayer.engine.compiled.coverage import is_covered
from multilayer.engine.compiled.library import SWITCH, compiled_code
from multilayer.engine.specification import ActivationName, NetworkSpec, get_args
from multilayer.engine.step import Step
from multilayer.engine.training_loop import Training
from multilayer.errors import CheckpointError, DataError, DataWarning, TrainingDivergedError

pytestmark = pytest.mark.skipif(compiled_code() is None, reason="there is no compiled code here")

_BLOCKS = (
    OneHotBlock(1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    OneHotBlock(5, (-0.5, 0.2), (1.5, 2.0)),
)
_LOSSES = (
    "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber", "quantile",
    "poisson",
)  # fmt: skip


@st.composite
def trainings(draw):
    """A shape, settings of each member, rows, orders of them, sizes of batches, and threads."""
    choose = lambda *values: draw(st.sampled_from(values))  # noqa: E731
    source = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    kind = choose("plain", "one-hot", "embedded", "embedded")
    is_embedded = kind == "embedded"
    numbers = choose(0, 1, 4) if is_embedded else 0
    categories = draw(st.lists(st.sampled_from((2, 5, 20)), max_size=3)) if is_embedded else []
    statistics = choose(0, 1, 2) if categories else 0
    passed = {"one-hot": 12, "plain": choose(1, 3, 20)}.get(kind, choose(1, 7))
    loss, num_levels, num_targets = choose(*_LOSSES), choose(1, 3), choose(1, 2)
    num_outputs = {"cross_entropy": choose(2, 5, 10), "quantile": num_levels * num_targets}
    spec = NetworkSpec(
        num_inputs=numbers + passed + len(categories),
        num_outputs=num_outputs.get(loss, num_targets),
        hidden_widths=tuple(draw(st.lists(st.sampled_from((1, 5, 16, 33, 64)), max_size=3))),
        activation=choose(*get_args(ActivationName)),
        input_scale=1.0 if kind == "one-hot" else choose(1.0, 0.5),
        standardize_inputs=kind == "plain" and choose(True, False),
        embedded_numbers=numbers,
        category_sizes=tuple(categories),
        scale_layer=choose(True, False),
        learned_activation=choose(True, False),
        batch_norm=choose(True, False),
        number_embedding=choose("periodic", "piecewise"),
        number_width=choose(2, 4),
        number_components=choose(2, 3, 16, 20),
        one_hot_blocks=_BLOCKS if kind == "one-hot" else (),
        category_statistics=statistics,
        embedding_limit=choose(0, 10) if statistics else 0,
        statistic_versions=choose(1, 3) if statistics else 1,
    )
    is_adam = choose(True, False)
    shared = TrainingSettings(
        hidden_widths=spec.hidden_widths, activation=spec.activation, loss=loss,
        quantiles=tuple((i + 1) / (num_levels + 1) for i in range(num_levels))
        if loss == "quantile" else (0.5,),
        label_smoothing=choose(0.0, 0.1) if loss == "cross_entropy" else 0.0,
        optimizer="adam" if is_adam else "sgd", momentum=0.0 if is_adam else choose(0.0, 0.9),
        learning_rate=0.01, batch_size=choose(3, 7, 32),
        schedule=choose("constant", "cosine", "one_cycle", "log_cosine"),
        dropout=choose(0.0, 0.3), input_dropout=choose(0.0, 0.2), weight_decay=choose(0.0, 0.1),
        regularization_schedule=choose("constant", "flat_cosine"),
        max_gradient_norm=choose(0.0, 0.5), average_decay=choose(0.0, 0.9),
        scale_rate_factor=choose(1.0, 6.0), bias_rate_factor=choose(1.0, 0.1),
        parametrization=choose("standard", "ntk"),
    )  # fmt: skip
    own = choose(True, False)
    members = [
        replace(
            shared, seed=seed, learning_rate=0.01 * (1 + own * seed),
            dropout=shared.dropout * (1 if own else 0.5),
            weight_decay=shared.weight_decay * (1 + seed),
        )
        for seed in range(choose(1, 1, 2, 3, 5))
    ]  # fmt: skip
    rows = _rows(spec, shared, source, choose(20, 45), draw)
    size = min(shared.batch_size, len(rows))
    sizes = [size] * (len(rows) // size) + [len(rows) % size] * bool(len(rows) % size)
    num_orders = choose(1, len(members))
    orders = torch.stack([torch.randperm(len(rows), generator=source) for _ in range(num_orders)])
    size_of_weights = 0.05 if loss == "poisson" else 0.3  # an output is an exponent there
    parameters = torch.randn(len(members), spec.num_parameters, generator=source).double()
    parameters *= size_of_weights
    for name, slot in spec.slots.items():
        if name.endswith("variance"):
            slot.view(parameters).abs_()
        if name == "numbers.edges":
            edges = slot.view(parameters)
            edges.copy_(edges.sort(-1).values * 3)
            if choose(True, False):
                edges[..., 1] = edges[..., 2]  # a bin without width
    return spec, members, rows, orders, sizes, parameters, choose(1, 2, 3)


def _rows(spec, shared, source, number, draw) -> Examples:
    inputs = torch.randn(number, spec.row_width, generator=source)
    for block, place in zip(spec.one_hot_blocks, code_places(spec.one_hot_blocks), strict=True):
        inputs[:, place] = torch.randint(0, block.size + 1, (number,), generator=source).float()
    first = spec.num_inputs - len(spec.category_sizes)
    for place, size in enumerate(spec.category_sizes, first):
        codes = torch.randint(0, size, (number,), generator=source)
        versions = torch.randint(0, spec.statistic_versions, (number,), generator=source)
        inputs[:, place] = (codes + size * versions).float()
    shape = number, spec.num_outputs
    if shared.loss == "cross_entropy":
        targets = torch.randint(0, spec.num_outputs, (number,), generator=source)
    elif shared.loss in ("binary_cross_entropy", "poisson"):
        targets = torch.randint(0, 2, shape, generator=source).double()
    else:
        num_levels = len(shared.quantiles) if shared.loss == "quantile" else 1
        targets = torch.randn(number, shape[1] // num_levels, generator=source).double()
    weights = torch.rand(number, generator=source).double() if draw(st.booleans()) else None
    inputs = inputs.double()
    if draw(st.booleans()):  # columns lie in memory one after the other
        inputs = inputs.t().contiguous().t()
    return Examples(inputs, targets, weights)


def _as(rows: Examples, dtype: torch.dtype) -> Examples:
    targets = rows.targets if rows.targets.dtype == torch.int64 else rows.targets.to(dtype)
    weights = None if rows.weights is None else rows.weights.to(dtype)
    return Examples(rows.inputs.to(dtype), targets, weights)


def _compiled(network, members, num_steps, batch_size, row_type, num_threads=1) -> CompiledStep:
    source = SimpleNamespace(batch_size=batch_size, row_type=row_type)
    return CompiledStep(compiled_code(), network, members, num_steps, source, num_threads)


def _are_close(found, expected, tolerance) -> bool:
    """The same as a whole: rounding may put a neuron on the other side of a bend."""
    if not torch.equal(found.isfinite(), expected.isfinite()):
        return False
    found, expected = (each.nan_to_num(0, 0, 0).double() for each in (found, expected))
    return float((found - expected).norm()) <= tolerance * (1 + float(expected.norm()))


@pytest.mark.parametrize(
    ("dtype", "tolerance", "num_steps"), [(torch.float64, 1e-10, 20), (torch.float32, 1e-4, 2)]
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(training=trainings())
def test_both_steps_come_to_the_same(dtype, tolerance, num_steps, training):
    spec, members, rows, orders, sizes, parameters, num_threads = training
    if dtype == torch.float32:  # Adam makes a whole step of the rounding of a gradient of 0
        members = [replace(member, optimizer="sgd") for member in members]
    if (
        spec.batch_norm
    ):  # values of few rows that are nearly alike make large ones of their rounding
        num_steps = min(num_steps, 3)
    rows, parameters, sizes = _as(rows, dtype), parameters.to(dtype), sizes[:num_steps]
    twin, own = Network.of(spec, parameters.clone()), Network.of(spec, parameters.clone())
    step = Step(twin, members, 2 * len(sizes))
    compiled = _compiled(own, members, 2 * len(sizes), sizes[0], dtype, num_threads)
    losses, place = [], 0
    with torch.inference_mode():
        for size in sizes:
            batch = orders[:, place : place + size]
            place += size
            weights = None if rows.weights is None else rows.weights[batch]
            losses.append(step(rows.inputs[batch], rows.targets[batch], weights).clone())
        found = compiled.run(rows, orders[:, :place], sizes)
    # A gradient of rounding alone moves a parameter by 1e-6 of a step of Adam.
    of_parameters = 1e-7 if members[0].optimizer == "adam" else tolerance
    assert _are_close(found, torch.stack(losses), max(tolerance, of_parameters))
    if not found.isfinite().all():
        return  # from here on both have NaN, and each its own
    assert _are_close(own.parameters, twin.parameters, of_parameters)
    expected, state = step.state(), compiled.state()
    assert state.pop(COMPILED) == compiled_code().sources
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        if name == "masks":
            assert torch.equal(state[name], value)  # the same bits were left out
        else:
            assert _are_close(state[name], value, of_parameters), name


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(training=trainings())
def test_rows_are_answered_as_the_network_answers_them(training):
    spec, members, rows, orders, sizes, parameters, num_threads = training
    inputs, others = rows.inputs.contiguous(), parameters * 1.1
    step = _compiled(Network.of(spec, parameters), members, 1, sizes[0], torch.float64, num_threads)
    before = {name: value.clone() for name, value in step.state().items()}
    expected = Network.of(spec, others).logits(inputs)
    found = step.answers(inputs, None)(others)
    assert _are_close(torch.stack(found), expected, 1e-12)
    chosen = [orders[member % len(orders), : 3 * member + 2] for member in range(len(members))]
    for of_member, numbers, answer in zip(
        expected, chosen, step.answers(inputs, chosen)(others), strict=True
    ):
        assert _are_close(answer, of_member[numbers], 1e-12)
    assert all(torch.equal(value, before[name]) for name, value in step.state().items())
    assert step.answers(inputs.float(), None) is None


@pytest.mark.parametrize("is_learned", [False, True])
@pytest.mark.parametrize("activation", get_args(ActivationName))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_activation_makes_a_number_of_nan(activation, is_learned, dtype):
    spec = NetworkSpec(3, 1, (20,), activation, learned_activation=is_learned)
    parameters = torch.zeros(1, spec.num_parameters, dtype=dtype)
    bias = spec.linear_layers[0][1].view(parameters)
    bias[..., 18] = math.nan
    members = TrainingSettings(hidden_widths=(20,), activation=activation, loss="squared_error")
    step = _compiled(Network.of(spec, parameters.clone()), members, 1, 4, dtype)
    rows = Examples(torch.zeros(4, 3, dtype=dtype), torch.zeros(4, 1, dtype=dtype))
    assert torch.stack(step.answers(rows.inputs, None)(parameters)).isnan().all()
    assert step.run(rows, torch.arange(4).unsqueeze(0), [4]).isnan().all()


def test_one_neuron_by_hand():
    """y = tanh(w x + b) v + c on one row: the loss (y − t)², and gradient descent at rate 0.1."""
    spec = NetworkSpec(num_inputs=1, num_outputs=1, hidden_widths=(1,), activation="tanh")
    w, b, v, c, x, t = 0.5, 0.1, -2.0, 0.3, 1.5, 1.0
    parameters = torch.tensor([[w, v, b, c]], dtype=torch.float64)
    members = TrainingSettings(
        hidden_widths=(1,), activation="tanh", loss="squared_error", learning_rate=0.1
    )
    step = _compiled(Network.of(spec, parameters), members, 1, 1, torch.float64)
    rows = Examples(torch.tensor([[x]]).double(), torch.tensor([[t]]).double())
    loss = step.run(rows, torch.tensor([[0]]), [1])
    h = math.tanh(w * x + b)
    error = h * v + c - t
    assert loss.item() == pytest.approx(error**2, rel=1e-14)
    back = 2 * error * v * (1 - h * h)
    expected = [w - 0.1 * back * x, v - 0.2 * error * h, b - 0.1 * back, c - 0.2 * error]
    torch.testing.assert_close(parameters, torch.tensor([expected], dtype=torch.float64))


def test_batch_norm_of_two_rows_by_hand():
    """y = (γ x̂ + b) v + c for z = w x = 2 and 6, whose mean is 4 and variance 4: x̂ = ∓x.

    The targets are such that g = ∂loss/∂y is 1 for the first row and 0 for the second.
    """
    spec = NetworkSpec(1, 1, (1,), "identity", batch_norm=True)
    w, gain, b, v, c, rate = 2.0, 3.0, 0.5, 1.0, 0.25, 0.1
    start = {"linear_0.weight": w, "batch_norm_0.gain": gain, "linear_0.bias": b,
             "linear_1.weight": v, "linear_1.bias": c,
             "batch_norm_0.mean": 10.0, "batch_norm_0.variance": 4.0}  # fmt: skip
    parameters = torch.empty(1, spec.num_parameters, dtype=torch.float64)
    for name, slot in spec.slots.items():
        slot.view(parameters).fill_(start[name])
    members = TrainingSettings(
        hidden_widths=(1,), activation="identity", loss="squared_error", learning_rate=rate
    )
    step = _compiled(Network.of(spec, parameters), members, 1, 2, torch.float64)
    inverse = 1 / math.sqrt(4 + 1e-5)
    x = 2 * inverse
    first, second = -gain * x + b + c, gain * x + b + c
    targets = torch.tensor([[first - 1], [second]], dtype=torch.float64)
    rows = Examples(torch.tensor([[1.0], [3.0]]).double(), targets)
    answer = step.answers(rows.inputs, None)(parameters)[0]
    running = [gain * (z - 10) * inverse + b + c for z in (2, 6)]
    assert answer.flatten().tolist() == pytest.approx(running, abs=1e-12)
    assert step.run(rows, torch.tensor([[0, 1]]), [2]).item() == pytest.approx(0.5, rel=1e-12)
    after = {name: slot.view(parameters).item() for name, slot in spec.slots.items()}
    back = gain * inverse * (1 - 1 / 2 - x * x / 2)  # to z of the first row; of the second −back
    expected = {
        "linear_0.weight": w - rate * (1 - 3) * back, "batch_norm_0.gain": gain + rate * x,
        "linear_0.bias": b - rate, "linear_1.weight": v - rate * (first - c),
        "linear_1.bias": c - rate, "batch_norm_0.mean": 0.9 * 10 + 0.1 * 4,
        "batch_norm_0.variance": 0.9 * 4 + 0.1 * 8,  # (4 + 4) / (2 − 1)
    }  # fmt: skip
    assert after == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize(
    ("inputs", "sizes"),
    [
        ([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0], [1.0, 1.0]], [3, 1]),  # a row alone
        ([[0.1, 0.7]] * 4, [4]),  # nothing varies
        ([[1.0, 2.0], [0.5, math.nan], [2.0, 0.0], [1.0, 1.0]], [2, 2]),
        ([[1.0, 2.0], [0.5, math.inf], [2.0, 0.0], [1.0, 1.0]], [4]),
        ([[1e6, 1e6 + 1], [1e6 + 1, 1e6], [1e6, 1e6], [1e6 + 2, 1e6]], [4]),  # far from 0
    ],
)
def test_batch_norm_of_odd_batches(inputs, sizes, num_threads):
    spec = NetworkSpec(2, 3, (5, 4), "tanh", batch_norm=True)
    shared = TrainingSettings(hidden_widths=(5, 4), activation="tanh", batch_norm=True)
    network = Network.initialized(spec, [0], dtype=torch.float64)
    twin = Network.of(spec, network.parameters.clone())
    rows = Examples(torch.tensor(inputs).double(), torch.tensor([0, 2, 1, 0]))
    step = Step(twin, shared, len(sizes))
    compiled = _compiled(network, shared, len(sizes), sizes[0], torch.float64, num_threads)
    with torch.inference_mode():
        batches = zip(rows.inputs.split(sizes), rows.targets.split(sizes), strict=True)
        losses = [step(x.unsqueeze(0), y.unsqueeze(0)).clone() for x, y in batches]
    found = compiled.run(rows, torch.arange(4).unsqueeze(0), sizes)
    assert _are_close(found, torch.stack(losses), 1e-8)
    assert _are_close(network.parameters, twin.parameters, 1e-8)


@pytest.fixture
def blobs() -> Examples:
    source = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (300,), generator=source)
    return Examples(torch.randn(300, 6, generator=source) + labels.unsqueeze(1), labels)


def _network(settings_of_all: TrainingSettings, rows: Examples, num_members: int = 1) -> Network:
    spec = settings_of_all.network_spec(rows.inputs.shape[1], 3)
    return Network.for_training(spec, [settings_of_all] * num_members, rows.inputs)


PLAN = TrainingSettings(
    hidden_widths=(32,), optimizer="adam", batch_size=32, max_epochs=4, dropout=0.2, num_threads=2
)


NORMED = replace(
    PLAN, batch_norm=True, initialization="linear", activation="gelu", average_decay=0.9,
    learned_activation=True, max_gradient_norm=1.0,
)  # fmt: skip


@pytest.mark.parametrize("plan", [PLAN, NORMED])
def test_a_training_repeats_and_goes_on_bit_for_bit(blobs, plan):
    ends = [_network(plan, blobs, 3) for _ in range(3)]
    for network in ends[:2]:
        list(train(network, blobs, [plan] * 3))
    assert torch.equal(ends[0].parameters, ends[1].parameters)
    training = Training(_network(plan, blobs, 3), blobs, [plan] * 3)
    records = training.epochs()
    next(records), next(records)
    list(train(ends[2], blobs, [plan] * 3, state=training.state()))
    assert torch.equal(ends[0].parameters, ends[2].parameters)


def test_batch_norm_trains_and_is_scored_as_by_the_twin(blobs, monkeypatch):
    source = torch.Generator().manual_seed(1)
    rows = replace(
        blobs, inputs=blobs.inputs.double(),
        weights=torch.rand(300, generator=source, dtype=torch.float64),
    )  # fmt: skip
    members = [replace(NORMED, seed=seed, dropout=0.1 * seed) for seed in range(3)]
    found = []
    for switch in ("1", "0"):
        monkeypatch.setenv(SWITCH, switch)
        start = _network(NORMED, rows, 3)
        network = Network.of(start.spec, start.parameters.double())
        records = list(train(network, rows, members, validation=rows))
        losses = [[*r.train_loss, *r.validation.loss] for r in records]
        found.append((torch.tensor(losses, dtype=torch.float64), network.parameters))
    (losses, parameters), (of_twin, parameters_of_twin) = found
    assert not torch.equal(losses, of_twin)  # or both were the twin
    torch.testing.assert_close(losses, of_twin, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(parameters, parameters_of_twin, rtol=1e-7, atol=1e-7)


def test_a_training_of_the_twin_goes_on_with_the_twin(blobs, monkeypatch):
    monkeypatch.setenv(SWITCH, "0")
    whole, half = _network(PLAN, blobs), _network(PLAN, blobs)
    list(train(whole, blobs, PLAN))
    training = Training(half, blobs, PLAN)
    records = training.epochs()
    next(records), next(records)
    state = training.state()
    monkeypatch.delenv(SWITCH)
    network = _network(PLAN, blobs)
    list(train(network, blobs, PLAN, state=state))
    assert torch.equal(network.parameters, whole.parameters)


def test_a_training_of_compiled_code_is_not_gone_on_with_without_it(blobs, monkeypatch):
    training = Training(_network(PLAN, blobs), blobs, PLAN)
    next(training.epochs())
    state = training.state()
    monkeypatch.setenv(SWITCH, "0")
    with pytest.raises(CheckpointError, match=f"compiled step, which {SWITCH}=0 turns off"):
        Training(_network(PLAN, blobs), blobs, PLAN).restore(state)


def test_a_training_of_another_version_goes_on_with_a_warning(blobs):
    training = Training(_network(PLAN, blobs), blobs, PLAN)
    next(training.epochs())
    state = training.state()
    state.parts["step"][COMPILED] = torch.tensor(1)  # as before the sources were told
    with pytest.warns(DataWarning, match="begun by the compiled step of another version"):
        Training(_network(PLAN, blobs), blobs, PLAN).restore(state)


def test_a_loss_that_is_not_finite_is_told_at_its_step(blobs, monkeypatch):
    wild = replace(PLAN, optimizer="sgd", learning_rate=1e30, dropout=0.0)
    steps = []
    for switch in ("1", "0"):
        monkeypatch.setenv(SWITCH, switch)
        with pytest.raises(TrainingDivergedError) as error:
            list(train(_network(wild, blobs), blobs, wild))
        steps.append(str(error.value))
    assert steps[0] == steps[1]


@pytest.mark.parametrize("changes", [{"precision": "medium"}, {"hidden_widths": (1024, 1024)}])
def test_what_it_does_not_cover_is_left_to_the_twin(blobs, changes):
    shared = replace(PLAN, **({"batch_size": 300, "initialization": "linear"} | changes))
    spec = shared.network_spec(6, 3)
    assert not is_covered(spec, [shared], blobs, torch.float32)
    assert is_covered(PLAN.network_spec(6, 3), [PLAN], blobs, torch.float32)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"targets": torch.full((300,), 3)}, "classes must be from 0 to 2; they are from 3 to 3"),
        ({"targets": torch.full((300,), -1)}, "classes must be from 0 to 2; they are from -1"),
        ({"targets": torch.zeros(300, 1, dtype=torch.int64)}, "have the shape"),
        ({"inputs": torch.zeros(300, 5)}, r"rows have \(5,\) values; this network takes 6"),
    ],
)
def test_rows_that_the_network_is_not_for_are_refused(blobs, changes, says):
    network = _network(PLAN, blobs)
    with pytest.raises(DataError, match=says):
        list(train(network, replace(blobs, **changes), PLAN))


@pytest.mark.parametrize("code", [-1.0, 4.0, math.nan, math.inf])
def test_a_code_out_of_range_is_refused(blobs, code):
    spec = NetworkSpec(6, 3, (32,), category_sizes=(4,))
    inputs = blobs.inputs.clone()
    inputs[:, 5] = 3
    network = Network.for_training(spec, [PLAN], inputs)
    list(train(network, replace(blobs, inputs=inputs.clone()), PLAN))
    inputs[7, 5] = code
    with pytest.raises(DataError, match="codes of categories must be from 0 to 3"):
        list(train(network, replace(blobs, inputs=inputs), PLAN))


def test_held_out_rows_that_the_network_is_not_for_are_refused(blobs):
    held_out = Examples(torch.ones(4, 7), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(DataError, match=r"rows have \(7,\) values; this network takes 6"):
        list(train(_network(PLAN, blobs), blobs, PLAN, validation=held_out))


def test_row_numbers_out_of_range_are_refused(blobs):
    with pytest.raises((DataError, IndexError), match="300|out of range"):
        list(train(_network(PLAN, blobs), blobs, PLAN, rows=[torch.arange(250, 301)]))


def test_a_forked_process_trains(blobs):
    list(train(_network(PLAN, blobs), blobs, PLAN))  # threads were there
    child = os.fork()
    if not child:
        signal.alarm(30)
        try:
            list(train(_network(PLAN, blobs), blobs, PLAN))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_ctrl_c_ends_a_long_epoch_soon():
    program = """
        import torch
        from multilayer import Examples, Network, TrainingSettings, train
        rows = Examples(torch.randn(400_000, 20), torch.randint(0, 2, (400_000,)))
        plan = TrainingSettings(hidden_widths=(128, 128), batch_size=200, max_epochs=100)
        network = Network.for_training(plan.network_spec(20, 2), [plan], rows.inputs)
        print("begun", flush=True)
        for record in train(network, rows, plan):
            pass
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
