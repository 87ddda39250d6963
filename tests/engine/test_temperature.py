import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multilayer.engine.temperature import fit_temperature, tempered_cross_entropy


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


def test_what_few_rows_say_counts_little():
    """3 rows, all right or all wrong; 600 rows of which 5 are of the other class, all right."""
    certain = 8 * np.eye(3)
    assert 0.3 < fit_temperature(certain, np.arange(3), None, 3) < 3
    assert 2 < fit_temperature(-certain, np.arange(3), None, 3) < 19
    logits, targets = drawn(1.7, 40)
    assert abs(np.log(fit_temperature(logits[:1], targets[:1], None, 1) / 2)) < 1
    targets = np.repeat([0, 1], [595, 5])
    margins = np.where(targets == 1, 4.0, -4.0)
    logits = np.stack([np.zeros(600), margins], 1)
    assert fit_temperature(logits, targets, None) == pytest.approx(4 / 36)  # without the prior
    assert 0.4 < fit_temperature(logits, targets, None, 600) < 1


def test_many_rows_outweigh_the_prior():
    logits, targets = drawn(0.4)
    found = fit_temperature(logits, targets, None, len(logits))
    assert found == pytest.approx(fit_temperature(logits, targets, None), rel=2e-3)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100), st.booleans())
def test_the_order_of_rows_is_kept(seed, deviation, is_multilabel):
    """Probabilities mixed with the uniform distribution order rows as their logits do."""
    generator = np.random.default_rng(seed)
    margins = generator.normal(0, deviation, 300)
    margins[:3] *= generator.choice([1, 30])  # a few rows may be far out
    targets = (margins > np.quantile(margins, 0.97)).astype(np.int64)
    if is_multilabel:
        temperature = fit_temperature(margins[:, None], targets[:, None], None, 300)
    else:
        logits = np.stack([-margins / 2, margins / 2], 1)
        temperature = fit_temperature(logits, targets, None, 300)
    mixed = 0.5 / 301 + 300 / 301 / (1 + np.exp(-margins / temperature))
    order = np.argsort(margins)
    gaps = np.diff(margins[order])
    assert (np.diff(mixed[order]) >= 0).all()
    is_apart = gaps > 0.01 * temperature
    assert (np.diff(mixed[order])[is_apart] > 0).sum() >= is_apart.sum() - 6


def test_the_calibrated_loss_is_the_least_of_all_temperatures():
    logits, targets = drawn(1.7, 500)
    found = tempered_cross_entropy(3 * logits, targets, None)
    assert found == pytest.approx(tempered_cross_entropy(logits, targets, None), rel=1e-3)
    losses = [
        torch.nn.functional.cross_entropy(
            torch.from_numpy(logits) / temperature, torch.from_numpy(targets)
        ).item()
        for temperature in np.geomspace(0.5, 5, 200)
    ]
    assert found == pytest.approx(min(losses), rel=1e-3)
