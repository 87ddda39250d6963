"""A training that is held in the hand: one batch at a time, its settings changed on the way.

`engine.training.train` takes the same batches in the same order; `tests/playground/` holds the two
together. It cannot be stopped between any two batches, as compiled code takes many of them in a
call, nor change its settings.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from multilayer.engine.batches import Batch, BatchSource, Examples
from multilayer.engine.epoch_losses import EpochLosses
from multilayer.engine.losses import loss_to_score
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_threads, processor
from multilayer.engine.randomness import generator, restore_generators, states_of
from multilayer.engine.scores import Scorer
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step
from multilayer.playground.curves import Curves


class StepwiseTraining:
    """A population in training, a batch at a time.

    The arguments are those of `engine.training.train`.

    Attributes:
        network: the population.
        examples: rows to learn from.
        members: settings of each.
        epoch: that is trained on now, from 1.
        num_steps: batches trained on since the beginning.
        curves: losses after each epoch, and on the held-out rows before the first.
        batch_loss: of the first member on the newest batch, before its step.
    """

    def __init__(
        self,
        network: Network,
        examples: Examples,
        settings: Sequence[TrainingSettings],
        *,
        validation: Examples | None = None,
        rows: Sequence[Tensor] | None = None,
        validation_rows: Sequence[Tensor] | None = None,
    ) -> None:
        self.network, self.examples, self.members, self._rows = network, examples, settings, rows
        shared, seeds = settings[0], [member.seed for member in settings]
        if rows is None and len({*seeds}) == 1:  # one order for all
            seeds = seeds[:1]
        self._shuffles = [generator(seed, "shuffle") for seed in seeds]
        self._scorer = None
        if validation is not None:
            self._scorer = Scorer(network, validation, loss_to_score(shared), validation_rows)
        self._step = Step(network, settings)
        self._batches: Iterator[Batch] = iter(())
        self._batch: Batch | None = None
        self.epoch, self.num_steps = 1, 0
        self.batch_loss = math.nan
        self.curves = Curves(network.num_members)
        with self.on_processor():
            self._score([math.nan] * network.num_members)
        self._begin_epoch()

    @property
    def settings(self) -> TrainingSettings:
        """Of the first member."""
        return self.members[0]

    @property
    def num_batches(self) -> int:
        """Of an epoch."""
        return len(self._source)

    @property
    def num_batches_done(self) -> int:
        """Of this epoch."""
        return len(self._losses)

    def on_processor(self) -> AbstractContextManager[None]:
        """The threads and the precision that this training runs with, to be held for a while."""
        shared = self.members[0]
        threads = choose_num_threads(shared, self.network.spec, self.network.num_members)
        return processor(threads, shared.precision)

    def step(self) -> bool:
        """Train on the next batch, within `on_processor`; whether it was the last of its epoch.

        Raises:
            TrainingDivergedError: at the end of an epoch, where no network has finite losses.
        """
        with torch.inference_mode():
            if not self._losses:
                self._batches = self._source.epoch()
            batch = self._batch = next(self._batches)
            loss = self._step.run(batch)
            self.batch_loss = float(loss[0])
            self._losses.add(loss.clone().unsqueeze(0), [batch.num_rows])
            self.num_steps += 1
            losses, is_over = self._losses, len(self._losses) == self.num_batches
            if is_over:
                self.epoch += 1
                self._begin_epoch()  # first, so that it can go on though the losses are not finite
                self._score(losses.mean())
            return is_over

    def change(self, settings: Sequence[TrainingSettings]) -> None:
        """Go on with other settings of the same network and rows.

        An optimiser that stays the same keeps what it remembers; another one begins anew. Another
        size of batches is that of the next epoch.
        """
        is_same = self.members[0].optimizer == settings[0].optimizer
        state = self._step.state() if is_same else {}
        self.members = settings
        self._step = Step(self.network, self.members)
        fresh = self._step.state()
        self._step.restore({name: state.get(name, value) for name, value in fresh.items()})
        if not self._losses:
            self._begin_epoch()

    def shown_rows(self) -> Examples:
        """The first member's newest batch; before there is one, as many of its first rows."""
        batch = self._batch
        if batch is not None:
            return Examples(batch.inputs[0], batch.targets[0])
        rows = self.examples if self._rows is None else self.examples.at(self._rows[0])
        return rows.at(slice(self.settings.batch_size))

    def next_rows(self) -> Tensor:
        """Numbers of the rows of the first member's next batch, (batch,)."""
        source = torch.Generator()
        restore_generators([source], self._before_order)
        rows = torch.arange(len(self.examples)) if self._rows is None else self._rows[0]
        order = torch.randperm(len(rows), generator=source)[: self._source.num_rows]
        first = len(self._losses) * self._source.batch_size
        return rows[order[first : first + self._source.batch_size]]

    def optimizer_state(self) -> Mapping[str, Tensor]:
        """What the optimiser remembers; see `Step.state`."""
        return self._step.state()

    def _begin_epoch(self) -> None:
        shared = self.members[0]
        self._source = BatchSource(
            self.examples, shared.batch_size, self._shuffles, self._rows,
            drop_last=shared.drop_last_batch,
        )  # fmt: skip
        self._losses = EpochLosses(self.epoch, shared.learning_rate)
        self._before_order = states_of(self._shuffles[:1])

    def _score(self, train_losses: Sequence[float]) -> None:
        if self._scorer is None:
            self.curves.add(train_losses, [math.nan] * len(train_losses), None)
            return
        with torch.inference_mode():
            scores = self._scorer.scores()
        self.curves.add(train_losses, scores.loss, scores.accuracy)
