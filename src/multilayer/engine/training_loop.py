"""The loop over epochs and batches, which can be stopped and resumed between two batches."""

import math
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from multilayer.engine.augmentation import augmentation_of
from multilayer.engine.batches import Batch, BatchSource, Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.compiled.compiled_step import COMPILED, CompiledStep
from multilayer.engine.compiled.coverage import choose_num_compiled_threads, is_covered
from multilayer.engine.compiled.library import compiled_code, reason_without_code
from multilayer.engine.cross_selection import CrossSelection
from multilayer.engine.distributed import GradientSum, Ranks, Stop
from multilayer.engine.epoch_losses import EpochLosses
from multilayer.engine.fingerprints import check_same_training
from multilayer.engine.losses import loss_to_score
from multilayer.engine.machine import check_machine, choose_device
from multilayer.engine.member_threads import MemberThreads
from multilayer.engine.network import Network
from multilayer.engine.processor import (
    choose_num_threads,
    give_way,
    is_awaited,
    processor,
)
from multilayer.engine.products import keep_freed_memory
from multilayer.engine.randomness import generator
from multilayer.engine.records import EpochRecord
from multilayer.engine.scores import Scorer
from multilayer.engine.selection import Selection
from multilayer.engine.settings import TrainingSettings, of_members
from multilayer.engine.state import StateKeeper, TrainingState, fingerprint_of, restore_tensor
from multilayer.engine.step import Step
from multilayer.engine.step_choice import choose_step
from multilayer.engine.training_data import TrainingData
from multilayer.errors import CheckpointError, DataWarning, SettingsError, TrainingDivergedError

_SECONDS_BETWEEN_CHECKS = 1.0


