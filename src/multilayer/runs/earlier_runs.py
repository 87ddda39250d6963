"""`ImageRun` and `TableRun`, the earlier names of `Run`; kept until version 0.3."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.engine.settings import TrainingSettings
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.run import Run
from multilayer.runs.sources import ImageSource, TableOnDisk

if TYPE_CHECKING:
    from multilayer.columns.target_values import Task
    from multilayer.fit.column_roles import ColumnRoles
    from multilayer.fit.large_table import LargeTable
    from multilayer.images.datasets import ImageDataset


class ImageRun(Run):
    """A `Run` on images; see `RunConfiguration` for the arguments.

    Examples:
        >>> from multilayer import ImageRun, recipe
        >>> settings = recipe("chapter", max_epochs=2, hidden_widths=(8,))
        >>> run = ImageRun("digits", settings, "runs/digits")
        >>> [epoch.epoch for epoch in run.epochs()]
        [1, 2]
        >>> run.finish()["status"]
        'finished'
    """

    def __init__(
        self,
        data: str | Path,
        settings: TrainingSettings,
        output: str | Path | None = None,
        *,
        recipe_name: str = "chapter",
        data_dir: str | Path | None = None,
        checkpoint_every: str | None = None,
        is_resumed: bool = False,
    ) -> None:
        super().__init__(
            RunConfiguration(
                data, None, recipe_name, asdict(settings), output, checkpoint_every, is_resumed,
                data_dir,
            )
        )  # fmt: skip

    @property
    def dataset(self) -> "ImageDataset":
        """The images."""
        assert isinstance(self.source, ImageSource)
        return self.source.dataset


class TableRun(Run):
    """A `Run` on a table in memory; see `RunConfiguration` for the arguments.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, TableRun
        >>> run = TableRun(
        ...     "surface.csv", ColumnRoles(("y",)), "runs/surface", recipe_name="fast",
        ...     changes={"max_epochs": 3},
        ... )
        >>> [epoch.epoch for epoch in run.epochs()]
        [1, 2, 3]
        >>> run.finish()["status"]
        'finished'
    """

    def __init__(
        self,
        data: str | Path,
        roles: "ColumnRoles",
        output: str | Path | None = None,
        *,
        task: "Task | None" = None,
        recipe_name: str = "default",
        changes: Mapping[str, Any] | None = None,
        validation: str | Path | None = None,
        is_strict: bool = False,
        checkpoint_every: str | None = None,
        is_resumed: bool = False,
    ) -> None:
        super().__init__(
            RunConfiguration(
                data, roles, recipe_name, changes or {}, output, checkpoint_every, is_resumed,
                None, task, validation, is_strict,
            )
        )  # fmt: skip

    @staticmethod
    def of_large(
        table: "LargeTable",
        output: str | Path | None = None,
        *,
        checkpoint_every: str | None = None,
        is_resumed: bool = False,
    ) -> Run:
        """A run on a prepared table larger than memory."""
        configuration = RunConfiguration(
            table.data, table.roles, table.recipe_name, {}, output, checkpoint_every, is_resumed,
            validation=table.validation, memory_limit=table.memory_limit,
        )  # fmt: skip
        return Run(configuration, TableOnDisk(configuration, table))
