"""What makes features of a table's columns: embeddings of numbers and of categories."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from multilayer.engine.layers.linear import Descent
from multilayer.engine.layers.statistics import CategoryStatistics, members_of
from multilayer.engine.specification import CATEGORY_WIDTH

_TWO_PI = 2 * math.pi


@dataclass(frozen=True, eq=False)
class NumberParameters:
    """What the embedding of numbers knows, or the gradients of it.

    Attributes:
        frequency: w₁, (num_members, columns, 1, frequencies).
        phase: b₁, likewise.
        weight: W₂, (num_members, columns, frequencies, mixtures).
        bias: b₂, (num_members, columns, 1, mixtures).
    """

    frequency: Tensor
    phase: Tensor
    weight: Tensor
    bias: Tensor


class NumberLayer(Protocol):
    """Makes features of numbers: all numbers themselves first, then mixtures column by column."""

    num_columns: int

    @property
    def width(self) -> int:
        """How many features it makes."""

    def forward(self, numbers: Tensor, features: Tensor) -> None:
        """Numbers (num_members, batch, columns) to features (num_members, batch, width)."""

    def backward(self, gradient: Tensor) -> None:
        """∂loss/∂features to the gradients of the parameters."""


class NumberEmbedding:
    """Each number x becomes [x, W₂ cos(2π w₁ x + b₁) + b₂], with parameters for each column.

    This is PBLD of Holzmüller et al. (2024), after the periodic embeddings of Gorishniy et al.
    ("On Embeddings for Numerical Features in Tabular Deep Learning", 2022). Chain rule for
    g = ∂loss/∂(W₂ c + b₂), c the cosines and u their arguments: ∂b₂ = Σ g, ∂W₂ = cᵀ g,
    ∂u = −sin(u) (g W₂ᵀ), ∂b₁ = Σ ∂u, ∂w₁ = 2π Σ x ∂u.

    The features are all x first, then the mixtures column by column. Between them rows lie along
    the last dimension, as there are many rows and few frequencies, and fewer mixtures: products of
    such narrow matrices would take most of the time.

    Args:
        parameters: w₁, b₁, W₂, b₂.
        numbers: buffer for x, (num_members, columns, 1, batch).
        arguments: buffer for u, (num_members, columns, frequencies, batch).
        cosines: buffer for c, likewise.
        mixtures: buffer for W₂ c + b₂, (num_members, columns, mixtures, batch).
        gradients: where those of the parameters go; None for a pass without gradients.
    """

    def __init__(
        self,
        parameters: NumberParameters,
        numbers: Tensor,
        arguments: Tensor,
        cosines: Tensor,
        mixtures: Tensor,
        gradients: NumberParameters | None = None,
    ) -> None:
        self.parameters, self.gradients = parameters, gradients
        self.numbers, self.arguments = numbers, arguments
        self.cosines, self.mixtures = cosines, mixtures
        self.num_columns, self._num_mixtures = mixtures.shape[-3:-1]

    @property
    def width(self) -> int:
        """See `NumberLayer`."""
        return self.num_columns * (1 + self._num_mixtures)

    def forward(self, numbers: Tensor, features: Tensor) -> None:
        """See `NumberLayer`."""
        own = self.parameters
        self.numbers.copy_(numbers.mT.unsqueeze(-2))
        torch.mul(self.numbers, own.frequency.mT * _TWO_PI, out=self.arguments)
        self.arguments.add_(own.phase.mT)  # addcmul would take four times as long as both
        torch.cos(self.arguments, out=self.cosines)
        torch.baddbmm(
            by_column(own.bias.mT), by_column(own.weight.mT), by_column(self.cosines),
            out=by_column(self.mixtures),
        )  # fmt: skip
        features[..., : self.num_columns].copy_(numbers)
        mixed_part(features, self.mixtures).copy_(self.mixtures)

    def backward(self, gradient: Tensor) -> None:
        """See `NumberLayer`."""
        assert self.gradients is not None
        own, gradients = self.parameters, self.gradients
        self.mixtures.copy_(mixed_part(gradient, self.mixtures))
        flowing, cosines = by_column(self.mixtures), by_column(self.cosines)
        torch.sum(self.mixtures, dim=-1, keepdim=True, out=gradients.bias.mT)
        gradients.weight.copy_(torch.bmm(cosines, flowing.mT).view_as(own.weight))
        torch.bmm(by_column(own.weight), flowing, out=cosines)
        self.cosines.mul_(self.arguments.sin_())
        torch.sum(self.cosines, dim=-1, keepdim=True, out=gradients.phase.mT)
        gradients.phase.neg_()
        products = torch.bmm(by_column(self.numbers), cosines.mT)
        torch.mul(products.view_as(own.frequency), -_TWO_PI, out=gradients.frequency)


class CategoryEmbedding:
    """Each category's code becomes a row of a learned table.

    Chain rule for g = ∂loss/∂rows: ∂table sums g over the places where a row was taken.

    Args:
        sizes: number of codes of each column; their tables lie one after the other.
        table: (num_members, sum of sizes, values).
        table_gradient: where ∂table goes; None for a pass without gradients.
        columns: which of the codes given are embedded; None: all.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        table: Tensor,
        table_gradient: Tensor | None = None,
        columns: Sequence[int] | None = None,
    ) -> None:
        starts = [sum(sizes[:column]) for column in range(len(sizes))]
        self._starts = torch.tensor(starts, device=table.device)
        self._tables, self._gradient = table, table_gradient
        self._columns = None if columns is None else torch.tensor(columns, device=table.device)

    @property
    def width(self) -> int:
        """How many features it makes."""
        return len(self._starts) * CATEGORY_WIDTH

    def forward(self, codes: Tensor, features: Tensor) -> None:
        """Codes (num_members, batch, columns) to features (num_members, batch, width)."""
        if self._columns is not None:
            codes = codes[..., self._columns]
        self._rows = (codes.long() + self._starts).flatten(-2)
        pairs = zip(members_of(self._tables, 2), members_of(self._rows, 1), strict=True)
        for (table, rows), out in zip(pairs, members_of(features, 2), strict=True):
            out.copy_(table[rows].view_as(out))

    def backward(self, gradient: Tensor) -> None:
        """∂loss/∂features to the gradient of the table."""
        assert self._gradient is not None
        self._gradient.zero_()
        pairs = zip(members_of(self._gradient, 2), members_of(self._rows, 1), strict=True)
        for (table_gradient, rows), of_rows in zip(pairs, members_of(gradient, 2), strict=True):
            table_gradient.index_add_(0, rows, of_rows.reshape(-1, CATEGORY_WIDTH))


