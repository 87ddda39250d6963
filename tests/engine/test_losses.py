"""Each loss against PyTorch or scikit-learn, in float64; cross entropy and weights see also
test_step.py."""

import pytest
import torch
from sklearn import metrics
from torch.nn import functional

from multilayer.engine.losses import LOSSES, loss_to_score, loss_to_train
from multilayer.engine.losses.cross_entropy import CrossEntropy
from multilayer.engine.losses.pointwise import PointwiseLoss, Quantiles
from multilayer.engine.settings import TrainingSettings

LEVELS = (0.1, 0.5, 0.8)


def random_pair(loss: str, num_members: int = 2, num_outputs: int = 3):
    logits = 2 * torch.randn(num_members, 9, num_outputs, dtype=torch.float64)
    targets = 2 * torch.randn(1, 9, num_outputs, dtype=torch.float64)
    if loss == "poisson":
        targets = targets.abs().round()
    if loss == "binary_cross_entropy":
        targets = (targets > 0).double()
    return logits, targets


def pinball(outputs, targets):
    """As scikit-learn has it, for a single target and its quantiles next to each other."""
    above = targets - outputs
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    return torch.where(above > 0, levels * above, (levels - 1) * above)


OF_TORCH = {
    "squared_error": lambda y, t: functional.mse_loss(y, t, reduction="none"),
    "absolute_error": lambda y, t: functional.l1_loss(y, t, reduction="none"),
    "huber": lambda y, t: functional.huber_loss(y, t, reduction="none"),
    "poisson": lambda y, t: functional.poisson_nll_loss(y, t, reduction="none"),
    "binary_cross_entropy": lambda y, t: functional.binary_cross_entropy_with_logits(
        y, t, reduction="none"
    ),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", OF_TORCH)
def test_a_loss_and_its_gradient_are_torchs(loss, weighted):
    logits, targets = random_pair(loss)
    weights = torch.rand(1, 9, dtype=torch.float64) if weighted else None
    assert_agrees(LOSSES[loss](), OF_TORCH[loss], logits, targets, weights)


@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_and_their_gradient_are_autograds(weighted):
    logits, _ = random_pair("quantile")
    targets = torch.randn(1, 9, 1, dtype=torch.float64)
    weights = torch.rand(1, 9, dtype=torch.float64) if weighted else None
    assert_agrees(PointwiseLoss(Quantiles(LEVELS)), pinball, logits, targets, weights)


def assert_agrees(ours, of_torch, logits, targets, weights):
    logits.requires_grad_()
    rows = of_torch(logits, targets.expand(len(logits), -1, -1)).mean(-1)
    shares = torch.ones(1, 9, dtype=torch.float64) if weights is None else weights
    expected = (rows * shares).sum(1) / shares.sum(1)
    (expected_gradient,) = torch.autograd.grad(expected.sum(), logits)
    value, gradient = ours(logits.detach(), targets, weights)
    torch.testing.assert_close(value, expected.detach(), atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-12, rtol=0)
    torch.testing.assert_close(ours.value(logits.detach(), targets, weights), value)


@pytest.mark.parametrize("level", LEVELS)
def test_a_quantile_is_scikit_learns_pinball_loss_with_weights(level):
    logits, targets = torch.randn(1, 9, 1).double(), torch.randn(1, 9, 1).double()
    weights = torch.rand(1, 9).double()
    ours = PointwiseLoss(Quantiles((level,))).value(logits, targets, weights)
    theirs = metrics.mean_pinball_loss(targets[0], logits[0], sample_weight=weights[0], alpha=level)
    assert ours.item() == pytest.approx(theirs, abs=1e-12)


def test_poissons_loss_falls_as_scikit_learns_deviance():
    """The deviance is twice the loss, but for what no output changes."""
    logits, targets = random_pair("poisson", num_members=2, num_outputs=1)
    ours = LOSSES["poisson"]().value(logits, targets)
    theirs = [metrics.mean_poisson_deviance(targets[0, :, 0], y[:, 0].exp()) for y in logits]
    assert (ours[0] - ours[1]).item() == pytest.approx((theirs[0] - theirs[1]) / 2, abs=1e-12)


def test_quantiles_of_several_targets_lie_target_by_target():
    loss = PointwiseLoss(Quantiles((0.2, 0.9)))
    outputs, targets = torch.tensor([[[0.0, 0, 1, 1]]]), torch.tensor([[[1.0, 0]]])
    # (0.2 · 1 + 0.9 · 1 + 0.8 · 1 + 0.1 · 1) / 4
    assert loss.value(outputs, targets).item() == pytest.approx(0.5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_torchs(smoothing, weighted):
    logits = torch.randn(2, 9, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(4, (1, 9))
    weights = torch.rand(1, 9, dtype=torch.float64) if weighted else None
    shares = torch.ones(1, 9, dtype=torch.float64) if weights is None else weights
    rows = torch.stack(
        [
            functional.cross_entropy(y, targets[0], reduction="none", label_smoothing=smoothing)
            for y in logits
        ]
    )
    expected = (rows * shares).sum(1) / shares.sum(1)
    (expected_gradient,) = torch.autograd.grad(expected.sum(), logits)
    ours = CrossEntropy(smoothing)
    value, gradient = ours(logits.detach(), targets, weights)
    torch.testing.assert_close(value, expected.detach(), atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-12, rtol=0)
    torch.testing.assert_close(ours.value(logits.detach(), targets, weights), value)


def test_validation_rows_are_scored_without_smoothing():
    settings = TrainingSettings(label_smoothing=0.1)
    logits, targets = torch.randn(1, 9, 4), torch.randint(4, (1, 9))
    plain = functional.cross_entropy(logits[0], targets[0])
    torch.testing.assert_close(loss_to_score(settings).value(logits, targets)[0], plain)
    assert loss_to_train(settings).value(logits, targets)[0] != plain


def test_the_quantiles_of_the_settings_are_those_that_are_trained():
    settings = TrainingSettings(loss="quantile", quantiles=LEVELS)
    logits, targets = torch.randn(1, 9, 3).double(), torch.randn(1, 9, 1).double()
    expected = pinball(logits, targets).mean()
    for loss in (loss_to_train(settings), loss_to_score(settings)):
        assert loss.value(logits, targets).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("loss", ["huber", "binary_cross_entropy", "absolute_error"])
def test_huge_outputs_stay_finite(loss):
    outputs, targets = torch.tensor([[[1e30], [-1e30]]]), torch.tensor([[[0.0], [1.0]]])
    value, gradient = LOSSES[loss]()(outputs, targets)
    assert value.isfinite().all()
    assert gradient.isfinite().all()
