"""What is shown is what the network says: held against NumPy and autograd."""

import numpy as np
import pytest
import torch
from playground_process import unpacked

from multilayer.playground.live import Live
from multilayer.playground.setup import Setup

PLANE = Setup("moons", 0.1, 80, (12, 3), ("tanh", "identity"), batch_size=16)


def forward(live: Live, inputs: np.ndarray, activations=(np.tanh, lambda z: z)) -> list[np.ndarray]:
    """What comes out of each layer, the inputs first, in float64."""
    network = live.training.network
    values = [np.asarray(inputs, np.float64)]
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        outputs = values[-1] @ weight[0].double().numpy() + bias[0].double().numpy()
        values.append(activations[layer](outputs) if layer < len(activations) else outputs)
    return values


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def trained(setup: Setup, table=None) -> tuple[Live, dict, dict]:
    live = Live(setup, table)
    with live.training.on_processor():
        for _ in range(7):
            live.training.step()
    return live, unpacked(live.opening()), unpacked(live.frame(3, is_playing=True))


def test_the_region_and_the_neurons_are_what_the_network_says_there():
    live, opening, frame = trained(PLANE)
    left, right, bottom, top = opening["limits"]
    side = len(frame["region"])
    places = [(0, 0, left, top), (side - 1, 0, right, top), (0, side - 1, left, bottom)]
    for across, down, x, y in places:
        encoded = live.problem.encode(np.array([[x, y]]))
        shares = softmax(forward(live, encoded)[-1])[0]
        assert frame["region"][down, across] == pytest.approx(255 * shares, abs=0.51)
    side = frame["maps"].shape[1]
    x, y = np.meshgrid(np.linspace(left, right, side), np.linspace(top, bottom, side))
    layers = forward(live, live.problem.encode(np.stack([x.ravel(), y.ravel()], 1)))
    drawn = np.concatenate([layers[0], layers[1][:, :8], layers[2], layers[3]], 1)
    expected = 127.5 * (1 + drawn / np.abs(drawn).max(0))
    assert frame["maps"].reshape(len(drawn[0]), -1) == pytest.approx(expected.T, abs=0.51)
    assert opening["shown"] == [[0, 1], [*range(8)], [0, 1, 2], [0, 1]]
    weights = [weight[0].numpy() for weight in live.training.network.weights]
    parts = [weights[0][:, :8], weights[1][:8], weights[2]]
    assert frame["weights"].tolist() == np.concatenate([p.ravel() for p in parts]).tolist()


def test_points_are_those_of_the_table_the_training_ones_first():
    live, opening, _ = trained(PLANE)
    assert (opening["num_rows"], opening["num_held_out"]) == (64, 16)
    assert opening["is_held_out"].tolist() == [0] * 64 + [1] * 16
    inputs = np.concatenate([live.problem.inputs, live.problem.held_out_inputs])
    assert live.problem.encode(opening["points"]) == pytest.approx(inputs, abs=1e-5)
    targets = np.concatenate([live.problem.targets, live.problem.held_out_targets])
    assert opening["values"].tolist() == targets.tolist()


@pytest.mark.parametrize("problem", ["moons", "surface"])
def test_layers_have_the_gradients_of_autograd(problem):
    live, _, frame = trained(Setup(problem, 0.1, 80, (5, 4), ("tanh",), batch_size=16))
    network, rows = live.training.network, live.training.shown_rows()
    weights = [weight[0].clone().requires_grad_() for weight in network.weights]
    values, said = rows.inputs.clone(), []
    for layer, (weight, bias) in enumerate(zip(weights, network.biases, strict=True)):
        values = values @ weight + bias[0]
        values = values if layer == 2 else values.tanh()
        said.append(values)
    loss = torch.nn.functional.cross_entropy
    if problem == "surface":
        loss = torch.nn.functional.mse_loss
    loss(values, rows.targets.clone()).backward()
    for view, weight, outputs in zip(frame["layers"], weights, said, strict=True):
        assert view["gradient"]["norm"] == pytest.approx(float(weight.grad.norm()), rel=1e-4)
        assert view["gradient"]["high"] == pytest.approx(float(weight.grad.max()), rel=1e-4)
        assert view["weights"]["norm"] == pytest.approx(float(weight.detach().norm()), rel=1e-5)
        assert sum(view["weights"]["bins"]) == weight.numel()
        root = float(outputs.detach().square().mean().sqrt())
        assert view["values"]["norm"] == pytest.approx(root, rel=1e-4)
        assert view["values"]["zero"] == 0


