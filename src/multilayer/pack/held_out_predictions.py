"""What a draw's networks predict for the rows that they were not trained on."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.losses import loss_to_score
from multilayer.engine.network import Network
from multilayer.engine.temperature import fit_temperature
from multilayer.fit.prepare import PreparedData
from multilayer.model.held_out import HeldOut
from multilayer.pack.mixture import Array

_SMALLEST = 1e-15  # of a probability whose logarithm is taken


class HeldOutPredictions:
    """Predictions for held-out rows in the form that a mixture is chosen by.

    Of classes and labels only the probability of the truth is kept, of which a mixture's is the
    mean, and by which its cross entropy is known; each draw has a temperature of its own.

    Args:
        data: with held-out rows, of each member of a draw its own, or the same for all.
    """

    def __init__(self, data: PreparedData) -> None:
        assert data.held_out is not None
        self._held_out: HeldOut = data.held_out
        examples, rows = data.held_out.examples, data.held_out.rows
        everything = torch.arange(len(examples))
        order = everything if rows is None else torch.from_numpy(np.concatenate(rows))
        self._targets = examples.targets[order]
        self._weights = None if examples.weights is None else examples.weights[order].double()
        self._is_of_numbers = data.targets.task == "regression"
        self._loss = loss_to_score(data.settings)

    def __len__(self) -> int:
        return len(self._targets)

    def of(self, network: Network) -> tuple[Array, float]:
        """The predictions of a draw, and the temperature that they were made with.

        Args:
            network: the draw's members, one for each set of held-out rows.

        Returns:
            (num_rows, num_values), and the temperature, 1 for numbers. NaN if an output is not
            finite.
        """
        inputs, rows = self._held_out.examples.inputs, self._held_out.rows
        if rows is None:
            outputs = network.logits(inputs).double().cpu().numpy()
        else:
            parts = [
                network.member(member).logits(inputs[torch.from_numpy(own)])[0]
                for member, own in enumerate(rows)
            ]
            outputs = torch.cat(parts).double().cpu().numpy()[None]
        if not np.isfinite(outputs).all():
            return np.full((len(self), 1), np.nan), 1.0
        if self._is_of_numbers:
            return outputs.mean(axis=0), 1.0
        temperature = self._temperature_of(outputs)
        return self._of_truth(outputs / temperature).mean(axis=0), temperature

    def loss_of(self, predictions: Array) -> Array:
        """The loss of predictions, (…, num_rows, num_values), the mean over the rows, (…)."""
        shape = predictions.shape[:-2]
        if self._is_of_numbers:
            outputs = torch.from_numpy(predictions.reshape(-1, *predictions.shape[-2:]))
            weights = None if self._weights is None else self._weights[None]
            targets = self._targets[None].double()
            losses: Array = self._loss.value(outputs, targets, weights).numpy().reshape(shape)
            return losses
        of_rows = -np.log(np.maximum(predictions, _SMALLEST)).mean(axis=-1)
        if self._weights is None:
            mean: Array = of_rows.mean(axis=-1)
            return mean
        shares: Array = of_rows @ (self._weights / self._weights.sum()).numpy()
        return shares

    def _temperature_of(self, outputs: Array) -> float:
        """One temperature for all members, as the model's is fitted."""
        num_sets, num_rows = outputs.shape[:2]
        targets = self._targets.numpy().astype(np.int64)
        weights = None if self._weights is None else self._weights.numpy()
        return fit_temperature(
            np.concatenate(outputs),
            np.concatenate([targets] * num_sets),
            None if weights is None else np.concatenate([weights] * num_sets),
            num_rows,
        )

    def _of_truth(self, logits: Array) -> Array:
        """Probabilities of the truth, (num_sets, num_rows, 1), of labels (…, num_labels)."""
        targets: NDArray[Any] = self._targets.numpy()
        if targets.ndim > 1:
            signed = np.where(targets > 0, logits, -logits)
            labels: Array = 0.5 * (1 + np.tanh(0.5 * signed))
            return labels
        shifted = logits - logits.max(axis=-1, keepdims=True)
        exponentials = np.exp(shifted)
        of_truth = np.take_along_axis(
            exponentials, np.broadcast_to(targets[None, :, None], (*logits.shape[:-1], 1)), axis=-1
        )
        classes: Array = of_truth / exponentials.sum(axis=-1, keepdims=True)
        return classes
