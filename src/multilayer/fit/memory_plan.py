"""Divide a memory limit among the parts of a fit on a large table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from multilayer.engine.machine import fit_bytes
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError

# The interpreter with PyTorch, polars and matplotlib takes about 310 MB, and their caches while a
# table is read about 90 MB more.
_PROGRAM_BYTES = 400_000_000
_FEWEST_PIECE_BYTES = 64_000_000  # to read and encode a chunk of a table
_FEWEST_HELD_OUT = 200
_LARGEST_PIECE_BYTES = 2**27
_LARGEST_TEXT_BYTES = 2**24
_LARGEST_SHARD_BYTES = 2**26
_TEXT_FACTOR = 12  # peak memory of parsing, relative to the text
_FEWEST_SAMPLED = 200  # for very wide tables; others have thousands
_COLUMN_BYTES = 25_000  # overhead of a column of a frame
_SAMPLE_FACTOR = 4  # peak memory of schema inference and encoder fitting, relative to the sample
_MOST_SAMPLED = 100_000  # more would not visibly change a quantile

Population = tuple[NetworkSpec, Sequence[TrainingSettings]]  # a shape, and each network's settings


@dataclass(frozen=True)
class MemoryPlan:
    """Divides a memory limit of the whole process.

    Depends only on the limit and the sizes, not on free memory, so that a run repeats bit for bit.

    Args:
        limit_bytes: of the whole process.

    Raises:
        SettingsError: the limit is too small for any table; the message names the smallest.
    """

    limit_bytes: int

    def __post_init__(self) -> None:
        self._require(_PROGRAM_BYTES + _FEWEST_PIECE_BYTES, "any table")

    def rows_at_once(self, row_bytes: float) -> int:
        """Rows of a chunk, if a row takes `row_bytes` in a frame."""
        piece_bytes = min(self._left // 16, _LARGEST_PIECE_BYTES)
        return max(100, min(100_000, int(piece_bytes / max(row_bytes, 1))))

    @property
    def text_bytes(self) -> int:
        """Bytes of a chunk of a CSV or JSON file."""
        return min(self._left // 2 // _TEXT_FACTOR, _LARGEST_TEXT_BYTES)

    @property
    def shard_bytes(self) -> int:
        """Bytes of a shard, which lies in memory until it is written."""
        return max(1, min(self._left // 16, _LARGEST_SHARD_BYTES))

    def sample_rows(self, row_bytes: float, num_columns: int) -> int:
        """Rows of the sample for schema inference and encoder fitting.

        Args:
            row_bytes: size of a row in a frame.
            num_columns: columns of the table.

        Raises:
            SettingsError: 200 rows do not fit; the message names the smallest limit.
        """
        of_columns = num_columns * _COLUMN_BYTES
        least = _PROGRAM_BYTES + of_columns + _SAMPLE_FACTOR * _FEWEST_SAMPLED * row_bytes
        self._require(least, f"a table of {num_columns:,} columns")
        most = int((self._left - of_columns) / (2 * _SAMPLE_FACTOR) / max(row_bytes, 1))
        return max(_FEWEST_SAMPLED, min(_MOST_SAMPLED, most))

    def training(self, populations: Sequence[Population], row_bytes: int) -> tuple[int, int]:
        """Memory for rows, beside the networks.

        Args:
            populations: that are trained one after the other; the networks of all are kept.
            row_bytes: size of an encoded row.

        Returns:
            Bytes for a chunk of rows, and the most rows to hold out.

        Raises:
            SettingsError: there is too little; the message names the smallest limit.
        """
        needed = max(fit_bytes(spec, members) for spec, members in populations)
        if len(populations) > 1:  # kept, and copied into the state of the training
            needed += sum(8 * spec.num_parameters * len(of) for spec, of in populations)
        num_networks = sum(len(members) for _, members in populations)
        spec, members = populations[0]
        # Logits of each network, and their float64 copies in calibration and scoring.
        held_out_bytes = row_bytes + spec.num_outputs * (12 * num_networks + 80)
        least = max(
            _FEWEST_PIECE_BYTES,
            2 * members[0].batch_size * row_bytes,
            8 * _FEWEST_HELD_OUT * held_out_bytes,
        )
        self._require(_PROGRAM_BYTES + needed + least, "this table and network")
        left = self._left - needed
        return left // 2, left // 8 // held_out_bytes

    @property
    def _left(self) -> int:
        return self.limit_bytes - _PROGRAM_BYTES

    def _require(self, least_bytes: float, what: str) -> None:
        if self.limit_bytes < least_bytes:
            raise SettingsError(
                f"memory_limit {self.limit_bytes / 1e6:,.3g} MB is too small for {what}; the "
                f"smallest that works is {math.ceil(least_bytes / 1e6)} MB"
            )