def test_silent_neurons_are_counted():
    live = Live(Setup("moons", 0.1, 80, (4,), ("relu",), batch_size=16), None)
    live.training.network.biases[0][0, 0] = torch.tensor([-100.0, -100, -100, 0])
    values = unpacked(live.frame(1, is_playing=False))["layers"][0]["values"]
    assert values["zero"] == 0.75


def test_numbers_stand_beside_the_truth():
    live, opening, frame = trained(Setup("surface", 0.1, 80, (5, 4), ("tanh",), batch_size=16))
    answers = forward(live, live.problem.held_out_inputs, (np.tanh, np.tanh))[-1]
    expected = np.concatenate([live.problem.held_out_targets, answers], 1)
    assert frame["pairs"] == pytest.approx(expected, abs=1e-4)
    encoded = live.problem.encode(np.array([[opening["limits"][0], opening["limits"][3]]]))
    low, high = opening["reach"]
    answer = forward(live, encoded, (np.tanh, np.tanh))[-1][0, 0]
    share = np.clip((answer - low) / (high - low), 0, 1)
    assert frame["region"][0, 0, 0] == pytest.approx(255 * share, abs=0.51)


def test_images_are_shown_with_their_guesses_and_first_weights():
    live, opening, frame = trained(Setup("digits", 0, 0, (5,), ("tanh",), batch_size=64))
    assert opening["pictures"].shape == (20, 8, 8)
    assert opening["pictures"].max() == 255
    shares = softmax(forward(live, live.problem.held_out_inputs[:20], (np.tanh,))[-1])
    assert frame["guesses"][:, 0].tolist() == shares.argmax(1).tolist()
    assert frame["guesses"][:, 1] == pytest.approx(255 * shares.max(1), abs=0.51)
    weights = live.training.network.weights[0][0].numpy().T
    expected = 127.5 * (1 + weights / np.abs(weights).max(1, keepdims=True))
    assert frame["filters"].reshape(5, 64) == pytest.approx(expected, abs=0.51)


def table_of(folder, num_classes: int, columns: str = "a,b"):
    path = folder / "own.csv"
    rows = [f"{n % 7},{n % 11},k{n % num_classes:02}" for n in range(240)]
    path.write_text("\n".join([f"{columns},kind", *rows]))
    return path


def test_classes_of_a_table_are_counted_by_what_they_are_taken_for(tmp_path):
    setup = Setup("table", 0, 0, (4,), ("tanh",), batch_size=32)
    live, _, frame = trained(setup, table_of(tmp_path, 3))
    guesses = forward(live, live.problem.held_out_inputs, (np.tanh,))[-1].argmax(1)
    expected = np.zeros((3, 3))
    np.add.at(expected, (live.problem.held_out_targets, guesses), 1)
    assert frame["confusion"].tolist() == expected.tolist()
    assert frame["region"].shape == (64, 64, 3)  # two numbers are a plane


def test_too_many_classes_have_neither_plane_nor_counts(tmp_path):
    setup = Setup("table", 0, 0, (4,), ("tanh",), batch_size=32)
    _, opening, frame = trained(setup, table_of(tmp_path, 12))
    assert (opening["limits"], len(opening["classes"])) == (None, 12)
    assert not {"region", "maps", "confusion"} & frame.keys()


def test_a_network_that_is_no_number_any_more_is_still_shown():
    live = Live(PLANE, None)
    live.training.network.parameters.fill_(float("nan"))
    frame = unpacked(live.frame(1, is_playing=False))
    assert frame["shown_loss"] is None
    assert frame["layers"][0]["weights"]["high"] is None
