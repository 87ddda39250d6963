import numpy as np
import pytest
import torch

from multilayer.model.temperature import fit_temperature


def drawn(true_temperature: float, num_rows: int = 4000, num_classes: int = 4):
    """Logits, and classes drawn from softmax(logits / true_temperature)."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (num_rows, num_classes))
    noise = generator.gumbel(size=logits.shape)
    return logits, (logits / true_temperature + noise).argmax(1)


@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_made_the_data_is_found(true_temperature):
    logits, targets = drawn(true_temperature)
    assert fit_temperature(logits, targets, None) == pytest.approx(true_temperature, rel=0.1)


def test_it_is_where_autograd_finds_no_slope():
    logits, targets = drawn(1.7, 500)
    weights = np.random.default_rng(1).random(500)
    found = fit_temperature(logits, targets, weights)
    temperature = torch.tensor(found, dtype=torch.float64, requires_grad=True)
    losses = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits) / temperature, torch.from_numpy(targets), reduction="none"
    )
    (losses * torch.from_numpy(weights / weights.sum())).sum().backward()
    assert abs(temperature.grad.item()) < 1e-10


def test_several_yes_or_no_targets_share_one():
    generator = np.random.default_rng(2)
    logits = generator.normal(0, 2, (2000, 3))
    targets = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits / 2.5))).astype(np.int64)
    weights = np.ones(2000)
    found = fit_temperature(logits, targets, weights)
    assert found == pytest.approx(2.5, rel=0.1)
    assert found == pytest.approx(fit_temperature(logits, targets, None))


def test_whole_weights_are_repetitions():
    logits, targets = drawn(0.8, 50)
    counts = np.random.default_rng(3).integers(1, 4, 50)
    assert fit_temperature(logits, targets, counts.astype(float)) == pytest.approx(
        fit_temperature(logits.repeat(counts, 0), targets.repeat(counts), None), rel=1e-9
    )


def test_a_network_that_is_never_wrong_is_not_made_certain():
    assert fit_temperature(np.eye(3), np.arange(3), None) == pytest.approx(0.05)
    assert fit_temperature(-np.eye(3), np.arange(3), None) == pytest.approx(20)


def test_few_rows_do_not_ask_for_the_coldest_or_the_hottest():
    """Of 3 rows, all right or all wrong; of 20 and more rows, nothing is changed."""
    certain = 8 * np.eye(3)
    assert 0.3 < fit_temperature(certain, np.arange(3), None, 3) < 3
    assert 2 < fit_temperature(-certain, np.arange(3), None, 3) < 19
    logits, targets = drawn(1.7, 40)
    found = fit_temperature(logits, targets, None, 40)
    assert found == fit_temperature(logits, targets, None)
    assert abs(np.log(fit_temperature(logits[:1], targets[:1], None, 1) / 2)) < 1
