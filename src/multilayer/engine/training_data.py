"""The rows of a training: to learn from, to be scored on, and which of them are whose."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.errors import SettingsError


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What `train` is given to learn from and to score on; its arguments say what each is."""

    examples: Examples | ChunkedExamples
    validation: Examples | None
    rows: Sequence[Tensor] | None
    validation_rows: Sequence[Tensor] | None

    def check(self, num_members: int) -> None:
        """Refuse row numbers that are not a set for each member, or nothing to learn from.

        Raises:
            SettingsError: of both.
        """
        for name, given in (("rows", self.rows), ("validation_rows", self.validation_rows)):
            if given is not None and len(given) != num_members:
                raise SettingsError(f"{num_members} members were given {len(given)} sets of {name}")
        if self.rows is not None and isinstance(self.examples, ChunkedExamples):
            raise SettingsError("members can only have rows of their own where all are in memory")
        if self.rows is not None and not all(map(len, self.rows)):
            raise SettingsError("each member must have rows to learn from")

    def bytes_to_move(self, device: torch.device) -> int:
        """Memory of a device that rows from elsewhere will take."""
        moved = 0
        for rows in (self.examples, self.validation):
            if isinstance(rows, ChunkedExamples):
                moved += 0 if device == rows.device else min(rows.chunk_bytes, rows.num_bytes)
            elif rows is not None and rows.inputs.device != device:
                moved += rows.num_bytes
        return moved

    def on(self, device: torch.device) -> "TrainingData":
        """The same on a device."""
        return TrainingData(
            self.examples.on(device),
            None if self.validation is None else self.validation.on(device),
            _on(device, self.rows),
            _on(device, self.validation_rows),
        )


def _on(device: torch.device, rows: Sequence[Tensor] | None) -> list[Tensor] | None:
    return None if rows is None else [numbers.to(device) for numbers in rows]
