"""A population of networks of one shape: the weights, and what they answer."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property

import torch
from torch import Tensor

from multilayer.engine.backpropagation import Passes
from multilayer.engine.data_dependent_init import fit_to_rows
from multilayer.engine.inference import answer_chunks, rows_of_a_chunk
from multilayer.engine.initialization import draw_parameters
from multilayer.engine.processor import exact_products
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.spares import Spares
from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import SettingsError


class Network:
    """`num_members` networks of one shape, side by side.

    All weights and biases of member k are row k of `parameters`, shape
    (num_members, num_parameters); `weights[l]`, shape (num_members, inputs, outputs), and
    `biases[l]`, shape (num_members, 1, outputs), are views into it. One network is a population
    of one.

    Args:
        spec: the shape.
        num_members: networks in the population.
        dtype: of parameters and of everything computed.

    Raises:
        SettingsError: there is no member, or the parameters do not fit in memory.

    Examples:
        >>> import torch
        >>> from multilayer import Network, NetworkSpec
        >>> network = Network.initialized(NetworkSpec(4, 3, (8,)), seeds=[0, 1])  # two networks
        >>> network.parameters.shape
        torch.Size([2, 67])
        >>> network.logits(torch.zeros(5, 4)).shape
        torch.Size([2, 5, 3])
    """

    def __repr__(self) -> str:
        return f"<Network: {self.num_members} of {self.spec.num_parameters:,} parameters>"

    def __init__(
        self, spec: NetworkSpec, num_members: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        check_widths("num_members", (num_members,))
        self.spec = spec
        self.num_members = num_members
        try:
            self.parameters = torch.zeros(num_members, spec.num_parameters, dtype=dtype)
        except RuntimeError:
            gibibytes = num_members * spec.num_parameters * dtype.itemsize / 2**30
            raise SettingsError(
                f"hidden_widths {','.join(map(str, spec.hidden_widths))} make parameters of "
                f"{gibibytes:,.0f} GiB, more than this machine can hold"
            ) from None
        self._spare_passes: Spares[Passes] = Spares()

    @classmethod
    def of(cls, spec: NetworkSpec, parameters: Tensor) -> "Network":
        """A population that shares given parameters, (num_members, num_parameters)."""
        network = cls.__new__(cls)
        network.spec, network.num_members = spec, len(parameters)
        network.parameters, network._spare_passes = parameters, Spares()
        return network

    def member(self, number: int) -> "Network":
        """One member as a population of one, over the same memory."""
        return Network.of(self.spec, self.parameters[number : number + 1])

    def finite_members(self, best_epochs: Sequence[int] | None = None) -> list[int]:
        """The members that did not diverge; all, where all have.

        Args:
            best_epochs: of each member the epoch whose parameters it holds; 0 where none had a
                finite score, as then the parameters are those of the beginning.
        """
        has_learned = self.parameters.isfinite().all(dim=1).tolist()
        if best_epochs is not None and any(best_epochs):
            has_learned = [
                learned and best > 0 for learned, best in zip(has_learned, best_epochs, strict=True)
            ]
        chosen = [member for member, learned in enumerate(has_learned) if learned]
        return chosen or list(range(self.num_members))

    def of_members(self, numbers: Sequence[int]) -> "Network":
        """Some of the members, as a copy; this population itself where they are all of it."""
        if len(numbers) == self.num_members:
            return self
        return Network.of(self.spec, self.parameters[list(numbers)])

    @property
    def double(self) -> "Network":
        """The same population in float64, as a copy."""
        return Network.of(self.spec, self.parameters.double())

    def on(self, device: torch.device) -> "Network":
        """The same population on a device: this one, where it is there already."""
        if self.parameters.device == device:
            return self
        return Network.of(self.spec, self.parameters.to(device))

    @classmethod
    def initialized(
        cls,
        spec: NetworkSpec,
        seeds: Sequence[int] = (0,),
        initialization: str | Sequence[str] = "linear",
        dtype: torch.dtype = torch.float32,
        embedding_frequencies: Sequence[float] | None = None,
    ) -> "Network":
        """A population with one member for each seed, its weights drawn from that seed.

        Args:
            spec: the shape.
            seeds: what each member is drawn from, see `draw_parameters`.
            initialization: a name in `INITIALIZATIONS`, for all members or one for each.
            dtype: of the parameters.
            embedding_frequencies: of each member, see `draw_parameters`; None: 0.1.
        """
        network = cls(spec, len(seeds), dtype)
        frequencies = embedding_frequencies or [0.1] * len(seeds)
        names = [initialization] * len(seeds) if isinstance(initialization, str) else initialization
        for member, (seed, name, frequency) in enumerate(
            zip(seeds, names, frequencies, strict=True)
        ):
            draw_parameters(spec, name, seed, network.member(member).parameters, frequency)
        return network

    @classmethod
    def for_training(
        cls,
        spec: NetworkSpec,
        settings: Sequence[TrainingSettings],
        inputs: Tensor,
        rows: Sequence[Tensor] | None = None,
        dtype: torch.dtype = torch.float32,
        statistics: Tensor | None = None,
    ) -> "Network":
        """A population ready to be trained, fitted to its rows where its settings ask for that.

        Args:
            spec: the shape.
            settings: of each member.
            inputs: the training rows, (num_rows, row_width), of any number type.
            rows: row numbers that each member learns from; None: all rows.
            dtype: of the parameters.
            statistics: from `statistic_tables`, where the shape has `category_statistics`.
        """
        seeds = [member.seed for member in settings]
        frequencies = [member.embedding_frequency for member in settings]
        names = [member.initialization for member in settings]
        network = cls.initialized(spec, seeds, names, dtype, frequencies)
        if spec.category_statistics:
            assert statistics is not None
            spec.slots["categories.statistics"].view(network.parameters).copy_(statistics)
        fit_to_rows(spec, settings, network.parameters, inputs, rows)
        return network

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Name and view of each weight, bias and the like, from the inputs to the outputs."""
        for slot in self.spec.parameter_slots:
            yield slot.name, slot.view(self.parameters)

    @property
    def weights(self) -> list[Tensor]:
        """Weight matrices, each (num_members, inputs, outputs)."""
        return [weight.view(self.parameters) for weight, _ in self.spec.linear_layers]

    @property
    def biases(self) -> list[Tensor]:
        """Biases, each (num_members, 1, outputs)."""
        return [bias.view(self.parameters) for _, bias in self.spec.linear_layers]

    def logits(self, inputs: Tensor) -> Tensor:
        """What the last layer says for each row. Any number of threads may ask at once.

        The answer is the same in bits however many threads PyTorch may use; within a training, for
        as many as it has.

        Args:
            inputs: (num_rows, row_width), of any number type; bytes stay bytes in memory.

        Returns:
            (num_members, num_rows, num_outputs), in the network's dtype.
        """
        parameters, num_rows, rows_at_once = self.parameters, len(inputs), self._rows_at_once
        answers = parameters.new_empty(len(parameters), num_rows, self.spec.num_outputs)

        def answer(starts: range) -> None:
            passes = self._spare_passes.take() or Passes(self.spec, parameters)
            with torch.inference_mode():  # which holds for the thread that enters it alone
                if num_rows == 1:  # answered in as little time as a few views take
                    answers.copy_(passes.forward(inputs.unsqueeze(0)))
                    starts = range(0)
                for start in starts:
                    rows = inputs[start : start + rows_at_once]
                    answers[:, start : start + len(rows)] = passes.forward(rows.unsqueeze(0))
            self._spare_passes.give_back(passes)

        starts = range(0, num_rows, rows_at_once)
        if answers.is_cpu:
            with exact_products() if answers.dtype is torch.float32 else nullcontext():
                answer_chunks(starts, num_rows * parameters.numel(), answer)
        else:
            answer(starts)
        return answers

    @cached_property
    def _rows_at_once(self) -> int:
        return self.spec.rows_at_once(rows_of_a_chunk(self.spec, self.num_members))
