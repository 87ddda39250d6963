"""A population in training, wherever its rows lie, and the model that comes of it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.distributed import Stop
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord, history_line
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.engine.training import train, warn_of_diverged
from multilayer.model.held_out import HeldOut
from multilayer.model.model import Model
from multilayer.model.model_file import check_saveable
from multilayer.model.temperature import FEW_ROWS, PRIOR_TEMPERATURE


class PopulationFit(ABC):
    """Trains networks on encoded rows; what prepares rows, settings and networks derives from it.

    Attributes:
        recipe_name: see `recipe`.
        schema: which columns are inputs, and of which kind.
        settings: as they are used.
        targets: what the outputs stand for.
        encoder: makes inputs of rows.
        network: the population.
        has_own_validation: whether rows to be measured on were given.
        history: a line an epoch, for people and files: mean losses over the members.
    """

    recipe_name: str
    schema: Schema
    settings: TrainingSettings
    targets: Targets
    encoder: Encoder
    network: Network
    has_own_validation: bool
    history: list[dict[str, Any]]
    _members: list[TrainingSettings]
    _held_out: HeldOut | None
    _state: TrainingState | None = None  # to go on from

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """Rows that are learned from or held out."""

    @property
    @abstractmethod
    def num_held_out(self) -> int | None:
        """Rows held out of the table's own, by one member; None: none are."""

    @property
    def num_validation_rows(self) -> int:
        """Rows that any of the networks is measured on."""
        held_out = self._held_out
        if held_out is None or held_out.rows is None:
            return 0 if held_out is None else len(held_out.examples)
        return sum(map(len, held_out.rows))

    @abstractmethod
    def held_out_numbers(self) -> NDArray[np.int64]:
        """The numbers in the file of rows that are held out, ascending; none if not known."""

    def members_holding_out(self, numbers: Sequence[int]) -> list[int] | None:  # noqa: ARG002
        """The member that holds out each of these rows of the file; None: all hold out the same."""
        return None

    def resume(self, state: TrainingState) -> None:
        """Let `epochs` go on from a state, bit for bit as if nothing had been between.

        Args:
            state: kept by a fit of the same rows with the same settings.
        """
        self._state = state
        self.history[:] = map(history_line, state.history)

    def epochs(
        self, stop: Stop | None = None, keeper: StateKeeper | None = None
    ) -> Iterator[EpochRecord]:
        """Train; each record also becomes a line of `history`.

        Args:
            stop: when set, training ends after the current batch.
            keeper: is given the state to resume from, whenever it asks for it.

        Raises:
            CheckpointError: the state to go on from is that of another fit.
            TrainingDivergedError: no network's loss is finite any more.
        """
        held_out = self._held_out
        for record in train(
            self.network,
            self._learned(),
            self._members,
            validation=None if held_out is None else held_out.examples,
            rows=self._row_numbers(),
            validation_rows=None if held_out is None else held_out.row_tensors(),
            stop=stop,
            state=self._state,
            keeper=keeper,
        ):
            self.history.append(history_line(record))
            yield record

    def check_saveable(self, path: str | Path) -> None:
        """Make sure, before the training, that the model will fit into a file.

        Raises:
            ModelFileError: it will not.
        """
        check_saveable(self._plain_model(self.network), path)

    def model(self) -> Model:
        """The model, once the epochs are over; calibrated where rows were held out.

        Networks that diverged beside others are no part of it; a `DataWarning` counts them.
        """
        learned = self._members_that_learned()
        if len(learned) < self.network.num_members:
            warn_of_diverged(self.network.num_members, len(learned), self.settings.learning_rate)
        plain = self._plain_model(self.network.of_members(learned))
        held_out = self._held_out
        if held_out is None and self.num_rows < FEW_ROWS and plain.targets.task != "regression":
            share = 1 / (self.num_rows + 1)  # nothing calibrates what is certain of all its rows
            return replace(plain, temperature=PRIOR_TEMPERATURE, uniform_share=share)
        return plain if held_out is None else held_out.of_members(learned).calibrated(plain)

    def _members_that_learned(self) -> list[int]:
        if self.members_holding_out([]) is not None:  # a run folder names rows by their member
            return list(range(self.network.num_members))
        best_epochs = self.history[-1].get("best_epochs") if self.history else None
        return self.network.members_that_learned(best_epochs)

    def _plain_model(self, network: Network) -> Model:
        """Networks and all around them, without what held-out rows teach about their answers."""
        return Model(
            self.schema,
            self.encoder,
            self.targets,
            network,
            clips=self.settings.clip_predictions,
            details=self._details(),
        )

    def held_out_answers(self, model: Model) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
        """Answers for the held-out rows and their encoded targets; see `HeldOut.answers`."""
        if self._held_out is None:
            return None
        return self._held_out.of_members(self._members_that_learned()).answers(model)

    @abstractmethod
    def _learned(self) -> Examples | ChunkedExamples:
        """The rows that `train` is given."""

    @abstractmethod
    def _row_numbers(self) -> list[torch.Tensor] | None:
        """Rows that each member learns from, where they are not the same for all."""

    @abstractmethod
    def _example_row(self) -> dict[str, Any]:
        """A row of the table, the needed columns by name."""

    def _details(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe_name,
            "settings": asdict(self.settings),
            "num_train_rows": self.num_rows,
            "num_epochs": len(self.history),
            "best_epochs": self.history[-1].get("best_epochs") if self.history else None,
            "example": {
                name: value if isinstance(value, str | int | bool) or value is None else str(value)
                for name, value in self._example_row().items()
            },
        }
