"""Train a population on prepared rows, in memory or on disk, and make a model of it.

fit = Fit(prepare(rows, infer_schema(rows.frame), recipe_name="default"))
for epoch in fit.epochs():
    print(epoch.epoch, epoch.train_loss)
model = fit.model()
"""

from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.batches import Examples
from multilayer.engine.cross_selection import CrossSelection
from multilayer.engine.distributed import Stop
from multilayer.engine.network import Network
from multilayer.engine.rank_task import RankTask
from multilayer.engine.records import EpochRecord, history_line
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.engine.target_statistics import (
    statistic_tables,
    with_statistics,
    without_versions,
)
from multilayer.engine.temperature import FEW_ROWS, PRIOR_TEMPERATURE
from multilayer.engine.training import train, warn_of_diverged
from multilayer.errors import DataError
from multilayer.fit.cross_fit import cross_fitted, shrinkage_of, with_scaled_outputs
from multilayer.fit.prepare import PreparedData
from multilayer.fit.rows import Rows
from multilayer.fit.split import Split
from multilayer.model.held_out import HeldOut
from multilayer.model.model import Model
from multilayer.model.model_file import check_saveable

FEWEST_ROWS_TO_TRUST = 50  # a smaller table is calibrated by cross-validation
# Of their outputs 0 is the mean or the median of the targets.
_LOSSES_AROUND_THE_MEAN = ("squared_error", "huber", "absolute_error")


