"""The loss of classes."""

import torch
from torch import Tensor

from multilayer.engine.losses.loss import mean_over_rows, shares_of_rows

_aten = torch.ops.aten


class CrossEntropy:
    """−Σ q log softmax(logits), natural logarithm, q the target's distribution over the C classes.

    q is 1 at the target, or with smoothing s it is 1 − s there and s / C everywhere on top
    (Szegedy et al., 2016). The gradient is w (softmax(logits) − q) / Σ w.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self._smoothing = smoothing
        self._buffers: dict[torch.Size, tuple[Tensor, ...]] = {}

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `Loss`."""
        num_members, batch_size, num_classes = logits.shape
        if logits.shape not in self._buffers:
            picked = logits.new_empty(num_members, batch_size, 1)
            self._buffers[logits.shape] = (
                torch.empty_like(logits), torch.empty_like(logits), picked,
                torch.full_like(picked, self._smoothing - 1), logits.new_empty(num_members, 1),
            )  # fmt: skip
        log_probabilities, gradient, picked, minus_shares, loss = self._buffers[logits.shape]
        columns = targets.unsqueeze(-1).expand(num_members, -1, 1)
        _aten._log_softmax.out(logits, -1, False, out=log_probabilities)
        torch.gather(log_probabilities, -1, columns, out=picked)
        torch.exp(log_probabilities, out=gradient)
        gradient.scatter_add_(-1, columns, minus_shares)
        if self._smoothing:
            gradient.sub_(self._smoothing / num_classes)
            spread = log_probabilities.mean(-1, keepdim=True)
            picked.mul_(1 - self._smoothing).add_(spread, alpha=self._smoothing)
        if weights is None:
            torch.mean(picked, dim=1, out=loss)
            gradient.mul_(1 / batch_size)
            return loss.neg_().view(num_members), gradient
        shares = shares_of_rows(weights).unsqueeze(-1)
        return picked.mul_(shares).sum(dim=(1, 2)).neg_(), gradient.mul_(shares)

    def value(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """See `Loss`."""
        columns = targets.unsqueeze(-1).expand(len(logits), -1, 1)
        log_probabilities = logits.log_softmax(-1)
        losses = log_probabilities.gather(-1, columns).mul_(self._smoothing - 1)
        if self._smoothing:
            losses.sub_(log_probabilities.mean(-1, keepdim=True), alpha=self._smoothing)
        return mean_over_rows(losses, weights)
