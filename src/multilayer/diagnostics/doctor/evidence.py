"""What the rules look at: a run's settings, its history, and what its network does with rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.target_leakage import leaking_columns
from multilayer.diagnostics.layer_statistics import GradientNorm, LayerStatistics, layer_statistics
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.schedules import SCHEDULES
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import RunFolderError
from multilayer.fit.fit import Fit
from multilayer.images.datasets import ImageDataset
from multilayer.model.model_file import load_model
from multilayer.runs.repeat_command import compare_command, repeat_command
from multilayer.runs.run_documents import read_history, read_results, read_settings
from multilayer.runs.run_folder import model_path
from multilayer.runs.run_rows import RunRows, rows_of_run

_FEW_ROWS = 1000  # enough for activations and gradients
_MANY_ROWS = 20_000  # enough for confusions


@dataclass(frozen=True)
class Diagnosis:
    """What a rule found.

    Args:
        name: of the finding, in a few words.
        evidence: the figures of the run that say so.
        next_step: a command to try, and nothing else.
        learning_rate: that the command trains with; None: the rule leaves it as it is.
    """

    name: str
    evidence: str
    next_step: str
    learning_rate: float | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of labelled rows.

    Attributes:
        labels: (num_rows,).
        predicted: (num_rows,).
    """

    labels: NDArray[Any]
    predicted: NDArray[Any]

    @property
    def accuracy(self) -> float:
        """Share of right ones."""
        return float((self.labels == self.predicted).mean())


@dataclass(frozen=True, eq=False)
class Evidence:
    """A run as the rules see it.

    Attributes:
        description: content of settings.json.
        settings: the run's settings in it.
        history: lines of history.jsonl; the train_loss of the epoch that diverged is None.
        class_names: one for each class; none where numbers or labels are predicted.
        has_diverged: as the run's results say.
        rows: that it learned from and watched.
        layers: of the hidden layers on some training rows; none if the run diverged.
        gradients: of the weight matrices on the same rows.
        watched: answers on the rows that the run watched; None if it diverged.
        learned: answers on training rows; None where they were not looked at.
        num_watched_rows: of all the rows that the run watched.
        is_test_watched: whether these are the test rows.
        num_copies: watched rows that are also among the training rows; None: not looked at.
        error_interval: of numbers, the RMSE on the watched rows and its 95% interval.
        explained_share: of numbers, the smallest R² of a target on the watched rows.
        num_rows_of_layers: training rows that `layers` and `gradients` are of.
        leaking_column: of a table, a column that determines the target all by itself.
    """

    description: Mapping[str, Any]
    settings: TrainingSettings
    history: Sequence[Mapping[str, Any]]
    class_names: tuple[str, ...]
    has_diverged: bool = False
    rows: RunRows | None = None
    layers: Sequence[LayerStatistics] = field(default_factory=tuple)
    gradients: Sequence[GradientNorm] = field(default_factory=tuple)
    watched: Answers | None = None
    learned: Answers | None = None
    num_watched_rows: int = 0
    is_test_watched: bool = True
    num_copies: int | None = None
    error_interval: tuple[float, float, float] | None = None
    leaking_column: str | None = None
    explained_share: float | None = None
    num_rows_of_layers: int = 0

    @property
    def is_diverged(self) -> bool:
        """Whether the loss stopped being a finite number."""
        return self.has_diverged or any(line["train_loss"] is None for line in self.history)

    def curve(self, name: str) -> list[float]:
        """The finite values of a column of the history."""
        return [line[name] for line in self.history if line.get(name) is not None]

    def rate_factors(self, num_epochs: int) -> list[float]:
        """What the schedule multiplies the learning rate by in the middle of each epoch."""
        factor = SCHEDULES[self.settings.schedule]
        most = max(num_epochs, self.settings.max_epochs)
        return [factor((epoch + 0.5) / most) for epoch in range(num_epochs)]

    @property
    def guessing_loss(self) -> float | None:
        """The loss of one answer for all rows, the best there is; None: not known of this loss."""
        if self.rows is None:
            return None
        targets = self.rows.learned.targets
        if self.settings.loss == "cross_entropy":
            shares = np.bincount(targets.numpy()) / len(targets)
            return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
        if self.settings.loss == "squared_error":
            return float(targets.double().var(0, correction=0).mean())
        return None

    def command(self, **changes: Any) -> str:
        """The command that repeats the run with changes of its settings."""
        return repeat_command(self.description, **changes)

    def command_without(self, column: str) -> str:
        """The command that repeats the run on a table without a column."""
        data = self.description["data"]
        roles = {**data["roles"], "drop": [*data["roles"]["drop"], column]}
        return repeat_command({**self.description, "data": {**data, "roles": roles}})

    def comparison(self, *settings: str) -> str:
        """The command that compares settings on the run's data."""
        return compare_command(self.description, *settings)


