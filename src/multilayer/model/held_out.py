"""Calibrate a model on held-out rows: temperature and conformal scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.encoding.splits import halves
from multilayer.engine.batches import Examples
from multilayer.engine.cross_selection import CrossSelection
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.temperature import FEW_ROWS_TO_MIX, fit_mixture, fit_temperature
from multilayer.model.conformal import ConformalScores, scores_of_numbers
from multilayer.model.model import Model

Array = NDArray[np.float64]
# For each member: outputs (1, num_rows, num_outputs) for its held-out rows, targets, weights.
Parts = list[tuple[Array, NDArray[np.int64], Array | None]]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out rows.

    Args:
        examples: hold the rows.
        rows: for each member the indices of the rows that it was not trained on; None: no member
            was trained on any of `examples`.
        groups: the group of each row of `examples`, (len(examples),); None: no groups, or unknown.
        cross_outputs: for each member (its number of held-out rows, num_outputs), by networks
            whose epoch and temperature these rows did not choose; see `CrossSelection`. None: the
            model's own.
    """

    examples: Examples
    rows: tuple[NDArray[np.int64], ...] | None
    groups: NDArray[Any] | None = None
    cross_outputs: tuple[Array, ...] | None = None

    @property
    def num_rows(self) -> int:
        """Number of held-out rows of all members."""
        return len(self.examples) if self.rows is None else sum(map(len, self.rows))

    def of_members(self, numbers: Sequence[int]) -> "HeldOut":
        """The held-out rows of some of the members."""
        if self.rows is None:
            return self
        return replace(self, rows=tuple(self.rows[number] for number in numbers))

    def row_tensors(self) -> list[Tensor] | None:
        """The row indices, as `train` takes them."""
        return None if self.rows is None else [torch.from_numpy(rows) for rows in self.rows]

    def cross_selection(
        self, settings: TrainingSettings, num_members: int
    ) -> CrossSelection | None:
        """What keeps outputs by networks whose epoch other held-out rows chose, during training.

        Args:
            settings: of the training; their seed halves the rows, stratified by class or by groups.
            num_members: how many networks are trained.

        Returns:
            None if the last epoch counts, which no rows choose, or the rows cannot be halved.
        """
        if settings.selection == "last":
            return None
        every, targets, weights, of_members = self.examples, [], [], []
        for rows in (slice(None),) if self.rows is None else self.rows:
            targets.append(every.targets[rows])
            if every.weights is not None:
                weights.append(every.weights[rows])
            labels = targets[-1].numpy() if targets[-1].dim() == 1 else np.zeros(len(targets[-1]))
            groups = None if self.groups is None else self.groups[rows]
            is_second = halves(labels, settings.seed, groups)
            if is_second is None:
                return None
            of_members.append(torch.from_numpy(is_second))
        repeats = num_members if self.rows is None else 1
        return CrossSelection(
            targets * repeats, weights * repeats or None, of_members * repeats, settings
        )

    def calibrated(self, model: Model) -> Model:
        """The model with a temperature and conformal scores, which use the scaled probabilities.

        The temperature is fitted to the model's own outputs, also for rows that chose its epoch: a
        single number learns little from them, and other epochs need another one.
        """
        parts = list(self._parts(model))
        return self._scored_by(parts, self._tempered_by(parts, model))

    def tempered(self, model: Model) -> Model:
        """The model with a temperature fitted to these rows; a regression is unchanged.

        One temperature is fitted to the outputs of all members for their held-out rows. If the rows
        are few, probabilities are mixed with the class frequencies (see `fit_mixture`); always with
        the uniform distribution at weight 1 / (n + 1), so that none is 0 or 1 (Holzmüller et al.,
        2024).
        """
        return self._tempered_by(list(self._parts(model)), model)

    def scored(self, model: Model) -> Model:
        """The model with conformal scores from these rows; a multilabel model is unchanged.

        They are those of `cross_outputs`, if given.
        """
        return self._scored_by(list(self._parts(model)), model)

    def answers(self, model: Model) -> tuple[Array, NDArray[Any]]:
        """Out-of-sample predictions for the held-out rows.

        Returns:
            Probabilities or numbers, (num_rows, num_outputs), and the encoded targets.
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
        scored = model
        if self.cross_outputs is not None:
            own, parts = parts, []
            scored = replace(model, temperature=1.0)  # each half has its own, which is in them
            for outputs, (_, targets, weights) in zip(self.cross_outputs, own, strict=True):
                parts.append((outputs[None], targets, weights))
        if self.rows is None:  # score the members' mean as one network
            outputs = np.concatenate([outputs for outputs, _, _ in parts])
            return replace(model, conformal=self._scores(scored, [(outputs, parts[0][1])]))
        return replace(
            model, conformal=self._scores(scored, [part[:2] for part in parts if len(part[1])])
        )

    def _scores(
        self, model: Model, parts: list[tuple[Array, NDArray[np.int64]]]
    ) -> ConformalScores:
        """Conformal scores of parts: outputs (num_members, num_rows, num_outputs), targets."""
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
        """See `Parts`."""
        for number in range(model.network.num_members):
            rows = slice(None) if self.rows is None else torch.from_numpy(self.rows[number])
            weights = self.examples.weights
            yield (
                model.network.member(number).logits(self.examples.inputs[rows]).double().numpy(),
                self.examples.targets[rows].numpy(),
                None if weights is None else weights[rows].double().numpy(),
            )
