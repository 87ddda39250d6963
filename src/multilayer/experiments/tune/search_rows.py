"""The rows of a search: some that it never sees, and the others, encoded for each recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.target_values import Task
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import PreparedData, prepare, spec_of
from multilayer.fit.rows import Rows
from multilayer.fit.split import hold_out
from multilayer.fit.table_source import TableSource, require_varied, warn_of

SET_ASIDE = 0.2  # of the rows, for the estimate at the end
HELD_OUT = 0.2  # of the others, to measure trials on
_FEWEST_ROWS = 50  # with less, ten rows would be held out, which tell nothing


@dataclass(frozen=True, eq=False)
class SearchRows:
    """Rows divided once and for all.

    Attributes:
        searched: rows that trials learn from and are measured on.
        set_aside: rows for the estimate at the end.
        num_unknown: rows set aside whose class is not among the searched, and left out.
        source: where the rows came from.
        task: of the targets.
    """

    searched: Rows
    set_aside: Rows
    num_unknown: int
    source: TableSource
    task: Task

    @classmethod
    def of(cls, source: TableSource, task: Task | None, target: tuple[str, ...], seed: int,
           name: str) -> "SearchRows":  # fmt: skip
        """Set a fifth of the rows aside: the latest, whole groups, or as many of each class.

        Args:
            source: all rows.
            task: None: as `infer_task` finds it.
            target: names of the target columns.
            seed: of the draw.
            name: of the data, for errors.

        Raises:
            TableError: there are too few rows, or the targets are not of the task.
        """
        rows = source.rows.drop_zero_weight()
        if len(rows) < _FEWEST_ROWS:
            raise TableError(
                f"{name} has {len(rows)} rows with a target; a search needs at least "
                f"{_FEWEST_ROWS} to set some aside and measure on others"
            )
        targets = Targets.fit(rows.targets, task, target, numbers=rows.numbers)
        require_varied(targets)
        warn_of(targets.notes)
        strata = np.zeros(len(rows), np.int64)
        if targets.is_classification:
            strata = targets.encode(rows.targets)
        kept, aside = hold_out(strata, SET_ASIDE, seed, groups=rows.groups, times=rows.times)
        is_known = np.isin(strata[aside], strata[kept])
        return cls(
            rows.take(kept), rows.take(aside[is_known]), int((~is_known).sum()), source,
            targets.task,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class RecipeRows:
    """The searched rows as one recipe encodes them, and the networks that fit them.

    Attributes:
        settings: the recipe's for this table, with what the user has set.
        learned: rows to learn from.
        watched: rows to measure on.
    """

    settings: TrainingSettings
    learned: Examples
    watched: Examples
    _data: PreparedData

    @classmethod
    def of(
        cls, rows: SearchRows, roles: ColumnRoles, recipe: str, pinned: Mapping[str, Any], seed: int
    ) -> "RecipeRows":
        """Hold rows out and encode all.

        Raises:
            SettingsError: a setting is out of range or does not go with the recipe.
            TableError: the rows cannot be used.
        """
        changes = {
            "selection": "loss", "validation_fraction": HELD_OUT, "num_folds": 0, **pinned,
            "seed": seed,
        }  # fmt: skip
        data = prepare(
            rows.searched, rows.source.schema, task=rows.task, target_names=roles.target,
            recipe_name=recipe, changes=changes,
        )  # fmt: skip
        if data.split is None or data.split.held_out is None:
            raise TableError("no rows can be held out: nearly every one has a class of its own")
        learned, watched = (
            _part(data, numbers) for numbers in (data.split.train[0], data.split.held_out[0])
        )
        return cls(data.settings, learned, watched, data)

    def spec(self, settings: TrainingSettings) -> NetworkSpec:
        """The network that settings make of these rows."""
        return spec_of(settings, self._data.encoder, self._data.targets)

    def check_saveable(self, path: Path) -> None:
        """Make sure that a model of these rows will fit into a file.

        Raises:
            ModelFileError: it will not.
        """
        Fit(self._data).check_saveable(path)

    def network(self, members: list[TrainingSettings]) -> Network:
        """A population of one shape with first weights."""
        return Network.for_training(self.spec(members[0]), members, self.learned.inputs)


def _part(data: PreparedData, numbers: NDArray[np.int64]) -> Examples:
    """Some of the rows; their own weights are 1 on average."""
    assert isinstance(data.examples, Examples) and data.rows is not None
    part = data.examples.at(torch.from_numpy(numbers))
    if data.rows.weights is None:
        return part
    weights = data.rows.weights[numbers]
    return replace(part, weights=torch.from_numpy((weights / weights.mean()).astype(np.float32)))
