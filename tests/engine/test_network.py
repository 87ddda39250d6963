from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from multilayer.engine import inference
from multilayer.engine.initialization import INITIALIZATIONS
from multilayer.engine.network import Network
from multilayer.engine.processor import processor
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError


def test_weights_and_biases_are_views_that_cover_the_flat_vector():
    network = Network(NetworkSpec(3, 2, (4, 5)), num_members=2)
    for number, (_, view) in enumerate(network.named_parameters(), 1):
        view.fill_(number)
    assert network.parameters.shape == (2, 3 * 4 + 4 + 4 * 5 + 5 + 5 * 2 + 2)
    assert network.parameters.min() == 1
    assert [weight.shape for weight in network.weights] == [(2, 3, 4), (2, 4, 5), (2, 5, 2)]
    assert [bias.shape for bias in network.biases] == [(2, 1, 4), (2, 1, 5), (2, 1, 2)]


def test_a_member_is_drawn_from_its_seed_alone():
    spec = NetworkSpec(6, 3, (4,))
    together = Network.initialized(spec, [3, 8])
    alone = Network.initialized(spec, [8])
    assert torch.equal(together.parameters[1], alone.parameters[0])
    assert not torch.equal(together.parameters[0], together.parameters[1])


def test_initialization_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    Network.initialized(NetworkSpec(6, 3), [0])
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("name", "deviation", "bound"),
    [
        ("linear", 1 / 400**0.5 / 3**0.5, 1 / 400**0.5),
        ("normal", 0.01, None),
        ("glorot", (2 / 700) ** 0.5, (6 / 700) ** 0.5),
        ("he", (2 / 400) ** 0.5, None),
    ],
)
def test_initializations_have_their_deviation(name, deviation, bound):
    weight, bias = INITIALIZATIONS[name](400, 300, torch.Generator().manual_seed(0))
    assert weight.shape == (400, 300)
    assert bias.shape == (1, 300)
    assert weight.std().item() == pytest.approx(deviation, rel=0.01)
    assert weight.mean().abs() < deviation / 50
    if bound is not None:
        assert weight.abs().max() <= bound
    if name != "linear":
        assert not bias.any()


def test_linear_initialization_is_that_of_torch():
    ours, our_bias = INITIALIZATIONS["linear"](500, 400, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    theirs = torch.nn.Linear(500, 400)
    for our, their in ((ours, theirs.weight), (our_bias, theirs.bias)):
        assert our.std().item() == pytest.approx(their.std().item(), rel=0.1)
        assert our.abs().max().item() == pytest.approx(their.abs().max().item(), rel=0.02)


@pytest.mark.parametrize("num_rows", [0, 1, 1024, 2500])
def test_logits_do_not_depend_on_how_rows_are_grouped(num_rows):
    network = Network.initialized(
        NetworkSpec(6, 3, (4,), input_scale=1 / 255), [0, 1], dtype=torch.float64
    )
    pixels = torch.randint(256, (num_rows, 6), dtype=torch.uint8)
    answers = network.logits(pixels)
    assert answers.shape == (2, num_rows, 3)
    hidden = torch.relu(pixels.double() / 255 @ network.weights[0] + network.biases[0])
    torch.testing.assert_close(answers, hidden @ network.weights[1] + network.biases[1])


def test_a_network_that_does_not_fit_is_refused_in_one_line():
    with pytest.raises(SettingsError, match=r"hidden_widths 90000000,90000000 .* GiB"):
        Network(NetworkSpec(784, 10, (90_000_000, 90_000_000)))


@pytest.mark.parametrize("num_rows", [1, 2, 300, 5000])
def test_answers_are_the_same_in_bits_on_any_number_of_threads(num_rows, threads_put_back):
    spec = NetworkSpec(20, 3, (128, 128), "mish", embedded_numbers=4, scale_layer=True)
    network = Network.initialized(spec, (0, 1), dtype=torch.float64)
    rows = torch.rand(num_rows, 20)
    answers = []
    for num_threads in (1, 2, 3):
        torch.set_num_threads(num_threads)
        answers.append(network.logits(rows))
        assert torch.get_num_threads() == num_threads
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    with ThreadPoolExecutor(1) as pool:  # a thread takes over the number that was set last
        assert torch.equal(pool.submit(network.logits, rows).result(), answers[0])


def test_an_error_in_another_thread_is_raised(threads_put_back):
    torch.set_num_threads(2)
    network = Network.initialized(NetworkSpec(20, 3, (128, 128)))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        network.logits(torch.rand(9000, 19))
    assert torch.get_num_threads() == 2


def test_within_a_training_its_own_threads_answer(threads_put_back, monkeypatch):
    """Others beside them would slow its next steps; they are not begun there."""
    begun = []
    monkeypatch.setattr(inference, "_threads", lambda: begun.append(1) or ThreadPoolExecutor(1))
    network = Network.initialized(NetworkSpec(20, 3, (128, 128)))
    rows = torch.rand(9000, 20)
    torch.set_num_threads(2)
    with processor(2, "highest"):
        within = network.logits(rows)
    assert not begun
    assert torch.equal(network.logits(rows), network.logits(rows))
    assert len(begun) == 2
    torch.testing.assert_close(within, network.logits(rows))


@pytest.fixture
def threads_put_back():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
