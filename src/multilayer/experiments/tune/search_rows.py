"""The rows of a search, of a table or images: some that it never sees, the others encoded."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.columns.target_values import Task
from multilayer.encoding.targets import Targets
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.target_statistics import statistic_tables
from multilayer.errors import DataError, TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.fit import Fit
from multilayer.fit.moved_data import file_digest
from multilayer.fit.prepare import PreparedData, prepare, spec_of
from multilayer.fit.rows import Rows
from multilayer.fit.split import hold_out
from multilayer.fit.table_source import TableSource, read_rows, require_varied, warn_of
from multilayer.images.datasets import ImageDataset, load_images
from multilayer.reading.table_files import table_name
from multilayer.runs.written_documents import image_data, table_data

SET_ASIDE = 0.2  # of the rows of a table, for the estimate at the end
HELD_OUT = 0.2  # of the others, to measure trials on
_FEWEST_ROWS = 50  # with less, ten rows would be held out, which tell nothing


@dataclass(frozen=True, eq=False)
class SearchRows(ABC):
    """Rows divided once and for all.

    Attributes:
        searched: rows that trials learn from and are measured on.
        set_aside: rows for the estimate at the end.
        data: what they were asked for by.
        name: of the data, for the names of folders and studies.
        digest: SHA-256 that a study knows its data again by.
        task: of the targets.
        schema: of a table; None: rows are images.
        roles: of a table's columns; None: rows are images.
        num_unknown: rows set aside whose class is not among the searched, and left out.
        notes: what a person should know of the data, a sentence each.
    """

    kind: ClassVar[Literal["table", "images"]]

    searched: Rows
    set_aside: Rows
    data: str | Path
    name: str
    digest: str
    task: Task
    schema: Schema | None = None
    roles: ColumnRoles | None = None
    num_unknown: int = 0
    notes: tuple[str, ...] = ()

    def prepared(self, recipe: str, changes: Mapping[str, Any]) -> PreparedData:
        """The searched rows, encoded and split as a recipe with changes asks for.

        Raises:
            SettingsError: a setting is out of range or does not go with the recipe.
            DataError: the rows cannot be used.
        """
        return prepare(
            self.searched, self.schema, task=self.task,
            target_names=None if self.roles is None else self.roles.target,
            recipe_name=recipe, changes=changes,
        )  # fmt: skip

    @abstractmethod
    def description(self, fit: Fit) -> dict[str, Any]:
        """What settings.json says of the data.

        Args:
            fit: of the networks that were chosen.
        """


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchedTable(SearchRows):
    """The rows of a table; a fifth is set aside.

    Attributes:
        source: where they came from.
    """

    kind = "table"

    source: TableSource

    @classmethod
    def read(
        cls,
        data: str | Path,
        roles: ColumnRoles,
        task: Task | None = None,
        seed: int = 0,
        *,
        is_strict: bool = False,
    ) -> "SearchedTable":
        """Set a fifth of the rows aside: the latest, whole groups, or as many of each class.

        Args:
            data: a file that `read_table` takes.
            roles: of its columns.
            task: None: as `infer_task` finds it.
            seed: of the draw.
            is_strict: a row without target is an error.

        Raises:
            TableError: the file cannot be read, there are too few rows, or the targets are not of
                the task.
        """
        digest = file_digest(data)
        if digest is None:
            raise TableError(
                f"there is no file {Path(data).expanduser()}; a search needs a table, such as CSV "
                "or Parquet, in a file, or images without a target column"
            )
        source = read_rows(data, roles, is_strict=is_strict)
        warn_of((*source.notes, *source.schema.warnings))
        rows = source.rows.drop_zero_weight()
        if len(rows) < _FEWEST_ROWS:
            raise TableError(_too_few(f"{data} has {len(rows)} rows with a target"))
        targets = Targets.fit(rows.targets, task, roles.target, numbers=rows.numbers)
        require_varied(targets)
        warn_of(targets.notes)
        strata = np.zeros(len(rows), np.int64)
        if targets.is_classification:
            strata = rows.encoded_targets(targets)
        kept, aside = hold_out(strata, SET_ASIDE, seed, groups=rows.groups, times=rows.times)
        is_known = np.isin(strata[aside], strata[kept])
        return cls(
            rows.take(kept), rows.take(aside[is_known]), data,
            table_name(data), digest, targets.task, source.schema,
            roles, int((~is_known).sum()), tuple(source.schema.warnings), source=source,
        )  # fmt: skip

    def description(self, fit: Fit) -> dict[str, Any]:
        """See `SearchRows`; the rows set aside stand as validation rows."""
        assert self.roles is not None
        numbers = self.set_aside.numbers
        return table_data(fit, self.source, self.data, self.roles, set_aside=numbers)


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchedImages(SearchRows):
    """The training images of a data set; its test images are set aside.

    Attributes:
        dataset: all of them.
        data_dir: where it was looked for first.
    """

    kind = "images"

    dataset: ImageDataset
    data_dir: str | Path | None

    @classmethod
    def read(cls, data: str | Path, data_dir: str | Path | None = None) -> "SearchedImages":
        """Load a data set, as `load_images` takes it.

        Raises:
            DataError: it cannot be had or used, or there are too few images.
        """
        dataset = load_images(data, data_dir)
        searched, set_aside = (
            Rows.of_images(split, dataset.class_names) for split in (dataset.train, dataset.test)
        )
        if len(searched) < _FEWEST_ROWS:
            raise DataError(_too_few(f"{dataset.name} has {len(searched)} training images"))
        return cls(
            searched, set_aside, data, dataset.name, dataset.sha256(),
            Targets.of_class_names(dataset.class_names).task, dataset=dataset, data_dir=data_dir,
        )  # fmt: skip

    def description(self, fit: Fit) -> dict[str, Any]:
        """See `SearchRows`; the images held out by each fold stand as validation rows."""
        return image_data(self.dataset, self.data, self.data_dir, fit.split.held_out)


def _too_few(what: str) -> str:
    return f"{what}; a search needs at least {_FEWEST_ROWS} to set some aside and measure on others"


@dataclass(frozen=True, eq=False)
class RecipeRows:
    """The searched rows as one recipe encodes them, and the networks that fit them.

    Attributes:
        settings: the recipe's for these rows, with what the user has set.
        learned: rows to learn from.
        watched: rows to measure on.
    """

    settings: TrainingSettings
    learned: Examples
    watched: Examples
    _data: PreparedData

    @classmethod
    def of_recipes(
        cls, rows: SearchRows, recipes: tuple[str, ...], pinned: Mapping[str, Any], seed: int
    ) -> "dict[str, RecipeRows]":
        """Hold rows out and encode all, for each recipe; images are encoded once for all.

        Raises:
            SettingsError: a setting is out of range or does not go with a recipe.
            DataError: the rows cannot be used.
        """
        changes = {
            "selection": "loss", "validation_fraction": HELD_OUT, "num_folds": 0, "refit": False,
            **pinned, "seed": seed,
        }  # fmt: skip
        parts: tuple[Examples, Examples] | None = None
        found = {}
        for recipe in recipes:
            data = rows.prepared(recipe, changes)
            if data.split is None or data.split.held_out is None:
                raise DataError("no rows can be held out: nearly every one has a class of its own")
            if parts is None or rows.kind == "table":
                parts = _part(data, data.split.train[0]), _part(data, data.split.held_out[0])
            found[recipe] = cls(data.settings, *parts, data)
        return found

    def spec(self, settings: TrainingSettings) -> NetworkSpec:
        """The network that settings make of these rows."""
        if not self._data.settings.category_statistics:  # where they are impossible
            settings = replace(settings, category_statistics=False, embedding_limit=0)
        return spec_of(settings, self._data.encoder, self._data.targets)

    def check_saveable(self, path: Path) -> None:
        """Make sure that a model of these rows will fit into a file.

        Raises:
            ModelFileError: it will not.
        """
        Fit(self._data).check_saveable(path)

    def network(self, members: list[TrainingSettings]) -> Network:
        """A population of one shape with first weights."""
        spec = self.spec(members[0])
        statistics = statistic_tables(spec, self.learned)
        return Network.for_training(spec, members, self.learned.inputs, statistics=statistics)


def _part(data: PreparedData, numbers: NDArray[np.int64]) -> Examples:
    """Some of the rows; their own weights are 1 on average."""
    assert isinstance(data.examples, Examples) and data.rows is not None
    part = data.examples.at(torch.from_numpy(numbers))
    if data.rows.weights is None:
        return part
    weights = data.rows.weights[numbers]
    return replace(part, weights=torch.from_numpy((weights / weights.mean()).astype(np.float32)))
