"""Rows that a network has not learned from, and what they teach about its answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.model.conformal import ConformalScores, scores_of_numbers
from multilayer.model.model import Model
from multilayer.model.temperature import FEW_ROWS_TO_MIX, fit_mixture, fit_temperature

Array = NDArray[np.float64]
# Of each member: outputs (1, num_rows, num_outputs) on its rows, their targets, weights.
Parts = list[tuple[Array, NDArray[np.int64], Array | None]]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows to be measured on.

    Args:
        examples: where the rows are.
        rows: for each member the numbers of the rows that it was not trained on; None: all of
            `examples`, which no member was trained on.
    """

    examples: Examples
    rows: tuple[NDArray[np.int64], ...] | None

    @property
    def num_rows(self) -> int:
        """Rows that any of the members is measured on."""
        return len(self.examples) if self.rows is None else sum(map(len, self.rows))

    def of_members(self, numbers: Sequence[int]) -> "HeldOut":
        """The rows of some of the members."""
        if self.rows is None:
            return self
        return replace(self, rows=tuple(self.rows[number] for number in numbers))

    def row_tensors(self) -> list[Tensor] | None:
        """The row numbers, as `train` takes them."""
        return None if self.rows is None else [torch.from_numpy(rows) for rows in self.rows]

    def calibrated(self, model: Model) -> Model:
        """The model with a temperature and conformal scores from these rows.

        Conformal scores are of the probabilities as they are after that.
        """
        parts = list(self._parts(model))
        return self._scored_by(parts, self._tempered_by(parts, model))

    def tempered(self, model: Model) -> Model:
        """The model with a temperature from these rows; one of numbers as it is.

        The temperature is fitted to the outputs of all members on their own rows. Probabilities
        are then mixed with the shares of the classes where the rows are few, as far as that makes
        them likelier (see `fit_mixture`), and with the uniform at weight 1 / (n + 1), which keeps
        them from certainty (Holzmüller et al., 2024).
        """
        return self._tempered_by(list(self._parts(model)), model)

    def scored(self, model: Model) -> Model:
        """The model with conformal scores of its answers for these rows; of labels there are none.

        Intervals and sets are made of them.
        """
        return self._scored_by(list(self._parts(model)), model)

    def answers(self, model: Model) -> tuple[Array, NDArray[Any]]:
        """Answers for the held-out rows by networks that have not learned from them.

        Returns:
            Probabilities or numbers (num_rows, num_outputs), and the targets as they are encoded.
        """
        parts = list(self._parts(model))
        mean = model.member_numbers
        if model.targets.task != "regression":
            mean = model.member_probabilities
        if self.rows is None:
            outputs = np.concatenate([outputs for outputs, _, _ in parts])
            return mean(outputs).mean(axis=0), parts[0][1]
        answers = [mean(outputs)[0] for outputs, _, _ in parts]
        return np.concatenate(answers), np.concatenate([targets for _, targets, _ in parts])

    def _tempered_by(self, parts: Parts, model: Model) -> Model:
        if model.targets.task == "regression":
            return model
        logits = np.concatenate([outputs[0] for outputs, _, _ in parts])
        targets = np.concatenate([targets for _, targets, _ in parts]).astype(np.int64)
        weights = None
        if self.examples.weights is not None:
            weights = np.concatenate([w for _, _, w in parts if w is not None])
        num_rows = len(parts[0][1]) if self.rows is None else len(targets)
        even = 1 / (num_rows + 1)
        if model.targets.task == "multilabel" or num_rows >= FEW_ROWS_TO_MIX:
            temperature = fit_temperature(logits, targets, weights, num_rows)
            return replace(model, temperature=temperature, uniform_share=even)
        every = self.examples
        of_all = None if every.weights is None else every.weights.double().numpy()
        counts = np.bincount(every.targets.numpy(), of_all, minlength=logits.shape[1])
        shares = counts / counts.sum()
        temperature, base_share = fit_mixture(logits, shares, targets, weights, num_rows)
        share = 1 - (1 - even) * (1 - base_share)
        spread = (share - even) * shares + even / len(shares)
        return replace(
            model,
            temperature=temperature,
            uniform_share=share,
            spread=tuple((spread / share).tolist()),
        )

    def _scored_by(self, parts: Parts, model: Model) -> Model:
        if model.targets.task == "multilabel":
            return model
        if self.rows is None:  # the members' mean is one network to these rows
            outputs = np.concatenate([outputs for outputs, _, _ in parts])
            return replace(model, conformal=self._scores(model, [(outputs, parts[0][1])]))
        return replace(
            model, conformal=self._scores(model, [part[:2] for part in parts if len(part[1])])
        )

    def _scores(
        self, model: Model, parts: list[tuple[Array, NDArray[np.int64]]]
    ) -> ConformalScores:
        """Each part is outputs (num_members, num_rows, num_outputs) and targets."""
        scores = []
        for outputs, targets in parts:
            if model.targets.task == "regression":
                numbers = model.member_numbers(outputs).mean(axis=0)
                scale = model.targets.scale
                scores.append(scores_of_numbers(scale, numbers, scale.restore(targets)))
            else:
                probabilities = model.member_probabilities(outputs).mean(axis=0)
                of_truth = probabilities[np.arange(len(targets)), targets]
                scores.append(1 - of_truth[:, None])
        return ConformalScores.of(scores)

    def _parts(self, model: Model) -> Iterator[tuple[Array, NDArray[np.int64], Array | None]]:
        """Each member's outputs (1, num_rows, num_outputs) on its rows, their targets, weights."""
        for number in range(model.network.num_members):
            rows = slice(None) if self.rows is None else torch.from_numpy(self.rows[number])
            weights = self.examples.weights
            yield (
                model.network.member(number).logits(self.examples.inputs[rows]).double().numpy(),
                self.examples.targets[rows].numpy(),
                None if weights is None else weights[rows].double().numpy(),
            )
