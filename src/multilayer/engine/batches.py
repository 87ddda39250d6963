"""Rows in memory, and batches of them: gathered by index from what lies in memory at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from multilayer.engine.augmentation import Augmentation
from multilayer.engine.randomness import restore_generators, states_of
from multilayer.errors import DataError

if TYPE_CHECKING:
    from multilayer.engine.chunks import Chunk, ChunkedExamples


@dataclass(frozen=True, eq=False)
class Examples:
    """Encoded training or validation rows.

    Args:
        inputs: (num_rows, num_inputs), floating or bytes; bytes stay bytes in memory and are
            widened a batch at a time.
        targets: class numbers (num_rows,) in int64, or numbers (num_rows, num_outputs).
        weights: how much each row counts, (num_rows,), not negative; None: all alike.
        image_shape: height and width where a row is a grey picture, line by line; None: it is none.

    Raises:
        DataError: there are no rows, or not as many targets or weights as inputs, or the weights
            are negative or all zero, or pictures are not of their shape.

    Examples:
        >>> import torch
        >>> from multilayer import Examples
        >>> rows = Examples(torch.randn(100, 4), torch.randint(3, (100,)))
        >>> len(rows), len(rows.at(slice(10)))
        (100, 10)
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None = None
    image_shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            raise DataError(f"{len(self.inputs)} rows of inputs have {len(self.targets)} targets")
        if len(self.inputs) == 0:
            raise DataError("there are no rows to learn from")
        shape = self.image_shape
        if shape is not None and self.inputs.shape[1:] != (shape[0] * shape[1],):
            raise DataError(
                f"rows of {tuple(self.inputs.shape[1:])} are no pictures of {shape[0]} × {shape[1]}"
            )
        if self.weights is not None:
            if len(self.weights) != len(self.inputs):
                raise DataError(
                    f"{len(self.inputs)} rows of inputs have {len(self.weights)} weights"
                )
            if not bool(((self.weights >= 0) & self.weights.isfinite()).all()):
                raise DataError("weights of rows must be finite numbers of at least 0")
            if not bool(self.weights.any()):
                raise DataError("the weights of all rows are 0")

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def num_bytes(self) -> int:
        """Memory of the rows."""
        tensors = (self.inputs, self.targets, self.weights)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)

    def on(self, device: torch.device) -> "Examples":
        """The same rows on a device: these, where they are there already."""
        if self.inputs.device == device:
            return self
        weights = None if self.weights is None else self.weights.to(device)
        return Examples(self.inputs.to(device), self.targets.to(device), weights, self.image_shape)

    def chunks(self, source: Generator, batch_size: int) -> list["Examples"]:  # noqa: ARG002
        """All rows as one chunk, which asks nothing of the generator; see `ChunkedExamples`."""
        return [self]

    def loaded(self) -> "Examples":
        """These: they are in memory."""
        return self

    def drawn(self, source: Generator) -> Tensor:
        """A new order of the rows, (num_rows,)."""
        return torch.randperm(len(self), generator=source)

    def part(self, rank: int, num_ranks: int) -> "Part":  # noqa: ARG002
        """What one of several ranks needs: all rows, as any may be its own; see `Chunk.part`."""
        return Part(self, self.weights)

    def empty(self, num_rows: int) -> list[Tensor | None]:
        """Memory for inputs, targets and weights of some rows."""
        return [
            None if tensor is None else tensor.new_empty(num_rows, *tensor.shape[1:])
            for tensor in (self.inputs, self.targets, self.weights)
        ]

    def at(self, rows: Tensor | slice) -> "Examples":
        """Some of the rows, by their numbers."""
        return replace(
            self,
            inputs=self.inputs[rows],
            targets=self.targets[rows],
            weights=None if self.weights is None else self.weights[rows],
        )


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of a chunk that one of several ranks takes.

    Attributes:
        examples: the rows in memory.
        weights: of all rows of the chunk, (num_rows,); None: all alike.
        is_own: for each place of the chunk's order whether its row is this rank's, (num_rows,);
            None: `examples` has all rows, and of a batch every n-th is this rank's.
        numbers: of the chunk's rows among `examples`, (num_rows,), right for those it has; None:
            `examples` has all rows.
    """

    examples: Examples
    weights: Tensor | None
    is_own: Tensor | None = None
    numbers: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows for one step; the leading dimension is 1 where all members share them.

    Attributes:
        inputs: (num_row_sets, batch, num_inputs), in a buffer that the next batch overwrites.
        targets: (num_row_sets, batch) or (num_row_sets, batch, num_outputs), likewise.
        weights: (num_row_sets, batch), likewise, or None.
        num_rows: of the whole batch, whatever part of it this is.
        share: how much of the whole batch this part counts for: a number, or (num_row_sets,)
            where rows have weights.
        part: which rows of the whole batch these are; None: all.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None
    num_rows: int
    share: float | Tensor = 1.0
    part: slice | Tensor | None = None

    def copied(self) -> "Batch":
        """The same rows in memory of their own."""
        weights = None if self.weights is None else self.weights.clone()
        return replace(
            self, inputs=self.inputs.clone(), targets=self.targets.clone(), weights=weights
        )

    def of_members(self, part: slice) -> "Batch":
        """The rows of some members."""
        if len(self.inputs) == 1:
            return self
        weights = None if self.weights is None else self.weights[part]
        share = self.share[part] if isinstance(self.share, Tensor) else self.share
        return replace(
            self, inputs=self.inputs[part], targets=self.targets[part], weights=weights, share=share
        )


@dataclass(frozen=True, eq=False)
class Stretch:
    """Batches one after the other, of rows that are in memory together.

    Attributes:
        examples: the rows.
        orders: their numbers in the order of the batches, (num_row_sets, …).
        sizes: rows of each batch.
    """

    examples: Examples
    orders: Tensor
    sizes: list[int]


class BatchSource:
    """Shuffled batches, gathered by index into buffers made once.

    Args:
        examples: where the rows are. Those that are not all in memory are shuffled chunk by chunk,
            and `rows` is None for them.
        batch_size: rows in a batch; the last one of an epoch holds what is left.
        sources: a generator of orders for each member, or one for all members together.
        rows: row numbers that each source draws from; None: all rows. Where they are not equally
            many, an epoch takes as many of each as the fewest, and others rest in the next one.
        part: (k, n) takes of each batch only the k-th of n parts, from 0; they may differ in size
            by a row, or by a few where the rows are on the disk.
        drop_last: leave out the rows of an epoch that fill no whole batch.
        augmentation: changes the pictures of each batch; it has as many sources.

    Attributes:
        num_rows: of an epoch.
        batch_size: rows of all batches but the last of an epoch.
        row_type: of the numbers of a row.
    """

    def __init__(
        self,
        examples: "Examples | ChunkedExamples",
        batch_size: int,
        sources: Sequence[Generator],
        rows: Sequence[Tensor] | None = None,
        part: tuple[int, int] = (0, 1),
        drop_last: bool = False,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._examples, self._sources, self._rows = examples, sources, rows
        self._part, self._num_parts = part
        self._nums_rows = None if rows is None else [*map(len, rows)]
        self.num_rows = len(examples) if rows is None else min(map(len, rows))
        self.batch_size = min(batch_size, self.num_rows)
        self._drop_last, self._augmentation = drop_last, augmentation
        inputs, _, _ = examples.empty(0)
        assert inputs is not None
        self.row_type = inputs.dtype
        most_of_a_part = self.batch_size  # of rows on the disk a part may be any number
        if isinstance(examples, Examples):
            most_of_a_part = -(-self.batch_size // self._num_parts)
        self._buffers = examples.empty(len(sources) * most_of_a_part)

    def __len__(self) -> int:
        return self._num_batches(self.num_rows)

    def state(self) -> dict[str, Tensor]:
        """From where the next orders, and what is done to pictures, are drawn."""
        state = {"sources": states_of(self._sources)}
        if self._augmentation is not None:
            state["augmentation"] = states_of(self._augmentation.sources)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Draw the next orders from where `state` was taken."""
        restore_generators(self._sources, state["sources"])
        if self._augmentation is not None:
            restore_generators(self._augmentation.sources, state["augmentation"])

    def epoch(self, num_done: int = 0) -> Iterator[Batch]:
        """Every row once, in a new order, but for those that a member has over the others.

        Args:
            num_done: batches to leave out at the beginning, because they are done.
        """
        for chunk, orders, kinds, numbers in self._drawn_chunks(num_done):
            part = chunk.part(self._part, self._num_parts)
            yield from self._batches(part, orders, kinds, numbers)

    def stretches(self, num_done: int = 0) -> Iterator[Stretch]:
        """The batches of `epoch`, without gathering them: for one process, and rows as they are."""
        assert self._num_parts == 1
        assert self._augmentation is None
        for chunk, orders, _, numbers in self._drawn_chunks(num_done):
            first, last = numbers.start * self.batch_size, numbers.stop * self.batch_size
            orders = self._numbered(orders)[:, first:last]
            num_whole, rest = divmod(orders.shape[1], self.batch_size)
            sizes = [self.batch_size] * num_whole + [rest] * bool(rest)
            yield Stretch(chunk.loaded(), orders, sizes)

    def _drawn_chunks(
        self, num_done: int
    ) -> Iterator[tuple["Examples | Chunk", Tensor, Tensor | None, range]]:
        """Chunks of rows, the order of each, what is done to its pictures, and batches to do."""
        for chunk in self._examples.chunks(self._sources[0], self.batch_size):
            num_rows = min(len(chunk), self.num_rows)
            orders = self._drawn(chunk, num_rows)
            # For all rows at once, so that what a batch gets does not depend on how many are done,
            # and a part of a batch gets what it would get within the whole.
            kinds = None if self._augmentation is None else self._augmentation.draw(num_rows)
            num_batches = self._num_batches(num_rows)
            if num_done >= num_batches:
                num_done -= num_batches
                continue
            yield chunk, orders, kinds, range(num_done, num_batches)
            num_done = 0

    def _numbered(self, orders: Tensor) -> Tensor:
        """Orders of the rows that a source draws from, as row numbers."""
        if self._rows is None:
            return orders
        pairs = zip(self._rows, orders, strict=True)
        return torch.stack([rows[order] for rows, order in pairs])

    def _batches(
        self, chunk: Part, orders: Tensor, kinds: Tensor | None, numbers: range
    ) -> Iterator[Batch]:
        """Some of the batches of rows in memory, by their numbers."""
        device = chunk.examples.inputs.device
        orders = orders.to(device)
        kinds = None if kinds is None else kinds.to(device)
        is_own = None if chunk.is_own is None else chunk.is_own.to(device)
        row_numbers = None if chunk.numbers is None else chunk.numbers.to(device)
        orders = self._numbered(orders)
        for number in numbers:
            places = slice(number * self.batch_size, (number + 1) * self.batch_size)
            batch = orders[:, places]
            part = self._part_of(batch.shape[1], None if is_own is None else is_own[places])
            rows = batch[:, part]
            share: float | Tensor = 1.0
            if self._num_parts > 1:
                share = self._share_of(batch, rows, chunk.weights)
            if rows.shape[1] == 0:  # of fewer rows than parts: any row, which counts for nothing
                part, rows, share = slice(1), batch[:, :1], 0.0
                rows = rows if row_numbers is None else torch.zeros_like(rows)
            elif row_numbers is not None:
                rows = row_numbers[rows]
            inputs, targets, weights = self._gather(chunk.examples, rows)
            assert inputs is not None
            assert targets is not None
            if self._augmentation is not None and kinds is not None:
                self._augmentation.apply(inputs.flatten(0, 1), kinds[:, places][:, part].flatten())
            yield Batch(inputs, targets, weights, batch.shape[1], share, part)

    def _num_batches(self, num_rows: int) -> int:
        if self._drop_last:
            return num_rows // self.batch_size
        return -(-num_rows // self.batch_size)

    def _drawn(self, chunk: "Examples | Chunk", num_rows: int) -> Tensor:
        """An order of the rows of a chunk for each source, (num_sources, num_rows)."""
        if self._nums_rows is None:
            return torch.stack([chunk.drawn(generator) for generator in self._sources])
        return torch.stack(
            [
                torch.randperm(count, generator=generator)[:num_rows]
                for count, generator in zip(self._nums_rows, self._sources, strict=True)
            ]
        )

    def _part_of(self, num_rows: int, is_own: Tensor | None) -> slice | Tensor:
        """Which rows of a batch are ours."""
        if self._num_parts == 1:
            return slice(None)
        if is_own is None:
            return slice(self._part, None, self._num_parts)
        return is_own[:num_rows].nonzero().squeeze(1)

    @staticmethod
    def _share_of(batch: Tensor, rows: Tensor, weights: Tensor | None) -> float | Tensor:
        """What share of a batch, (num_row_sets, batch), some of its rows are."""
        if weights is None:
            return rows.shape[1] / batch.shape[1]
        total = weights[batch].sum(-1)
        return weights[rows].sum(-1) / torch.where(total == 0, 1, total)

    def _gather(self, examples: Examples, rows: Tensor) -> list[Tensor | None]:
        gathered: list[Tensor | None] = []
        numbers = rows.reshape(-1)
        tensors = (examples.inputs, examples.targets, examples.weights)
        for tensor, buffer in zip(tensors, self._buffers, strict=True):
            if tensor is None or buffer is None:
                gathered.append(None)
            else:
                out = buffer[: len(numbers)]
                torch.index_select(tensor, 0, numbers, out=out)
                gathered.append(out.view(*rows.shape, *tensor.shape[1:]))
        return gathered
