"""The playground's rows for the book's Trainer: the same rows in the same batches."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.randomness import generator
from multilayer.errors import SettingsError
from multilayer.playground.problems import make_problem
from multilayer.playground.setup import Setup


class PlaygroundData:
    """A data module, as `Trainer.fit` of the book takes it, of a problem of the playground.

    The rows are encoded and split as on the page, and each pass draws the order of the engine's
    batches, so that the same first weights lead to the same network.

    Args:
        problem: "spirals", "moons", "circles", "xor", "surface", "digits", "fashion-mnist", or
            "table" with a `table`.
        noise: see `Setup`; None for problems that are not made up.
        num_rows: likewise.
        batch_size: rows in a batch; the last batch of an epoch has what is left.
        seed: of points, split, weights and batches.
        table: a file that `read_table` takes.
        target: the column of the table to predict.

    Attributes:
        num_inputs: columns of the inputs; images are flat, from 0 to 1.
        num_outputs: classes, or 1.
        num_train: training rows.
        num_val: held-out rows, of images the test images.

    Raises:
        SettingsError: an argument is unknown or out of range.
        DataError: the data cannot be had or used.

    Examples:
        >>> from multilayer import PlaygroundData
        >>> data = PlaygroundData("moons", num_rows=100, batch_size=20)
        >>> data.num_train, data.num_val, data.num_outputs
        (80, 20, 2)
        >>> inputs, targets = next(iter(data.train_dataloader()))
        >>> inputs.shape, targets.shape
        (torch.Size([20, 2]), torch.Size([20]))
    """

    def __init__(
        self,
        problem: str,
        *,
        noise: float | None = None,
        num_rows: int | None = None,
        batch_size: int = 32,
        seed: int = 0,
        table: str | Path | None = None,
        target: str = "",
    ) -> None:
        setup = Setup(
            problem,
            Setup.noise if noise is None else noise,
            Setup.num_rows if num_rows is None else num_rows,
            (1,),
            batch_size=batch_size,
            seed=seed,
            target=target,
        )
        made = make_problem(setup, table)
        self.batch_size, self.seed = batch_size, seed
        self.num_inputs, self.num_outputs = made.num_inputs, made.num_outputs
        rows = Examples(torch.from_numpy(made.inputs), made.examples.targets)
        held_out = made.held_out
        self.num_train, self.num_val = len(rows), 0 if held_out is None else len(held_out)
        self._train = _Shuffled(BatchSource(rows, batch_size, [self.generator("shuffle")]))
        self._validation = None
        if held_out is not None:
            inputs = torch.from_numpy(made.held_out_inputs)
            self._validation = _InOrder(inputs, held_out.targets, batch_size)

    def generator(self, name: str) -> torch.Generator:
        """A generator of random numbers, as the engine makes them from the seed.

        Args:
            name: "init" for first weights.
        """
        return generator(self.seed, name)

    def train_dataloader(self) -> "_Shuffled":
        """Batches of inputs (batch, num_inputs) and targets, in an order of its own each pass."""
        return self._train

    def val_dataloader(self) -> "_InOrder | None":
        """Batches of the held-out rows; None of a table too small for it."""
        return self._validation

    def get_dataloader(self, train: bool) -> "_Shuffled | _InOrder":
        """As the book's data modules have it.

        Raises:
            SettingsError: there are no held-out rows.
        """
        loader = self._train if train else self._validation
        if loader is None:
            raise SettingsError("the table is too small for rows to be held out")
        return loader


class _Shuffled:
    """The engine's batches, in memory of their own."""

    def __init__(self, source: BatchSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._source.epoch():
            yield batch.inputs[0].clone(), batch.targets[0].clone()


class _InOrder:
    """Rows in the order in which they lie."""

    def __init__(self, inputs: Tensor, targets: Tensor, batch_size: int) -> None:
        self._inputs, self._targets, self._batch_size = inputs, targets, batch_size
        self.num_examples_in_batch = 0

    def __len__(self) -> int:
        return -(-len(self._inputs) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self._inputs), self._batch_size):
            rows = slice(start, start + self._batch_size)
            self.num_examples_in_batch = len(self._inputs[rows])
            yield self._inputs[rows], self._targets[rows]
