"""A model that is served, and what a form or a specification shows of its columns."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from multilayer.columns.number_format import NumberFormat
from multilayer.columns.schema import Column
from multilayer.errors import ModelFileError, SettingsError
from multilayer.model.model_file import FILE_NAME, load_predictor
from multilayer.model.predictor import Predictor
from multilayer.runs.run_folder import model_path

_MOST_CHOICES = 200
_RANGE = re.compile(r"from (-?[0-9.e+-]+) to (-?[0-9.e+-]+)")
_IQRS_SHOWN = 2.0


@dataclass(frozen=True)
class ColumnForm:
    """What a column takes.

    Attributes:
        name: In the table.
        kind: "number", "date", "boolean" or "choice".
        hint: What the training rows held, in words.
        choices: Of a boolean or a choice, the first 200 categories.
        num_choices: All of them.
        low: Lower end of the range of a number in the training rows, or near it; None otherwise.
        high: Upper end.
        typical: Median of the training rows, of a number.
        example: Value of a training row; None: missing there, or not known.
    """

    name: str
    kind: str
    hint: str
    choices: tuple[str, ...] = ()
    num_choices: int = 0
    low: float | None = None
    high: float | None = None
    typical: float | None = None
    example: Any = None


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A loaded model.

    Attributes:
        name: In addresses.
        model: Answers without PyTorch.
        version: The beginning of the SHA-256 sum of its file.
        has_example: Whether the training row that its file holds is shown.
    """

    name: str
    model: Predictor
    version: str
    has_example: bool = True

    @classmethod
    def load(cls, name: str, path: Path) -> "ServedModel":
        """Load a model file.

        Raises:
            ModelFileError: the file is missing, damaged, of a newer version, or no model.
        """
        model = load_predictor(path)
        try:
            version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        except OSError as error:
            raise ModelFileError(f"cannot read {path}: {error.strerror}") from error
        return cls(name, model, version)

    @cached_property
    def columns(self) -> tuple[ColumnForm, ...]:
        """The columns that the model needs, in the order of its table; none for images."""
        if self.model.schema is None:
            return ()
        needed = set(self.model.encoder.column_names)
        return tuple(self._form(c) for c in self.model.schema.columns if c.name in needed)

    @cached_property
    def numeric(self) -> dict[str, NumberFormat]:
        """Columns of numbers, and how text writes them."""
        if self.model.schema is None:
            return {}
        return {
            column.name: column.number_format or NumberFormat()
            for column in self.model.table_encoder.numbers
            if column.date_format is None
        }

    def choice_of(self, column: str, value: Any) -> str | None:
        """The category that a value is read as; None: missing or unknown."""
        import polars as pl

        [category] = [one for one in self.model.table_encoder.categories if one.name == column]
        code = int(
            category.codes(pl.Series([None if value is None else str(value)], dtype=pl.String))[0]
        )
        return category.categories[code - 1] if code else None

    @cached_property
    def example(self) -> dict[str, Any]:
        """A row that the model answers."""
        return {
            one.name: one.typical if one.example is None else one.example for one in self.columns
        }

    @cached_property
    def summary(self) -> str:
        """What it does, in a line."""
        targets = self.model.targets
        names = ", ".join(targets.names[:3]) + ("…" if len(targets.names) > 3 else "")
        what = {
            "regression": f"numbers {names}" if len(targets.names) > 1 else f"a number, {names}",
            "multilabel": f"labels {names}",
        }.get(targets.task, f"one of {len(targets.classes)} classes of {names}")
        if self.model.image_shape is None:
            return f"{what}, from {len(self.columns)} columns"
        height, width = self.model.image_shape
        return f"{what}, from images of {height} x {width}"

    @cached_property
    def _training_row(self) -> dict[str, Any]:
        """The row that the file holds, as far as it is one."""
        row = self.model.details.get("example")
        if not self.has_example or not isinstance(row, dict):
            return {}
        return {name: one for name, one in row.items() if isinstance(one, str | int | float)}

    @property
    def address(self) -> str:
        """The name as a part of an address."""
        return quote(self.name, safe="")

    def _form(self, column: Column) -> ColumnForm:
        encoder = self.model.table_encoder
        example = self._training_row.get(column.name)
        hint = column.reason
        for category in encoder.categories:
            if category.name == column.name:
                return ColumnForm(
                    column.name,
                    "boolean" if category.meaning == "boolean" else "choice",
                    hint,
                    category.categories[:_MOST_CHOICES],
                    len(category.categories),
                    example=example,
                )
        place = 0
        for number in encoder.numbers:
            if number.name == column.name:
                break
            place += number.width
        if number.date_format is not None:
            return ColumnForm(column.name, "date", hint, example=example)
        median, scale = float(encoder.scaling.median[place]), float(encoder.scaling.scale[place])
        reach = _IQRS_SHOWN / scale if scale else 0.0
        low, high = median - reach, median + reach
        if found := _RANGE.search(hint):
            low, high = float(found[1]), float(found[2])
        example = _number(example)
        typical = float(np.format_float_positional(median, precision=6, fractional=False))
        return ColumnForm(
            column.name, "number", hint, (), 0, low, high, typical, example
        )  # fmt: skip


def _number(value: Any) -> float | int | None:
    """A number that a file holds as text, as it is read and not as the training rows wrote it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def named_paths(given: Sequence[str]) -> dict[str, Path]:
    """Model files by name, from arguments PATH or NAME=PATH.

    The name of a run is that of its folder; of a model file that of the file without its
    extension, or of the folder if the file is a run's.

    Raises:
        SettingsError: two have the same name, or a name cannot stand in an address.
        RunFolderError: there is no model.
    """
    paths: dict[str, Path] = {}
    for text in given:
        name, is_named, rest = text.partition("=")
        if Path(text).exists() or not is_named:
            path = model_path(text)
            whole = path.resolve()
            is_of_run = whole.name == FILE_NAME
            name = whole.parent.name if is_of_run else whole.name.removesuffix(".safetensors")
        else:
            path = model_path(rest)
        if not re.fullmatch(r"[\w][\w .+-]{0,99}", name):
            raise SettingsError(
                f"the name {name!r} of {path} cannot stand in an address; give it another one: "
                f"NAME={text}"
            )
        if name in paths:
            raise SettingsError(
                f"{paths[name]} and {path} both have the name {name!r}; give one of them another "
                f"one: NAME={text}"
            )
        paths[name] = path
    return paths