class Fit:
    """Fits a population of networks to prepared rows, in memory or on the disk.

    Args:
        data: from `prepare` for rows in memory, from `prepare_chunks` for rows on disk.

    Attributes:
        data: with encoder, targets, settings and split.
        num_rows: training rows and held-out rows together.
        num_held_out: rows that one member holds out of the training data; None without any.
        has_own_validation: whether the validation rows come from a data set of their own.
        network: the population, initialized and then trained in place.
        history: an entry for each epoch, with losses averaged over the members.
        cross_selection: what conformal scores are made from, once `epochs` has begun; None if they
            are made from the model's own outputs, as where no epoch is chosen.
        plan: what a pack is going to do with its time limit, in words; empty for others.
        second_seconds: that the training of a second network took, see `Refit`; 0 for others.
    """

    plan = ""
    second_seconds = 0.0

    def __init__(self, data: PreparedData) -> None:
        self.data = data
        self.recipe_name, self.settings = data.recipe_name, data.settings
        self.schema, self.encoder, self.targets = data.schema, data.encoder, data.targets
        self.num_rows, self.num_held_out = data.num_rows, data.num_held_out
        self.has_own_validation = data.has_own_validation
        self.network = _first_network(data)
        self.history: list[dict[str, Any]] = []
        self._state: TrainingState | None = None  # to go on from
        self.cross_selection: CrossSelection | None = None

    @property
    def rows(self) -> Rows:
        """The rows before encoding.

        Raises:
            DataError: they are on disk.
        """
        if self.data.rows is None:
            raise DataError("the rows of this fit are on disk, where only encoded rows are kept")
        return self.data.rows

    @property
    def split(self) -> Split:
        """The training and held-out rows of each member, as indices into `rows`.

        Raises:
            DataError: the rows are on disk.
        """
        if self.data.split is None:
            raise DataError(
                "the rows of this fit are on disk, and all members train on all of them"
            )
        return self.data.split

    @property
    def num_validation_rows(self) -> int:
        """Validation rows of all members together."""
        return 0 if self.data.held_out is None else self.data.held_out.num_rows

    def held_out_numbers(self) -> NDArray[np.int64]:
        """The row numbers in the file of all held-out rows, ascending; empty if unknown."""
        found = self._held_out_and_numbers()
        if found is None:
            return np.empty(0, np.int64)
        held_out, numbers = found
        return np.unique(numbers[np.concatenate(held_out)])

    def members_holding_out(self, numbers: Sequence[int]) -> list[int] | None:
        """The member that holds out each of these rows; None if all hold out the same rows."""
        found = self._held_out_and_numbers()
        if found is None or self.data.split is None or self.data.split.is_shared:
            return None
        held_out, own = found
        member_of = {
            number: member for member, rows in enumerate(held_out) for number in own[rows].tolist()
        }
        return [member_of[number] for number in numbers]

    def _held_out_and_numbers(
        self,
    ) -> tuple[tuple[NDArray[np.int64], ...], NDArray[np.int64]] | None:
        split, rows = self.data.split, self.data.rows
        if split is None or split.held_out is None or rows is None or rows.numbers is None:
            return None
        return split.held_out, rows.numbers

    def resume(self, state: TrainingState) -> None:
        """Let `epochs` resume from a state, bit for bit as if training had not been interrupted.

        Args:
            state: of a fit of the same rows with the same settings.
        """
        self._state = state
        self.history[:] = map(history_line, state.history)

    def task(self) -> RankTask:
        """The training, to be sent to processes that share in it."""
        held_out = self.data.held_out
        return RankTask(
            self.network,
            self.data.learned(),
            self.data.members,
            None if held_out is None else held_out.examples,
            self.data.row_numbers(),
            None if held_out is None else held_out.row_tensors(),
            self._state,
        )

    def epochs(
        self, stop: Stop | None = None, keeper: StateKeeper | None = None
    ) -> Generator[EpochRecord, None, None]:
        """Train; each record also becomes a line of `history`.

        Args:
            stop: when set, training ends after the current batch.
            keeper: receives the state whenever a checkpoint is due.

        Raises:
            CheckpointError: the state to resume from is that of another fit.
            TrainingDivergedError: the loss of every network is NaN or infinite.
        """
        held_out = self.data.held_out
        if held_out is not None and self.data.calibrates and self.targets.task != "multilabel":
            self.cross_selection = held_out.cross_selection(self.settings, self.network.num_members)
        task = self.task()
        for record in train(
            task.network,
            task.examples,
            task.members,
            validation=task.validation,
            rows=task.rows,
            validation_rows=task.validation_rows,
            cross_selection=self.cross_selection,
            stop=stop,
            state=task.state,
            keeper=keeper,
        ):
            self.history.append(history_line(record))
            yield record

    def check_saveable(self, path: str | Path) -> None:
        """Check before training that the model will fit into a file.

        Raises:
            ModelFileError: it is too large.
        """
        check_saveable(self._plain_model(self.network), path)

    def model(self) -> Model:
        """The trained model, calibrated if rows were held out.

        Networks that diverged while others did not are left out, with a `DataWarning`.
        """
        members = self.finite_members()
        if len(members) < self.network.num_members:
            warn_of_diverged(self.network.num_members, len(members), self.settings.learning_rate)
        plain = self._plain_model(self.network.of_members(members))
        held_out = self.data.held_out if self.data.calibrates else None
        crossed = self._cross_calibrated(plain)
        if crossed is not None:
            return crossed if held_out is None else held_out.of_members(members).scored(crossed)
        is_few = self.schema is not None and self.num_rows < FEW_ROWS
        if held_out is None and is_few and plain.targets.task != "regression":
            share = 1 / (self.num_rows + 1)  # no rows to calibrate with: mix in a uniform prior
            return replace(plain, temperature=PRIOR_TEMPERATURE, uniform_share=share)
        if held_out is None:
            return plain
        held_out = held_out.of_members(members)
        if self.cross_selection is not None:
            outputs = [self.cross_selection.outputs[member] for member in members]
            arrays = [of.double().numpy() for of in outputs if of is not None]
            if len(arrays) == len(members):
                held_out = replace(held_out, cross_outputs=tuple(arrays))
        return held_out.calibrated(plain)

    def _cross_calibrated(self, plain: Model) -> Model | None:
        """The model calibrated by cross-validation; None if held-out rows suffice.

        In a small table a split holds out too few rows to calibrate; folds use all of them. Of
        classes it is the temperature, and numbers are shrunk towards the mean.
        """
        data, rows = self.data, self.data.rows
        if (
            self.schema is None
            or rows is None
            or data.split is None
            or not isinstance(data.examples, Examples)
            or data.has_own_validation
            or data.start is not None
            or not data.split.is_shared
            or not (plain.targets.is_classification or self._is_shrinkable(plain))
            or rows.groups is not None
            or rows.times is not None
            or len(rows) >= FEWEST_ROWS_TO_TRUST
        ):
            return None
        found = cross_fitted(data.spec, data.examples, data.members[0], len(self.history))
        if found is None:
            return None
        network, numbers = found
        if not plain.targets.is_classification:
            factors = shrinkage_of(network, data.examples, numbers)
            return replace(plain, network=with_scaled_outputs(plain.leading, factors))
        tempered = HeldOut(data.examples, numbers).tempered(replace(plain, network=network))
        return replace(tempered, network=plain.network)

    def _is_shrinkable(self, plain: Model) -> bool:
        return plain.targets.task == "regression" and self.settings.loss in _LOSSES_AROUND_THE_MEAN

    def finite_members(self) -> list[int]:
        """The networks that did not diverge; all of them if every one did."""
        best_epochs = self.history[-1].get("best_epochs") if self.history else None
        return self.network.finite_members(best_epochs)

    def model_members(self) -> list[int]:
        """The numbers of the networks that are in the model."""
        return self.finite_members()

    def _plain_model(self, network: Network) -> Model:
        """The model before calibration."""
        return Model(
            self.schema,
            self.encoder,
            self.targets,
            without_versions(network),
            clips=self.settings.clip_predictions,
            details=self._details(),
        )

    def held_out_answers(self, model: Model) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
        """Predictions for the held-out rows and their encoded targets; see `HeldOut.answers`."""
        held_out = self.data.held_out
        if held_out is None:
            return None
        return held_out.of_members(self.finite_members()).answers(model)

    def _details(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe_name,
            "settings": asdict(self.settings),
            "num_train_rows": self.num_rows,
            "num_epochs": len(self.history),
            "best_epochs": self.history[-1].get("best_epochs") if self.history else None,
            "example": {
                name: value if isinstance(value, str | int | bool) or value is None else str(value)
                for name, value in self.data.example.items()
            },
        }


def _first_network(data: PreparedData) -> Network:
    if isinstance(data.examples, Examples) and data.split is not None:
        rows = [torch.from_numpy(rows) for rows in data.split.train]
        statistics = statistic_tables(data.spec, data.examples, rows)
        if data.start is not None:
            return with_statistics(data.start.leading, data.spec, statistics)
        return Network.for_training(
            data.spec, data.members, data.examples.inputs, rows, statistics=statistics
        )
    assert data.sample is not None
    return Network.for_training(data.spec, data.members, torch.from_numpy(data.sample))