class ColumnFeatures:
    """Features of a row's columns.

    First embedded numbers, then columns as they are, embedded categories, and statistics of
    categories.

    Args:
        numbers: embeds the first columns; None: there are none.
        num_passthrough: columns that go through as they are.
        categories: embeds the last columns; None: there are none.
        features: buffer, (num_members, batch, features).
        statistics: of the categories; None: there are none.
    """

    def __init__(
        self,
        numbers: NumberLayer | None,
        num_passthrough: int,
        categories: CategoryEmbedding | None,
        features: Tensor,
        statistics: CategoryStatistics | None = None,
    ) -> None:
        self._numbers, self._categories, self._features = numbers, categories, features
        self._statistics = statistics
        self._num_columns = 0 if numbers is None else numbers.num_columns
        self._num_passthrough = num_passthrough
        self._passed_from = 0 if numbers is None else numbers.width
        self._passed_to = self._passed_from + num_passthrough
        self._embedded_to = self._passed_to + (0 if categories is None else categories.width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (num_members, batch, columns) to features (num_members, batch, features)."""
        codes_from = self._num_columns + self._num_passthrough
        if self._numbers is not None:
            self._numbers.forward(
                inputs[..., : self._num_columns], self._features[..., : self._passed_from]
            )
        self._features[..., self._passed_from : self._passed_to].copy_(
            inputs[..., self._num_columns : codes_from]
        )
        codes = inputs[..., codes_from:]
        if self._statistics is not None:
            codes = self._statistics.forward(codes, self._features[..., self._embedded_to :])
        if self._categories is not None:
            self._categories.forward(
                codes, self._features[..., self._passed_to : self._embedded_to]
            )
        return self._features

    def backward(self, gradient: Tensor, descent: Descent | None = None) -> None:  # noqa: ARG002
        """∂loss/∂features to the gradients of the embeddings."""
        if self._numbers is not None:
            self._numbers.backward(gradient[..., : self._passed_from])
        if self._categories is not None:
            self._categories.backward(gradient[..., self._passed_to : self._embedded_to])


def by_column(tensor: Tensor) -> Tensor:
    """Stacks of matrices of all members and columns as one stack."""
    return tensor.flatten(0, -3)


def mixed_part(features: Tensor, mixtures: Tensor) -> Tensor:
    """The mixtures among the features of numbers, in the shape of the buffer for them.

    Args:
        features: (num_members, batch, width).
        mixtures: (num_members, columns, mixtures, batch).
    """
    num_columns, num_mixtures = mixtures.shape[-3:-1]
    mixed = features[..., num_columns : num_columns * (1 + num_mixtures)]
    return mixed.view(*mixed.shape[:-1], num_columns, num_mixtures).movedim(-3, -1)
