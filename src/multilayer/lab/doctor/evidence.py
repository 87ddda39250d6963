"""What the rules look at: a run's settings, its history, and what its network does with rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from multilayer.data.images import ImageDataset, load_images
from multilayer.data.splits import split_rows
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import RunFolderError, SettingsError
from multilayer.lab.image_rows import as_examples
from multilayer.lab.layer_statistics import GradientNorm, LayerStatistics, layer_statistics
from multilayer.lab.report.repeat_command import repeat_command
from multilayer.lab.run_folder import model_path, read_history, read_json
from multilayer.model_file.image_model import load_image_model

_FEW_ROWS = 1000  # enough for activations and gradients
_MANY_ROWS = 20_000  # enough for confusions


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
        class_names: one for each class.
        layers: of the hidden layers on some training rows; none if the run diverged.
        gradients: of the weight matrices on the same rows.
        watched: answers on the rows that the run watched; None if it diverged.
        learned: answers on training rows; None where they were not looked at.
        num_watched_rows: of all the rows that the run watched.
        is_test_watched: whether these are the test rows.
        num_copies: watched rows that are also among the training rows; None: not looked at.
    """

    description: Mapping[str, Any]
    settings: TrainingSettings
    history: Sequence[Mapping[str, Any]]
    class_names: tuple[str, ...]
    layers: Sequence[LayerStatistics] = field(default_factory=tuple)
    gradients: Sequence[GradientNorm] = field(default_factory=tuple)
    watched: Answers | None = None
    learned: Answers | None = None
    num_watched_rows: int = 0
    is_test_watched: bool = True
    num_copies: int | None = None

    @property
    def is_diverged(self) -> bool:
        """Whether the loss stopped being a finite number."""
        return any(line["train_loss"] is None for line in self.history)

    def curve(self, name: str) -> list[float]:
        """The finite values of a column of the history."""
        return [line[name] for line in self.history if line.get(name) is not None]

    def command(self, **changes: Any) -> str:
        """The command that repeats the run with changes of its settings."""
        written = {
            name: float(f"{value:.4g}") if isinstance(value, float) else value
            for name, value in changes.items()
        }
        settings = {**self.description["settings"], **written}
        return repeat_command({**self.description, "settings": settings})


def evidence_of(
    run: str | Path, dataset: ImageDataset | None = None, *, is_quick: bool = False
) -> Evidence:
    """What a run folder and the data that it trained on say.

    Args:
        run: the folder.
        dataset: the data, where it is in memory; None: loaded again.
        is_quick: look at 2,000 rows of each kind, and not for copies among them.

    Raises:
        RunFolderError: the folder is not whole, has no history, or is of a kind or version that
            this cannot read.
        DataError: the data cannot be had any more.
    """
    description = read_json(run, "settings.json")
    settings, load, data_dir = settings_and_data(run)
    history = read_history(run)
    if not history or any("train_loss" not in line for line in history):
        raise RunFolderError(f"{run} has no epochs to look at in its history.jsonl")
    dataset = dataset or load_images(load, data_dir)
    found = Evidence(description, settings, history, dataset.class_names)
    if found.is_diverged:
        return found
    train_rows, watched_rows = as_examples(dataset.train), as_examples(dataset.test)
    if settings.validation_fraction:
        kept, held_out = split_rows(
            dataset.train.labels, settings.validation_fraction, settings.seed
        )
        train_rows, watched_rows = (
            train_rows.at(torch.from_numpy(part)) for part in (kept, held_out)
        )
    network = load_image_model(model_path(run)).network
    layers, gradients = layer_statistics(network, train_rows.at(slice(_FEW_ROWS)), settings.loss)
    most_rows = 2 * _FEW_ROWS if is_quick else _MANY_ROWS
    return replace(
        found,
        layers=layers,
        gradients=gradients,
        watched=_answers(network, watched_rows.at(slice(most_rows))),
        learned=_answers(network, train_rows.at(slice(most_rows))),
        num_watched_rows=len(watched_rows),
        is_test_watched=not settings.validation_fraction,
        num_copies=None if is_quick else _num_copies(train_rows, watched_rows),
    )


def settings_and_data(run: str | Path) -> tuple[TrainingSettings, str, str | None]:
    """Settings of a run on pictures, its data set, and the folder that was looked in first.

    Raises:
        RunFolderError: the folder is not that of a run on pictures by this version.
    """
    description = read_json(run, "settings.json")
    try:
        origin = description["data"]
        settings = TrainingSettings(**description["settings"])
        origin["image_shape"]
        return settings, origin["load"], origin["data_dir"]
    except (KeyError, TypeError, SettingsError) as error:
        raise RunFolderError(
            f"{run}/settings.json is not that of a run on pictures by this version: {error}"
        ) from error


def _num_copies(train_rows: Examples, watched_rows: Examples) -> int:
    known = {row.tobytes() for row in train_rows.inputs.numpy()}
    return sum(row.tobytes() in known for row in watched_rows.inputs.numpy())


def _answers(network: Network, rows: Examples) -> Answers:
    predicted = network.logits(rows.inputs).softmax(-1).mean(0).argmax(-1)
    return Answers(rows.targets.numpy(), predicted.numpy())
