"""What the doctor's rules examine: a run's settings, history and layers, and its predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.target_leakage import leaking_columns
from multilayer.diagnostics.layer_statistics import GradientNorm, LayerStatistics, layer_statistics
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.schedules import SCHEDULES
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.target_statistics import with_versions
from multilayer.errors import RunFolderError
from multilayer.fit.fit import Fit
from multilayer.images.datasets import ImageDataset
from multilayer.model.mixed_networks import MixedNetworks
from multilayer.model.model_file import load_model
from multilayer.runs.repeat_command import compare_command, repeat_command
from multilayer.runs.run_documents import read_history, read_results, read_settings
from multilayer.runs.run_folder import model_path
from multilayer.runs.run_rows import RunRows, rows_of_run

_FEW_ROWS = 1000  # enough for activations and gradients
_MANY_ROWS = 20_000  # enough for confusions


@dataclass(frozen=True)
class Diagnosis:
    """A finding of a rule.

    Args:
        name: a short title.
        evidence: the figures of the run that support it.
        next_step: a command to try, and nothing else.
        learning_rate: that the command trains with; None: unchanged.
    """

    name: str
    evidence: str
    next_step: str
    learning_rate: float | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """A network's predictions for labelled rows.

    Attributes:
        labels: (num_rows,).
        predicted: (num_rows,).
    """

    labels: NDArray[Any]
    predicted: NDArray[Any]

    @property
    def accuracy(self) -> float:
        """Share of correct predictions."""
        return float((self.labels == self.predicted).mean())


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of a run.

    Attributes:
        description: content of settings.json.
        settings: the run's settings in it.
        history: lines of history.jsonl; the train_loss of the epoch that diverged is None.
        class_names: one for each class; empty for regression and multilabel.
        has_diverged: whether results.json says so.
        rows: its training and validation rows.
        layers: statistics of the hidden layers on some training rows; empty if it diverged.
        gradients: norms for the weight matrices on the same rows.
        validation: predictions for validation rows; None if it diverged, or without classes.
        train: predictions for training rows; None likewise.
        num_validation_rows: all validation rows of the run.
        validates_on_test: whether these are the test rows.
        num_copies: validation rows that are also training rows; None: not counted.
        error_interval: for regression, the validation RMSE and its 95% interval.
        explained_share: for regression, the smallest validation R² of a target.
        num_rows_of_layers: training rows that `layers` and `gradients` are computed on.
        leaking_column: of a table, a column that alone determines the target.
        pack: of a pack, how it ended, see `PackDocument`; its curves and layers are not judged.
    """

    description: Mapping[str, Any]
    settings: TrainingSettings
    history: Sequence[Mapping[str, Any]]
    class_names: tuple[str, ...]
    has_diverged: bool = False
    rows: RunRows | None = None
    layers: Sequence[LayerStatistics] = field(default_factory=tuple)
    gradients: Sequence[GradientNorm] = field(default_factory=tuple)
    validation: Answers | None = None
    train: Answers | None = None
    num_validation_rows: int = 0
    validates_on_test: bool = True
    num_copies: int | None = None
    error_interval: tuple[float, float, float] | None = None
    leaking_column: str | None = None
    explained_share: float | None = None
    num_rows_of_layers: int = 0
    pack: Mapping[str, Any] | None = None

    @property
    def is_diverged(self) -> bool:
        """Whether the loss stopped being a finite number."""
        return self.has_diverged or any(line["train_loss"] is None for line in self.history)

    @property
    def is_pack(self) -> bool:
        """Whether it is a pack that has not diverged, whose history is that of many networks."""
        return self.settings.num_draws > 0 and not self.is_diverged

    def curve(self, name: str) -> list[float]:
        """The finite values of a column of the history."""
        return [line[name] for line in self.history if line.get(name) is not None]

    @property
    def _is_calibrated(self) -> bool:
        return self.settings.selection == "calibrated_loss"

    @property
    def chosen_by(self) -> str:
        """The validation loss that epochs are chosen by, in words."""
        return "calibrated validation loss" if self._is_calibrated else "validation loss"

    def validation_curve(self) -> list[float]:
        """The finite validation losses; those after calibration where epochs are chosen by them.

        Without calibration they rise as a network grows sure of itself, though its answers, which
        are calibrated in the end, still get better.
        """
        name = "validation_calibrated_loss" if self._is_calibrated else "validation_loss"
        return self.curve(name)

    def rate_factors(self, num_epochs: int) -> list[float]:
        """The schedule's factor on the learning rate in the middle of each epoch."""
        factor = SCHEDULES[self.settings.schedule]
        most = max(num_epochs, self.settings.max_epochs)
        return [factor((epoch + 0.5) / most) for epoch in range(num_epochs)]

    @property
    def guessing_loss(self) -> float | None:
        """The training loss of the best constant prediction; None if unknown for this loss."""
        if self.rows is None:
            return None
        targets = self.rows.train.targets
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
    """Collect the evidence from a run folder and the data of the run.

    Of several networks the first one is examined, with folds on its own held-out rows.

    Args:
        run: the folder.
        data: the data if in memory, or their current path; None: loaded again.
        is_quick: use at most 2,000 rows of each kind, and do not count copies.

    Raises:
        RunFolderError: the folder is incomplete, has no history, or is of another version.
        DataError: the data cannot be loaded any more.
    """
    description, results = read_settings(run), read_results(run)
    is_diverged = results.get("status") == "diverged"
    # A run on a table that diverges in its first epoch has no history.
    history = (
        [] if is_diverged and not (Path(run) / "history.jsonl").exists() else read_history(run)
    )
    if not (history or is_diverged) or any("train_loss" not in line for line in history):
        raise RunFolderError(f"{run}/history.jsonl holds no epochs")
    rows = rows_of_run(run, data)
    found = Evidence(
        description, rows.settings, history, rows.class_names, is_diverged, rows=rows,
        num_validation_rows=rows.num_validation_rows, validates_on_test=rows.validates_on_test,
    )  # fmt: skip
    if found.is_diverged:
        return found
    model = load_model(model_path(run))
    network, leading = model.network, model.leading
    _check_fits(run, network.spec, rows.spec, rows.settings)
    if rows.settings.num_folds:
        network, leading = network.member(0), leading.member(0)
    few_train = rows.train.at(slice(_FEW_ROWS))
    layers: Sequence[LayerStatistics] = ()
    gradients: Sequence[GradientNorm] = ()
    if not rows.settings.num_draws:
        layers, gradients = layer_statistics(leading, few_train, rows.settings.loss)
    most_rows = 2 * _FEW_ROWS if is_quick else _MANY_ROWS
    few_validation = None if rows.validation is None else rows.validation.at(slice(most_rows))
    has_classes = bool(rows.class_names)
    rmse = next(iter(_validation_scores(results, "RMSE")), None)
    return replace(
        found,
        layers=layers,
        gradients=gradients,
        validation=_answers(network, few_validation) if has_classes and few_validation else None,
        train=_answers(network, rows.train.at(slice(most_rows))) if has_classes else None,
        error_interval=None if rmse is None else (rmse["value"], rmse["low"], rmse["high"]),
        explained_share=min((s["value"] for s in _validation_scores(results, "R²")), default=None),
        num_rows_of_layers=len(few_train),
        pack=results.get("pack"),
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


def _check_fits(
    run: str | Path, of_model: NetworkSpec, of_rows: NetworkSpec, settings: TrainingSettings
) -> None:
    """Raise RunFolderError if the network does not fit the rows of the run."""
    names = ["num_inputs", "num_outputs", "category_sizes"]
    if not settings.num_draws:  # a pack draws whether numbers are embedded
        names.append("embedded_numbers")
    for name in names:
        if getattr(of_model, name) != getattr(of_rows, name):
            raise RunFolderError(
                f"model.safetensors and settings.json of {run} are not of one run: the network has "
                f"{name}={getattr(of_model, name)}, the rows {name}={getattr(of_rows, name)}"
            )


def _validation_scores(results: Mapping[str, Any], ending: str) -> list[Mapping[str, Any]]:
    """Validation scores whose name ends with `ending` and whose figures are all known."""
    return [
        score
        for score in results.get("validation", ())
        if score["name"].endswith(ending) and None not in score.values()
    ]


def _num_copies(rows: RunRows) -> int | None:
    """Validation rows that are also training rows; None where equal rows are common by chance."""
    if rows.validation is None:
        return None
    train, validation = (_keys(part, rows.spec) for part in (rows.train, rows.validation))
    known = set(train)
    if rows.fit is not None and len(known) < 0.9 * len(train):
        return None  # few columns with few values make equal rows by chance
    return sum(key in known for key in validation)


def _keys(rows: Examples, spec: NetworkSpec) -> list[bytes]:
    inputs = rows.inputs
    if spec.category_statistics:  # training rows have other versions of them
        inputs = with_versions(inputs, spec.category_sizes, torch.zeros(len(rows)).long())
    return [row.tobytes() for row in inputs.numpy()]


def _answers(network: Network | MixedNetworks, rows: Examples) -> Answers:
    predicted = network.logits(rows.inputs).softmax(-1).mean(0).argmax(-1)
    return Answers(rows.targets.numpy(), predicted.numpy())