class Training:
    """A training that can be stopped and resumed between two batches; `train` runs one.

    The arguments are those of `train`.
    """

    _step: CompiledStep | Step | MemberThreads
    _take_step: Callable[[Batch], Tensor]  # of the latter two
    _scored: Network
    _num_threads: int
    _num_step_threads: int

    def __init__(
        self,
        network: Network,
        examples: Examples | ChunkedExamples,
        settings: TrainingSettings | Sequence[TrainingSettings],
        *,
        validation: Examples | None = None,
        rows: Sequence[Tensor] | None = None,
        validation_rows: Sequence[Tensor] | None = None,
        cross_selection: CrossSelection | None = None,
        stop: Stop | None = None,
        keeper: StateKeeper | None = None,
    ) -> None:
        members = of_members(settings, network.num_members)
        shared = members[0]
        self._given_data = TrainingData(examples, validation, rows, validation_rows)
        self._given_data.check(network.num_members)
        if shared.selection != "last" and validation is None:
            raise SettingsError(f"selection by {shared.selection!r} needs validation rows")
        device, ranks = choose_device(shared.device), Ranks.current()
        data_bytes = self._given_data.bytes_to_move(device)
        check_machine(network.spec, members, device, data_bytes)
        self._given, self._network = network, network.on(device)
        self._data = self._given_data.on(device)
        is_one_order = rows is None and len({member.seed for member in members}) == 1
        seeds = [member.seed for member in (members[:1] if is_one_order else members)]
        sources = [generator(seed, "shuffle") for seed in seeds]
        self._batches = BatchSource(
            self._data.examples, shared.batch_size, sources, self._data.rows, _part_of(ranks),
            shared.drop_last_batch,
            augmentation_of(shared.augment, examples.image_shape, seeds, device),
        )  # fmt: skip
        gradient_sum = None
        self._members, self._ranks, self._keeper = members, ranks, keeper
        if ranks is not None:
            ranks.check_same(self.fingerprint, self._batches.batch_size)
            ranks.copy_from_first(self._network.parameters)
            stop = gradient_sum = GradientSum(self._network.parameters, ranks, stop)
        self._stop, self._gradient_sum = stop, gradient_sum
        self._code = None if ranks is not None or device.type != "cpu" else compiled_code()
        parameters = self._network.parameters
        if not is_covered(network.spec, members, self._data.examples, parameters.dtype):
            self._code = None
        self._choose_num_threads()
        self._make_step()
        self._selection, self._cross_selection = None, cross_selection
        if shared.selection != "last":
            self._selection = Selection(self._scored.parameters, shared.selection, shared.patience)
        self._history: list[EpochRecord] = []
        self._begin_epoch(1)

    def epochs(self) -> Generator[EpochRecord, None, None]:
        """Train to the end; a record after each epoch."""
        shared = self._members[0]
        keep_freed_memory()
        try:
            while self._epoch <= shared.max_epochs and not self._is_over:
                self._began = time.perf_counter()
                has_own_threads = isinstance(self._step, MemberThreads | CompiledStep)
                num_threads = 1 if has_own_threads else self._num_threads
                with (
                    self._watched(),
                    processor(num_threads, shared.precision),
                    torch.inference_mode(),
                ):
                    loss = self._run_epoch()
                with (
                    self._watched(),
                    processor(self._num_threads, shared.precision),
                    torch.inference_mode(),
                ):
                    if self._ranks is not None:  # what different processors rounded differently
                        self._ranks.copy_from_first(self._network.parameters)
                    record = self._scored_epoch(loss)
                    if not record.is_interrupted:
                        self._history.append(record)
                        self._begin_epoch(record.epoch + 1)
                        self._keep_if_due(is_epoch_over=True)
                yield record
                if self._stop is not None and self._stop.is_set():
                    if self._keeper is not None and not record.is_interrupted:
                        self._keep(self._keeper)
                    return
        finally:
            if isinstance(self._step, MemberThreads):
                self._step.close()
            if self._selection is not None:
                self._given.parameters.copy_(self._selection.parameters)
            elif self._scored is not self._given:
                self._given.parameters.copy_(self._scored.parameters)

    def _watched(self) -> AbstractContextManager[None]:
        """While the block runs, ranks that train together see to it that this one goes on."""
        watch = None if self._ranks is None else self._ranks.watch
        return nullcontext() if watch is None else watch.training()

    @property
    def kept(self) -> Network:
        """The population as it would be kept if training ended after the last epoch."""
        if self._selection is None:
            return self._scored
        return Network.of(self._network.spec, self._selection.parameters)

    def state(self) -> TrainingState:
        """A copy of everything needed to resume from here."""
        self._step.finish()
        parts = {
            "network": {"parameters": self._network.parameters},
            "batches": self._order,
            "step": self._step.state(),
            "selection": {} if self._selection is None else self._selection.state(),
            "epoch": self._losses.state(),
            "cross_selection": {},
        }
        if self._cross_selection is not None:
            parts["cross_selection"] = self._cross_selection.state()
        return TrainingState(
            epoch=self._epoch,
            num_batches_done=len(self._losses),
            num_threads=self._num_step_threads,
            num_ranks=self._num_ranks,
            seconds=self._seconds,
            fingerprint=self.fingerprint,
            history=tuple(self._history),
            parts={
                part: {name: tensor.to("cpu", copy=True) for name, tensor in tensors.items()}
                for part, tensors in parts.items()
            },
        )

    def restore(self, state: TrainingState) -> None:
        """Resume from a state; call it before `epochs`.

        Raises:
            CheckpointError: it is the state of another training; the message says what differs.
        """
        check_same_training(state.fingerprint, self.fingerprint)
        self._follow(state)
        try:
            restore_tensor(self._network.parameters, state.parts["network"]["parameters"])
            self._batches.restore(state.parts["batches"])
            self._step.restore(state.parts["step"])
            if self._selection is not None:
                self._selection.restore(state.parts["selection"])
            if self._cross_selection is not None:
                self._cross_selection.restore(state.parts.get("cross_selection", {}))
            self._begin_epoch(state.epoch)
            if state.num_batches_done:
                self._losses.restore(state.parts["epoch"], self._network.parameters.device)
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"the state of the training is not whole: {error}") from error
        self._seconds_before = state.seconds
        self._history = list(state.history)

    def _follow(self, state: TrainingState) -> None:
        """Go on with the kind of step and the threads that a state was made with.

        Where the number of processes has changed, roundings are others anyway: those of this
        machine are taken.

        Raises:
            CheckpointError: it was made by compiled code, which is not there.
        """
        if state.num_ranks != self._num_ranks:
            warnings.warn(
                f"this training was in {_processes(state.num_ranks)} and goes on in "
                f"{_processes(self._num_ranks)}: it ends with the same network to rounding, not "
                "bit for bit",
                DataWarning,
                stacklevel=3,
            )
            return
        was_compiled = COMPILED in state.parts.get("step", {})
        if was_compiled and self._code is None:
            raise CheckpointError(
                f"this training was begun with the compiled step, which {reason_without_code()}; "
                "it can only go on with it, as its roundings are others"
            )
        sources = None if self._code is None else self._code.sources
        if was_compiled and state.parts["step"][COMPILED] != sources:
            warnings.warn(
                "this training was begun by the compiled step of another version; it goes on with "
                "this one's, and may end with other roundings",
                DataWarning,
                stacklevel=3,
            )
        if not was_compiled and self._code is not None:
            self._code = None
            self._choose_num_threads()
            self._make_step()
        if state.num_threads == self._num_step_threads:
            return
        warnings.warn(
            f"this training goes on with {state.num_threads} threads, as it began, to end with "
            f"the same bits; one that begins here takes {self._num_step_threads}",
            DataWarning,
            stacklevel=3,
        )
        self._num_step_threads = state.num_threads
        if self._code is None:
            self._num_threads = state.num_threads
        self._make_step()

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What this training is of; see `fingerprint_of`."""
        given = self._given_data
        return fingerprint_of(
            self._network, self._members, given.examples, given.validation, given.rows,
            given.validation_rows,
        )  # fmt: skip

    @property
    def _num_ranks(self) -> int:
        return 1 if self._ranks is None else self._ranks.size

    @property
    def _is_over(self) -> bool:
        return self._selection is not None and self._selection.is_over

    @property
    def _seconds(self) -> float:
        """What this epoch has taken so far, before a resumption too."""
        return self._seconds_before + time.perf_counter() - self._began

    def _choose_num_threads(self) -> None:
        """Of PyTorch's operations, and of the step, which may be compiled code."""
        shared, spec, num_members = self._members[0], self._network.spec, len(self._members)
        self._num_threads = self._num_step_threads = choose_num_threads(shared, spec, num_members)
        if self._code is not None:
            self._num_step_threads = choose_num_compiled_threads(shared, spec, num_members)

    def _make_step(self) -> None:
        num_steps = len(self._batches) * self._members[0].max_epochs
        if self._code is not None:
            self._step = CompiledStep(
                self._code, self._network, self._members, num_steps, self._batches,
                self._num_step_threads,
            )  # fmt: skip
        else:
            self._step, self._take_step = choose_step(
                self._network, self._members, num_steps, self._num_step_threads, self._ranks,
                self._gradient_sum,
            )  # fmt: skip
        average = self._step.averaged  # what is scored and kept, if there is one
        self._scored = self._network
        if average is not None:
            self._scored = Network.of(self._network.spec, average)
        self._scorer, validation = None, self._data.validation
        if validation is not None:
            rows, answer = self._data.validation_rows, None
            if isinstance(self._step, CompiledStep):
                answer = self._step.answers(validation.inputs, rows)
            self._scorer = Scorer(
                self._scored, validation, loss_to_score(self._members[0]), rows,
                calibrates=self._members[0].selection == "calibrated_loss", answer=answer,
            )  # fmt: skip

    def _begin_epoch(self, epoch: int) -> None:
        self._epoch, self._losses = epoch, EpochLosses(epoch, self._members[0].learning_rate)
        self._order = self._batches.state()  # from here the order of the epoch is drawn
        self._seconds_before, self._began = 0.0, time.perf_counter()

    def _run_epoch(self) -> tuple[float, ...]:
        """Train on the batches that are left, or until the stop; mean loss of each member."""
        last_check = time.perf_counter()
        for losses, sizes in self._trained():
            self._losses.add(losses, sizes)
            if self._stop is not None and self._stop.is_set():
                if self._keeper is not None:
                    self._keep(self._keeper)
                break
            self._keep_if_due()
            if is_awaited():  # products are as exact here as in all other threads
                self._step.finish()
                give_way()
            is_alone = self._ranks is None  # ranks must find the same error at the same step
            if is_alone and time.perf_counter() - last_check > _SECONDS_BETWEEN_CHECKS:
                self._step.finish()
                self._losses.checked()
                last_check = time.perf_counter()
        self._step.finish()
        return self._losses.mean()

    def _trained(self) -> Iterator[tuple[Tensor, list[int]]]:
        """Train on some batches after others; the losses of each and its rows, once it is done."""
        if isinstance(self._step, CompiledStep):
            yield from self._step.train(self._batches.stretches(len(self._losses)))
            return
        for batch in self._batches.epoch(len(self._losses)):
            yield self._take_step(batch).unsqueeze(0), [batch.num_rows]

    def _scored_epoch(self, loss: tuple[float, ...]) -> EpochRecord:
        shared, num_steps = self._members[0], len(self._losses)
        scores = None
        if self._scorer is not None:
            scores = self._scorer.scores()
            if self._ranks is not None:
                scores = self._ranks.scores_of_first(scores)
            if not any(map(math.isfinite, scores.loss)):
                raise TrainingDivergedError(
                    "validation", self._epoch, num_steps, shared.learning_rate
                )
            if self._selection is not None:
                if self._cross_selection is not None:
                    self._cross_selection.note(
                        self._epoch, self._scorer.logits, self._selection.has_stopped
                    )
                self._selection.note(self._epoch, self._scored.parameters, scores)
        return EpochRecord(
            epoch=self._epoch,
            num_steps=num_steps,
            train_loss=loss,
            validation=scores,
            seconds=self._seconds,
            is_interrupted=num_steps < len(self._batches),
            best_epoch=None if self._selection is None else tuple(self._selection.best_epochs),
        )

    def _keep_if_due(self, *, is_epoch_over: bool = False) -> None:
        if self._keeper is not None and self._keeper.is_due(is_epoch_over=is_epoch_over):
            self._keep(self._keeper)

    def _keep(self, keeper: StateKeeper) -> None:
        self._step.finish()
        if self._losses:
            self._losses.checked()  # the state of a training that has diverged helps nobody
        keeper.keep(self.state())


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"


def _part_of(ranks: Ranks | None) -> tuple[int, int]:
    return (0, 1) if ranks is None else (ranks.rank, ranks.size)
