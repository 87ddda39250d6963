"""The data of a setup, prepared as every training prepares them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from multilayer.encoding.encoder import Encoder
from multilayer.engine.batches import Examples
from multilayer.engine.layers.inputs import OneHotExpansion, Scaling
from multilayer.errors import SettingsError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.image_rows import prepare_images
from multilayer.fit.prepare import PreparedData, prepare
from multilayer.fit.table_source import TableSource, read_rows
from multilayer.images.datasets import load_images
from multilayer.playground.points import TARGET_NAMES, points_file
from multilayer.playground.refused import PageError
from multilayer.playground.setup import IMAGE_PROBLEMS, MADE_PROBLEMS, Setup
from multilayer.playground.words import in_both
from multilayer.reading.table import read_table

_MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class Problem:
    """What a setup learns from.

    Attributes:
        setup: whose data these are.
        prepared: rows, encoder, targets, split and settings, as `Fit` takes them.
        points: of rows with two numeric columns these as they are in the table, (num_rows, 2),
            training and held-out ones in the order of the split's numbers; None for others.
        notes: what the playground chose, a sentence each in English and Russian.
        table_notes: what was guessed or left out of a table, a sentence each, in English.
    """

    setup: Setup
    prepared: PreparedData
    points: NDArray[np.float64] | None
    notes: tuple[tuple[str, str], ...] = ()
    table_notes: tuple[str, ...] = ()

    @property
    def task(self) -> Literal["classes", "numbers"]:
        """What is predicted."""
        return "classes" if self.prepared.targets.is_classification else "numbers"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the outputs; empty for numbers."""
        targets = self.prepared.targets
        return tuple(map(str, targets.classes)) if targets.is_classification else ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Of the table's columns that are inputs; empty for images."""
        encoder = self.prepared.encoder
        return encoder.column_names if isinstance(encoder, Encoder) else ()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Of the network's inputs; empty for images."""
        encoder = self.prepared.encoder
        return encoder.input_names if isinstance(encoder, Encoder) else ()

    @property
    def target_name(self) -> str:
        """What is predicted, by its name in the table."""
        return self.prepared.targets.names[0] if self.prepared.targets.names else "class"

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """Height and width of images; None for a table."""
        return self.prepared.encoder.image_shape

    @property
    def num_inputs(self) -> int:
        """Of the network."""
        return self.prepared.encoder.num_inputs

    @property
    def num_outputs(self) -> int:
        """Of the network."""
        return self.prepared.targets.num_outputs

    @cached_property
    def examples(self) -> Examples:
        """The training rows as the engine takes them."""
        learned = self.prepared.learned()
        assert isinstance(learned, Examples)
        return learned

    @cached_property
    def held_out(self) -> Examples | None:
        """The held-out rows, for images the test images; None of a table too small for it."""
        held_out = self.prepared.held_out
        if held_out is None:
            return None
        if held_out.rows is None:
            return held_out.examples
        return held_out.examples.at(torch.from_numpy(held_out.rows[0]))

    @cached_property
    def inputs(self) -> NDArray[np.float32]:
        """Training rows as the network sees them, (num_rows, num_inputs)."""
        return self.dense(self.examples)

    @property
    def targets(self) -> NDArray[Any]:
        """Of the training rows: class numbers (num_rows,), or standardised numbers (…, 1)."""
        return self.examples.targets.numpy()

    @cached_property
    def held_out_inputs(self) -> NDArray[np.float32]:
        """Held-out rows as the network sees them; none of a table too small for it."""
        held_out = self.held_out
        return self.inputs[:0] if held_out is None else self.dense(held_out)

    @property
    def held_out_targets(self) -> NDArray[Any]:
        """Of the held-out rows, as `targets`."""
        return self.targets[:0] if self.held_out is None else self.held_out.targets.numpy()

    @property
    def training_numbers(self) -> NDArray[np.int64]:
        """Which of `points` are the training rows, in the order of `inputs`."""
        return self._numbers(is_held_out=False)

    @property
    def held_out_numbers(self) -> NDArray[np.int64]:
        """Which of `points` are the held-out rows, in the order of `held_out_inputs`."""
        return self._numbers(is_held_out=True)

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest value of each column of `points`; empty without."""
        if self.points is None:
            return ()
        low, high = np.nanmin(self.points, axis=0), np.nanmax(self.points, axis=0)
        return tuple(zip(low.tolist(), high.tolist(), strict=True))

    def encode(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Inputs (n, num_inputs) of points of the plane (n, 2), such as a grid.

        Raises:
            SettingsError: the problem has no two numeric columns.
        """
        encoder = self.prepared.encoder
        if self.points is None or not isinstance(encoder, Encoder):
            raise SettingsError("points are of a problem with two numeric columns")
        columns = np.asarray(points, np.float64).T
        return encoder.encode(pl.DataFrame([*map(pl.Series, encoder.column_names, columns)]))

    def _numbers(self, *, is_held_out: bool) -> NDArray[np.int64]:
        split = self.prepared.split
        assert split is not None
        if is_held_out:
            return np.empty(0, np.int64) if split.held_out is None else split.held_out[0]
        return split.train[0]

    def dense(self, examples: Examples) -> NDArray[np.float32]:
        """Rows as the network sees them, (num_rows, num_inputs), of those that the engine takes.

        Bytes of images from 0 to 1, and each one-hot column as a column of its own.
        """
        spec = self.prepared.spec
        outputs = torch.empty(len(examples), spec.num_inputs)
        if spec.one_hot_blocks:
            return (
                OneHotExpansion(spec.num_inputs, spec.one_hot_blocks, outputs)
                .forward(examples.inputs)
                .numpy()
            )
        return Scaling(spec.input_scale, outputs).forward(examples.inputs).numpy()


