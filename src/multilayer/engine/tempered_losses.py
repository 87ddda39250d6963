"""What `tempered_cross_entropy` says of an epoch, for many epochs at once."""

import math

import torch
from torch import Tensor

from multilayer.engine.losses.loss import shares_of_rows
from multilayer.engine.temperature import (
    COLDEST,
    FEW_ROWS,
    HOTTEST,
    PRIOR_DEVIATION,
    PRIOR_TEMPERATURE,
    SHARE_IN_ORDER,
    WIDEST_MARGIN,
)

_MOST_STEPS = 8  # from a temperature of 1, each by a factor of e at most
_LEAST_STEP = 0.05  # of the logarithm: what is left then is of the order of its square
_LEAST_CURVATURE = 0.3  # of its convex part, where the loss is nearly concave


def tempered_losses(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """The mean cross entropy that each epoch has left once its temperature is fitted.

    The temperature is that of `fit_temperature`, found by a few steps of Newton's method in its
    logarithm.

    Args:
        logits: (num_epochs, num_rows, num_classes); for a multilabel task (…, num_labels).
        targets: the true class, (num_rows,), or 0 and 1, (num_rows, num_labels).
        weights: sample weights, (num_rows,); None: all 1.

    Returns:
        (num_epochs,).
    """
    num_epochs, num_rows, num_outputs = logits.shape
    if targets.dim() == 2:  # labels are choices between the logits 0 and z
        weights = None if weights is None else weights.repeat_interleave(num_outputs)
        targets = targets.reshape(-1)
        logits = logits.reshape(num_epochs, -1, 1)
        logits = torch.cat([torch.zeros_like(logits), logits], -1)
    columns = targets.long().view(1, -1, 1).expand(num_epochs, -1, 1)
    margins = logits - logits.gather(-1, columns)  # of each class over the true one
    margins = margins.transpose(1, 2).contiguous()  # so that sums over classes are sums of rows
    shares = shares_of_rows(logits.new_ones(len(targets)) if weights is None else weights)
    pull = 1 / (PRIOR_DEVIATION**2 * num_rows)
    centre = math.log(PRIOR_TEMPERATURE) if num_rows < FEW_ROWS else 0.0
    coldest = torch.full((num_epochs,), COLDEST)
    if margins.shape[1] == 2:
        widest = torch.quantile(margins.sum(1).abs(), SHARE_IN_ORDER, dim=-1)
        coldest = (widest / WIDEST_MARGIN).clamp(COLDEST, HOTTEST)
    highest, lowest = -coldest.log(), -math.log(HOTTEST)
    log_scale = highest.clamp(max=0)
    for _ in range(_MOST_STEPS):
        scaled = margins * log_scale.exp().view(-1, 1, 1)
        of_classes = scaled.softmax(1).mul_(scaled)
        means = of_classes.sum(1)
        spreads = of_classes.mul_(scaled).sum(1) - means.square()
        slope, convex = means @ shares, spreads @ shares
        curvature = (convex + slope).maximum(_LEAST_CURVATURE * convex) + pull
        step = (slope + pull * (log_scale + centre)) / curvature
        before = log_scale
        log_scale = (log_scale - step.clamp(-1, 1)).clamp(min=lowest).minimum(highest)
        if float((log_scale - before).abs().max()) < _LEAST_STEP:
            break
    return (margins * log_scale.exp().view(-1, 1, 1)).logsumexp(1) @ shares
