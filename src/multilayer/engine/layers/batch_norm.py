"""Batch norm (Ioffe and Szegedy, 2015)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from multilayer.engine.layers.linear import Descent
from multilayer.engine.specification import BATCH_NORM_EPSILON
from multilayer.engine.whole_batch import WholeBatch

_MOMENTUM = 0.1  # of the running statistics, as torch.nn.BatchNorm1d has it


@dataclass(frozen=True, eq=False)
class BatchNormParameters:
    """What a batch norm layer knows, or the gradients of it; each (num_members, 1, features)."""

    gain: Tensor
    bias: Tensor
    mean: Tensor
    variance: Tensor


class BatchNorm:
    """y = γ (x − mean) / √(variance + ε) + b, by the statistics of the batch, or running ones.

    Chain rule for g = ∂loss/∂y and x̂ the standardised values of a batch of n rows:
    ∂b = Σ g, ∂γ = Σ g x̂, ∂x = γ / √(variance + ε) (g − ∂b / n − x̂ ∂γ / n).
    All rows count alike for the statistics, whatever their weights. Of a batch that ranks divide
    they are those of all its rows: the sums are exchanged, twice forward and once back.

    Args:
        parameters: γ, b and the running statistics, which a pass with gradients also moves.
        outputs: buffer for y, (num_members, batch, features).
        gradients: where those of γ and b go; None for a pass by the running statistics.
        whole: the batch that ranks divide; None: they do not.
    """

    def __init__(
        self,
        parameters: BatchNormParameters,
        outputs: Tensor,
        gradients: BatchNormParameters | None = None,
        whole: WholeBatch | None = None,
    ) -> None:
        self.parameters, self.outputs, self.gradients = parameters, outputs, gradients
        self._whole = whole
        self._mean, self._variance, self._factor = (
            torch.empty_like(parameters.gain, memory_format=torch.contiguous_format)
            for _ in range(3)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Values to values; the inputs are overwritten by x̂."""
        own = self.parameters
        if self.gradients is None:
            torch.add(own.variance, BATCH_NORM_EPSILON, out=self._factor).rsqrt_().mul_(own.gain)
            torch.sub(inputs, own.mean, out=self.outputs)
            return self.outputs.mul_(self._factor).add_(own.bias)
        num_rows = inputs.shape[-2] if self._whole is None else self._whole.num_rows
        self._mean_of(inputs, self._mean)
        inputs.sub_(self._mean)
        torch.mul(inputs, inputs, out=self.outputs)
        self._mean_of(self.outputs, self._variance)
        own.mean.lerp_(self._mean, _MOMENTUM)
        # Running is the unbiased variance; the batch is standardised by the biased one.
        own.variance.mul_(1 - _MOMENTUM)
        own.variance.add_(self._variance, alpha=_MOMENTUM * num_rows / max(num_rows - 1, 1))
        self._variance.add_(BATCH_NORM_EPSILON).rsqrt_()
        self._standardized = inputs.mul_(self._variance)
        return torch.addcmul(own.bias, inputs, own.gain, out=self.outputs)

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> Tensor:  # noqa: ARG002
        """∂loss/∂y to ∂loss/∂x, in place."""
        assert self.gradients is not None
        share = 1 / (gradient.shape[-2] if self._whole is None else self._whole.num_rows)
        torch.sum(gradient, dim=-2, keepdim=True, out=self.gradients.bias)
        torch.mul(gradient, self._standardized, out=self.outputs)
        torch.sum(self.outputs, dim=-2, keepdim=True, out=self.gradients.gain)
        of_bias, of_gain = self.gradients.bias, self.gradients.gain
        if self._whole is not None:
            sums = torch.stack([of_bias, of_gain])
            self._whole.ranks.sum(sums)
            if self._whole.is_empty:  # its row is no part of the batch
                return gradient.zero_()
            of_bias, of_gain = sums
        gradient.sub_(of_bias, alpha=share)
        gradient.addcmul_(self._standardized, of_gain, value=-share)
        torch.mul(self._variance, self.parameters.gain, out=self._factor)
        return gradient.mul_(self._factor)

    def _mean_of(self, values: Tensor, out: Tensor) -> None:
        """The mean over the rows of the batch, into (num_members, 1, features)."""
        if self._whole is None:
            torch.mean(values, dim=-2, keepdim=True, out=out)
            return
        torch.sum(values, dim=-2, keepdim=True, out=out)
        if self._whole.is_empty:
            out.zero_()
        self._whole.ranks.sum(out)
        out.div_(self._whole.num_rows)
