"""A training step that is one call of compiled code, batch after batch."""

import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from multilayer.engine.batches import BatchSource, Examples, Stretch
from multilayer.engine.compiled.library import Library
from multilayer.engine.compiled.plan import Batches, Questions, Values, plan_of
from multilayer.engine.compiled.row_checks import check_inputs, check_rows
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator, restore_generators, states_of
from multilayer.engine.schedules import REGULARIZATION_SCHEDULES, SCHEDULES
from multilayer.engine.settings import TrainingSettings, of_members

ROW_TYPES = {torch.uint8: 0, torch.float32: 1, torch.float64: 2}
_SECONDS_AT_ONCE = 0.02  # of training between two looks at whether to stop
_NUM_WORDS = 624  # of the twister; a state of PyTorch's has them after three numbers of its own
_WORDS_START, _WORDS_STOP = 24, 24 + 8 * _NUM_WORDS


COMPILED = "compiled"  # in the state of a step: the sources of the compiled code that rounds so


class CompiledStep:
    """Takes a population some batches further; the twin of `Step`, in the same memory.

    Args:
        library: with the entry points.
        network: its parameters are changed in place.
        settings: one for all members, or one for each.
        num_steps: how many steps the schedules are spread over.
        batches: where the rows come from.
        num_threads: that share in it.
    """

    def __init__(
        self,
        library: Library,
        network: Network,
        settings: TrainingSettings | Sequence[TrainingSettings],
        num_steps: int,
        batches: BatchSource,
        num_threads: int = 1,
    ) -> None:
        members = of_members(settings, network.num_members)
        shared, parameters = members[0], network.parameters
        self._members, self._library, self._spec = members, library, network.spec
        self._parameters = parameters
        self.gradient = torch.zeros_like(parameters)
        self._num_at_once = 1  # batches, until it is known how long they take
        self._is_adam = shared.optimizer == "adam"
        has_first = self._is_adam or shared.momentum
        self._first = torch.zeros_like(parameters) if has_first else None
        self._second = torch.zeros_like(parameters) if self._is_adam else None
        self.averaged = parameters.clone() if shared.average_decay else None
        self._has_masks = any(m.dropout for m in members) or bool(shared.input_dropout)
        self._sources = [generator(m.seed, "dropout", parameters.device) for m in members]
        self._generators = torch.zeros(len(members), _NUM_WORDS + 1, dtype=torch.int32)
        self._schedule, self._num_steps, self._steps_done = SCHEDULES[shared.schedule], num_steps, 0
        self._regularization = REGULARIZATION_SCHEDULES[shared.regularization_schedule]
        self._rates = torch.tensor([m.learning_rate for m in members], dtype=torch.float64)
        self._decays = torch.tensor([m.weight_decay for m in members], dtype=torch.float64)
        self._plan, self._kept = plan_of(
            network.spec, members, batch_size=batches.batch_size,
            row_type=ROW_TYPES[batches.row_type],
            num_threads=num_threads,
        )  # fmt: skip
        self._is_double, self._row_type = parameters.dtype == torch.float64, batches.row_type
        tensors = (parameters, self.gradient, self._first, self._second, self.averaged)
        values = Values(*map(_address, tensors), self._generators.data_ptr())
        handle = library.begin(self._plan, values, self._is_double)
        self._handle = handle
        weakref.finalize(self, library.end, handle, self._is_double)

    def run(self, examples: Examples, orders: Tensor, sizes: Sequence[int]) -> Tensor:
        """Train on some batches.

        Args:
            examples: all rows.
            orders: row numbers of the batches one after the other, (num_members or 1, …), int64.
            sizes: rows of each batch.

        Returns:
            The losses before each update, (num_batches, num_members).
        """
        members, num_batches, examples = self._members, len(sizes), _without_gaps(examples)
        losses = self._parameters.new_empty(num_batches, len(members))
        numbers = self._numbers_of(range(self._steps_done, self._steps_done + num_batches))
        whole = torch.tensor(sizes)
        orders = orders.contiguous()
        self._read_generators()
        batches = Batches(
            _address(examples.inputs), _address(examples.targets), _address(examples.weights),
            len(orders), orders.shape[1], num_batches, orders.data_ptr(), whole.data_ptr(),
            *map(_address, numbers), self._steps_done, losses.data_ptr(),
        )  # fmt: skip
        self._library.run(self._handle, batches, self._is_double)
        self._write_generators()
        self._steps_done += num_batches
        return losses

    def _numbers_of(self, steps: range) -> list[Tensor]:
        """Of each step: rates, shares kept of the weights, dropout's strength, the average's."""
        done = [step / self._num_steps for step in steps]
        factors = torch.tensor([*map(self._schedule, done)], dtype=torch.float64)
        strengths = torch.tensor([*map(self._regularization, done)], dtype=torch.float64)
        rates = factors.unsqueeze(1) * self._rates
        kept = 1 - rates * self._decays * strengths.unsqueeze(1)
        most = self._members[0].average_decay
        averages = [min(most, (2 + step) / (11 + step)) for step in steps] if most else done
        return [rates, kept, strengths, torch.tensor(averages, dtype=torch.float64)]

    def train(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Tensor, list[int]]]:
        """Train on the batches of stretches; after a fiftieth of a second the losses so far.

        Yields:
            The losses of some batches, (num_batches, num_members), and the rows of each.
        """
        for stretch in stretches:
            done, place, rows = 0, 0, _without_gaps(stretch.examples)
            check_rows(self._spec, self._members[0], rows, stretch.orders)
            while done < len(stretch.sizes):
                sizes = stretch.sizes[done : done + self._num_at_once]
                began, stop = time.perf_counter(), place + sum(sizes)
                losses = self.run(rows, stretch.orders[:, place:stop], sizes)
                seconds = (time.perf_counter() - began) / len(sizes)
                yield losses, sizes
                done, place = done + len(sizes), stop
                self._num_at_once = max(1, int(_SECONDS_AT_ONCE / seconds))

    def answers(
        self, inputs: Tensor, rows: Sequence[Tensor] | None
    ) -> Callable[[Tensor], list[Tensor]] | None:
        """What answers the same rows again and again; None: they are of another type.

        Args:
            inputs: (num_rows, row_width).
            rows: the numbers of each member's rows; None: all.

        Returns:
            A function of parameters, (num_members, num_parameters), to each member's logits,
            (its number of rows, num_outputs).

        Raises:
            DataError: the rows are not what the network is made for.
        """
        if inputs.dtype != self._row_type or not inputs.is_contiguous():
            return None
        num_members, num_outputs = len(self._members), self._spec.num_outputs
        orders = [torch.arange(len(inputs))] if rows is None else list(rows)
        check_inputs(self._spec, inputs, orders)
        numbers = [len(order) for order in orders] * (num_members // len(orders))
        starts = [0, *accumulate(numbers)]
        order = torch.cat(orders).to(torch.int64)
        shapes = torch.tensor(
            [numbers, [0] * num_members if rows is None else starts[:-1], starts[:-1]]
        )

        def answer(parameters: Tensor) -> list[Tensor]:
            logits = parameters.new_empty(starts[-1], num_outputs)
            tensors = (inputs, parameters, *shapes, order, logits)
            questions = Questions(*map(_address, tensors))
            self._library.answer(self._handle, questions, self._is_double)
            return list(logits.split(numbers))

        return answer

    def finish(self) -> None:
        """Nothing is left running; see `MemberThreads.finish`."""

    def state(self) -> dict[str, Tensor]:
        """As `Step.state`, whose state it may go on from."""
        compiled = torch.tensor(self._library.sources)
        state = {"steps_done": torch.tensor(self._steps_done), COMPILED: compiled}
        if self._is_adam:
            assert self._first is not None
            assert self._second is not None
            state |= {
                "first_moment": self._first, "second_moment": self._second,
                "num_steps": torch.tensor(self._steps_done),
                "num_steps_of_kernel": torch.tensor(float(self._steps_done)),
            }  # fmt: skip
        elif self._first is not None:
            state["velocity"] = self._first
        if self.averaged is not None:
            state["averaged"] = self.averaged
        if self._has_masks:
            state["masks"] = states_of(self._sources)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` held."""
        self._steps_done = int(state["steps_done"])
        if self._is_adam and self._first is not None and self._second is not None:
            self._first.copy_(state["first_moment"])
            self._second.copy_(state["second_moment"])
        elif self._first is not None:
            self._first.copy_(state["velocity"])
        if self.averaged is not None:
            self.averaged.copy_(state["averaged"])
        if self._has_masks:
            restore_generators(self._sources, state["masks"])

    def _read_generators(self) -> None:
        """The twister's words from PyTorch's generators; each takes eight bytes in their state."""
        if self._has_masks:
            for row, source in zip(self._generators, self._sources, strict=True):
                state = source.get_state()[:_WORDS_STOP]
                row[:_NUM_WORDS] = state[_WORDS_START:].view(torch.int64).to(torch.int32)
                row[_NUM_WORDS] = _NUM_WORDS + 1 - int(state[8:12].view(torch.int32))

    def _write_generators(self) -> None:
        if self._has_masks:
            for row, source in zip(self._generators, self._sources, strict=True):
                state, used = source.get_state(), int(row[_NUM_WORDS])
                words = row[:_NUM_WORDS].to(torch.int64) & 0xFFFFFFFF
                if torch.equal(state[_WORDS_START:_WORDS_STOP].view(torch.int64), words) and (
                    used == _NUM_WORDS + 1 - int(state[8:12].view(torch.int32))
                ):
                    continue
                state[8:12].view(torch.int32)[0] = _NUM_WORDS + 1 - used
                state[16:24].view(torch.int64)[0] = used
                state[_WORDS_START:_WORDS_STOP].view(torch.int64).copy_(words)
                source.set_state(state)


def _without_gaps(examples: Examples) -> Examples:
    """The same rows, one after the other in memory: these, where they lie so already."""
    tensors = examples.inputs, examples.targets, examples.weights
    if all(tensor is None or tensor.is_contiguous() for tensor in tensors):
        return examples
    return Examples(*(None if tensor is None else tensor.contiguous() for tensor in tensors))  # type: ignore[arg-type]


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
