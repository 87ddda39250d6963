"""The piecewise linear embedding of numbers, by bins between quantiles of training rows."""

import torch
from torch import Tensor

from multilayer.engine.layers.embeddings import by_column, mixed_part


class PiecewiseEmbedding:
    """Each number x becomes [x, Wᵀ e], where e tells how far x has come through each bin.

    eₜ = (x − bₜ₋₁) / (bₜ − bₜ₋₁), kept within 0 and 1, but that the first bin has no least value
    and the last no largest: the piecewise linear encoding of Gorishniy et al. ("On Embeddings for
    Numerical Features in Tabular Deep Learning", 2022), mixed beside x itself as in their TabM
    (2024). A bin without width gives 0. The edges b are constants, see `engine.number_edges`. Chain
    rule for g = ∂loss/∂(Wᵀ e): ∂W = e gᵀ.

    Features and buffers lie as those of `NumberEmbedding`.

    Args:
        edges: b, (num_members, columns, 1, bins + 1), ascending.
        weight: W, (num_members, columns, bins, mixtures).
        numbers: buffer for x, (num_members, columns, 1, batch).
        components: buffer for e, (num_members, columns, bins, batch).
        mixtures: buffer for Wᵀ e, (num_members, columns, mixtures, batch).
        gradient: where ∂W goes; None for a pass without gradients.
    """

    def __init__(
        self,
        edges: Tensor,
        weight: Tensor,
        numbers: Tensor,
        components: Tensor,
        mixtures: Tensor,
        gradient: Tensor | None = None,
    ) -> None:
        self._edges, self._weight, self._gradient = edges, weight, gradient
        self._numbers, self._components, self._mixtures = numbers, components, mixtures
        self.num_columns, self._num_mixtures = mixtures.shape[-3:-1]

    @property
    def width(self) -> int:
        """See `NumberLayer`."""
        return self.num_columns * (1 + self._num_mixtures)

    def forward(self, numbers: Tensor, features: Tensor) -> None:
        """See `NumberLayer`."""
        starts = self._edges[..., :-1].mT
        widths = self._edges[..., 1:].mT - starts
        slopes = widths.reciprocal().masked_fill_(widths <= 0, 0)
        self._numbers.copy_(numbers.mT.unsqueeze(-2))
        torch.sub(self._numbers, starts, out=self._components).mul_(slopes)
        self._components[..., 1:, :].clamp_(min=0)
        self._components[..., :-1, :].clamp_(max=1)
        torch.bmm(
            by_column(self._weight).mT, by_column(self._components), out=by_column(self._mixtures)
        )
        features[..., : self.num_columns].copy_(numbers)
        mixed_part(features, self._mixtures).copy_(self._mixtures)

    def backward(self, gradient: Tensor) -> None:
        """See `NumberLayer`."""
        assert self._gradient is not None
        self._mixtures.copy_(mixed_part(gradient, self._mixtures))
        products = torch.bmm(by_column(self._components), by_column(self._mixtures).mT)
        self._gradient.copy_(products.view_as(self._weight))