def evidence_of(
    run: str | Path,
    data: ImageDataset | Fit | str | Path | None = None,
    *,
    is_quick: bool = False,
) -> Evidence:
    """What a run folder and the data that it trained on say.

    Of several networks the first one is looked at, and with folds the rows that it did not learn
    from.

    Args:
        run: the folder.
        data: what it trained on, where that is in memory, or where it is now; None: loaded again.
        is_quick: look at 2,000 rows of each kind, and not for copies among them.

    Raises:
        RunFolderError: the folder is not whole, has no history, or is of another version.
        DataError: the data cannot be had any more.
    """
    description, results = read_settings(run), read_results(run)
    is_diverged = results.get("status") == "diverged"
    # A run on a table that diverges in its first epoch has no history.
    history = (
        [] if is_diverged and not (Path(run) / "history.jsonl").exists() else read_history(run)
    )
    if not (history or is_diverged) or any("train_loss" not in line for line in history):
        raise RunFolderError(f"{run} has no epochs to look at in its history.jsonl")
    rows = rows_of_run(run, data)
    found = Evidence(
        description, rows.settings, history, rows.class_names, is_diverged, rows=rows,
        num_watched_rows=rows.num_watched_rows, is_test_watched=rows.is_test_watched,
    )  # fmt: skip
    if found.is_diverged:
        return found
    network = load_model(model_path(run)).network
    _check_fits(run, network.spec, rows.spec)
    if rows.settings.num_folds:
        network = network.member(0)
    few_learned = rows.learned.at(slice(_FEW_ROWS))
    layers, gradients = layer_statistics(network, few_learned, rows.settings.loss)
    most_rows = 2 * _FEW_ROWS if is_quick else _MANY_ROWS
    few_watched = None if rows.watched is None else rows.watched.at(slice(most_rows))
    has_classes = bool(rows.class_names)
    rmse = next(iter(_validation_scores(results, "RMSE")), None)
    return replace(
        found,
        layers=layers,
        gradients=gradients,
        watched=_answers(network, few_watched) if has_classes and few_watched else None,
        learned=_answers(network, rows.learned.at(slice(most_rows))) if has_classes else None,
        error_interval=None if rmse is None else (rmse["value"], rmse["low"], rmse["high"]),
        explained_share=min((s["value"] for s in _validation_scores(results, "R²")), default=None),
        num_rows_of_layers=len(few_learned),
        num_copies=None if is_quick else _num_copies(rows),
        leaking_column=None if rows.fit is None else _leaking_column(rows.fit),
    )


def _leaking_column(fit: Fit) -> str | None:
    if fit.schema is None or len(fit.targets.names) > 1:
        return None
    import polars as pl

    target = pl.Series(fit.targets.encode(fit.rows.targets).ravel())
    target = target if fit.targets.task == "regression" else target.cast(pl.String)
    inputs = fit.rows.frame.select(column.name for column in fit.schema.inputs)
    return next(iter(leaking_columns(inputs, target)), None)


def _check_fits(run: str | Path, of_model: NetworkSpec, of_rows: NetworkSpec) -> None:
    """Raise RunFolderError where the rows of a run are not what its network takes."""
    for name in ("num_inputs", "num_outputs", "embedded_numbers", "category_sizes"):
        if getattr(of_model, name) != getattr(of_rows, name):
            raise RunFolderError(
                f"model.safetensors and settings.json of {run} are not of one run: the {name} of "
                f"the network are {getattr(of_model, name)}, those of the rows "
                f"{getattr(of_rows, name)}"
            )


def _validation_scores(results: Mapping[str, Any], ending: str) -> list[Mapping[str, Any]]:
    """Scores of results.json whose names end so and whose figures are there."""
    return [
        score
        for score in results.get("validation", ())
        if score["name"].endswith(ending) and None not in score.values()
    ]


def _num_copies(rows: RunRows) -> int | None:
    """Watched rows that were learned from; None where rows are equal without being copies."""
    if rows.watched is None:
        return None
    learned, watched = _keys(rows.learned), _keys(rows.watched)
    known = set(learned)
    if rows.fit is not None and len(known) < 0.9 * len(learned):
        return None  # few columns with few values make equal rows by chance
    return sum(key in known for key in watched)


def _keys(rows: Examples) -> list[bytes]:
    return [row.tobytes() for row in rows.inputs.numpy()]


def _answers(network: Network, rows: Examples) -> Answers:
    predicted = network.logits(rows.inputs).softmax(-1).mean(0).argmax(-1)
    return Answers(rows.targets.numpy(), predicted.numpy())