def make_problem(setup: Setup, table: str | Path | None = None) -> Problem:
    """The data of a setup.

    Args:
        setup: what is set on the page.
        table: the reader's own file, for the problem "table".

    Raises:
        SettingsError: the problem is "table" and there is none, or the network is too large for
            its inputs.
        DataError: the data cannot be had or learned from.
    """
    if setup.problem in IMAGE_PROBLEMS:
        dataset = load_images(setup.problem)
        problem = Problem(setup, prepare_images(dataset, setup.training_settings()), None)
    elif setup.problem in MADE_PROBLEMS:
        with points_file(setup) as path:
            source = read_rows(path, ColumnRoles((TARGET_NAMES[setup.problem],)))
        problem = _of_table(setup, source, TARGET_NAMES[setup.problem], ())
    else:
        if table is None:
            raise PageError("no_table")
        target = setup.target or read_table(table, as_text=True).columns[-1]
        notes = () if setup.target else (in_both("note.last_column", target=target),)
        problem = _of_table(setup, read_rows(table, ColumnRoles((target,))), target, notes)
    setup.check_network(problem.num_inputs, problem.num_outputs)
    return problem


def _of_table(
    setup: Setup, source: TableSource, target: str, notes: tuple[tuple[str, str], ...]
) -> Problem:
    prepared = prepare(
        source.rows, source.schema, target_names=(target,), recipe_name="chapter",
        changes=setup.changes(),
    )  # fmt: skip
    assert prepared.rows is not None
    columns, points = prepared.encoder.column_names, None
    kinds = {column.name: column.kind for column in source.schema.inputs}
    if prepared.encoder.num_inputs == 2 and [*kinds.values()] == ["numeric", "numeric"]:
        points = prepared.rows.frame.select(columns).to_numpy().astype(np.float64)
    if prepared.held_out is None:
        notes = (*notes, in_both("note.none_held_out", rows=str(len(prepared.rows))))
    constant = [
        column.name for column in source.schema.columns
        if column.kind == "constant" and column.reason.startswith("always")
    ]  # fmt: skip
    if constant:
        named = ", ".join(map(repr, constant[:_MOST_NAMED]))
        named += f" … ({len(constant):,})" if len(constant) > _MOST_NAMED else ""
        notes = (*notes, in_both("note.constant", columns=named))
    table_notes = (*source.notes, *source.schema.warnings, *prepared.targets.notes)
    return Problem(setup, prepared, points, notes, table_notes)
