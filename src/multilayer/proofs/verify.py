"""The proof that the book's two networks and the engine are the same thing.

All start from the same weights and see the same batches. The from-scratch network multiplies
matrices under autograd and updates with the chapter's own SGD; the API network uses torch.nn and
torch.optim; the engine runs its hand-written passes, for one network and for three together, and in
two processes that divide each batch, of rows in memory and of rows read in chunks from the disk.
Whatever differs shows up here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from multilayer.book import MLP, SGD, Classifier, MLPScratch
from multilayer.engine.backpropagation import Passes
from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.compiled.compiled_step import CompiledStep
from multilayer.engine.compiled.library import compiled_code
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step
from multilayer.errors import SettingsError
from multilayer.fit.image_rows import image_examples
from multilayer.images.datasets import load_images
from multilayer.proofs.verify_ranks import NUM_RANKS, TwoProcesses
from multilayer.recipes.recipes import recipe

# The largest absolute difference allowed after the first step, and after many. In float32, rounding
# puts a neuron now and then on the other side of zero, where ReLU bends: after 200 steps the API
# network itself is up to 1e-2 away from what it is in float64.
_TOLERANCES = {torch.float64: (1e-12, 1e-10), torch.float32: (1e-5, 5e-2)}

ON_DISK = "on disk"  # the parameters, of rows read in chunks: in two processes against one
_NUM_FORMS = 4  # in one process, without the compiled step

Batch = tuple[Tensor, Tensor]
Quantities = dict[str, Tensor]


@dataclass(frozen=True)
class Agreement:
    """How far two networks are from the API network in one quantity.

    Args:
        precision: "float64" or "float32".
        num_steps: how many batches had been trained on.
        quantity: what is compared.
        scratch: largest absolute difference between the from-scratch and the API network; None, as
            in the next three, where there is nothing to compare.
        engine: largest absolute difference between the engine and the API network.
        population: the same for the middle one of three networks that the engine trains together.
        two_processes: the same for the engine in two processes; of the quantity "on disk" the
            difference of the parameters to those of one process that reads the same chunks.
        compiled: the same for the engine's compiled step, which does not tell its outputs; None
            where there is nothing to compare.
        tolerance: what is allowed.
    """

    precision: str
    num_steps: int
    quantity: str
    scratch: float | None
    engine: float | None
    population: float | None
    two_processes: float
    compiled: float | None
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether all differences are within the tolerance (NaN is not)."""
        differences = (
            self.scratch, self.engine, self.population, self.two_processes, self.compiled
        )  # fmt: skip
        return all(
            difference <= self.tolerance for difference in differences if difference is not None
        )


def verify(
    data: str | Path = "fashion-mnist",
    *,
    num_steps: int = 200,
    seed: int = 0,
    data_dir: str | Path | None = None,
) -> list[Agreement]:
    """Train the chapter's network in its three forms side by side and compare them.

    Args:
        data: a data set of pictures, as `load_images` takes it.
        num_steps: how many batches of 256 they are trained on, at least 1.
        seed: address of the weights and the batches.
        data_dir: where to look for the data set first.

    Returns:
        A row for each quantity, in float64 and in float32.

    Raises:
        SettingsError: num_steps is below 1.
        DataError: the data cannot be had or used.

    Examples:
        >>> from multilayer import verify
        >>> found = verify("digits", num_steps=2)
        >>> all(agreement.holds for agreement in found)
        True
    """
    if num_steps < 1:
        raise SettingsError(f"num_steps must be a whole number of at least 1; it is {num_steps}")
    settings = recipe("chapter", seed=seed)
    dataset = load_images(data, data_dir)
    examples = image_examples(dataset.train, dataset)
    spec = NetworkSpec(
        examples.inputs.shape[1],
        len(dataset.class_names),
        settings.hidden_widths,
        input_scale=1 / 255,
    )
    rows: list[Agreement] = []
    with TwoProcesses(data, data_dir, num_steps, seed) as two:
        for dtype, tolerances in _TOLERANCES.items():
            start = Network.initialized(spec, [seed], settings.initialization, dtype)
            kinds: list[type[_Form]] = [_Api, _FromScratch, _Engine, _Population]
            if compiled_code() is not None:
                kinds.append(_Compiled)
            forms = [kind(start, settings) for kind in kinds]
            batches = _batches(examples, settings)
            for step in range(num_steps + 1):
                batch = next(batches)
                measured = [form.step(batch) for form in forms]  # the state before this update
                if step in {1, num_steps}:
                    measured.insert(_NUM_FORMS, two.quantities(dtype, step))
                    rows += _compare(measured, step, dtype, tolerances[step > 1])
            rows.append(
                Agreement(
                    precision=str(dtype).removeprefix("torch."), num_steps=num_steps,
                    quantity=ON_DISK, scratch=None, engine=None, population=None,
                    two_processes=two.difference_on_disk(dtype), compiled=None,
                    tolerance=tolerances[1],
                )
            )  # fmt: skip
    return rows


def _compare(
    measured: list[Quantities], num_steps: int, dtype: torch.dtype, tolerance: float
) -> Iterator[Agreement]:
    api, scratch, engine, population, two_processes, *compiled = measured
    for quantity, expected in api.items():
        of_rank_0 = expected[::NUM_RANKS] if quantity == "outputs" else expected
        yield Agreement(
            precision=str(dtype).removeprefix("torch."),
            num_steps=num_steps,
            quantity=quantity,
            scratch=_largest(scratch[quantity] - expected),
            engine=_largest(engine[quantity] - expected),
            population=_largest(population[quantity] - expected),
            two_processes=_largest(two_processes[quantity] - of_rank_0),
            compiled=_largest(compiled[0][quantity] - expected)
            if compiled and quantity in compiled[0]
            else None,
            tolerance=tolerance,
        )


def _largest(differences: Tensor) -> float:
    return float(differences.abs().max())


def _batches(examples: Examples, settings: TrainingSettings) -> Iterator[Batch]:
    source = BatchSource(examples, settings.batch_size, [generator(settings.seed, "shuffle")])
    while True:
        for batch in source.epoch():
            yield batch.inputs, batch.targets


class _Form(Protocol):
    """One way to write the chapter's network."""

    def __init__(self, start: Network, settings: TrainingSettings) -> None: ...

    def step(self, batch: Batch) -> Quantities:
        """Train on bytes (1, batch, pixels) and classes (1, batch).

        Returns:
            The parameters as they were before the update, with outputs, loss and gradients of
            this batch; weights as (inputs, outputs), biases as (outputs,).
        """


class _Autograd:
    """A network of the book: its gradients come from autograd."""

    def __init__(self, model: Classifier, start: Network) -> None:
        self._dtype = start.parameters.dtype
        self._model = model.to(self._dtype)
        self._leaves = list(model.parameters())  # W1, b1, W2, b2 in both networks
        with torch.no_grad():
            for leaf, (_, values) in zip(self._leaves, start.named_parameters(), strict=True):
                self._oriented(leaf).copy_(values[0].reshape(self._oriented(leaf).shape))
        self._optimizer: Any = model.configure_optimizers()

    def step(self, batch: Batch) -> Quantities:
        """See `_Form`."""
        inputs, targets = batch
        parameters = [self._oriented(leaf).detach().clone() for leaf in self._leaves]
        outputs = self._model(inputs[0].to(self._dtype) / 255)
        loss = self._model.loss(outputs, targets[0])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        gradients = [self._oriented(leaf.grad) for leaf in self._leaves if leaf.grad is not None]
        return _quantities(outputs.detach(), loss.detach(), gradients, parameters)

    def _oriented(self, tensor: Tensor) -> Tensor:
        """A weight as (inputs, outputs)."""
        return tensor


class _FromScratch(_Autograd):
    def __init__(self, start: Network, settings: TrainingSettings) -> None:
        num_inputs, num_hiddens, num_outputs = start.spec.widths
        model = MLPScratch(num_inputs, num_outputs, num_hiddens, settings.learning_rate)
        super().__init__(model, start)
        self._optimizer = SGD(self._leaves, settings.learning_rate)


class _Api(_Autograd):
    def __init__(self, start: Network, settings: TrainingSettings) -> None:
        num_inputs, num_hiddens, num_outputs = start.spec.widths
        model = MLP(num_outputs, num_hiddens, settings.learning_rate)
        model.apply_init([torch.zeros(1, num_inputs)])  # lazy layers learn their shapes
        super().__init__(model, start)

    def _oriented(self, tensor: Tensor) -> Tensor:
        return tensor.t()  # torch.nn.Linear keeps weights as (outputs, inputs)


class _Engine:
    num_members, member = 1, 0

    def __init__(self, start: Network, settings: TrainingSettings) -> None:
        dtype = start.parameters.dtype
        self._network = Network.initialized(start.spec, range(self.num_members), dtype=dtype)
        self._network.parameters[self.member].copy_(start.parameters[0])
        # The step of plain SGD never writes the gradient down; these passes do.
        self._gradient = torch.zeros_like(self._network.parameters)
        self._passes = Passes(start.spec, self._network.parameters, self._gradient)
        self._loss = LOSSES[settings.loss]()
        self._step = Step(self._network, settings)

    def step(self, batch: Batch) -> Quantities:
        """See `_Form`."""
        inputs, targets = batch
        slots = self._network.spec.parameter_slots
        parameters = [s.view(self._network.parameters)[self.member].clone() for s in slots]
        outputs = self._passes.forward(inputs)
        _, outputs_gradient = self._loss(outputs, targets)
        kept_outputs = outputs[self.member].clone()
        self._passes.backward(outputs_gradient)
        gradients = [slot.view(self._gradient)[self.member] for slot in slots]
        loss = self._step(inputs, targets)[self.member]
        return _quantities(kept_outputs, loss, gradients, parameters)


class _Population(_Engine):
    num_members, member = 3, 1


class _Compiled:
    """The compiled step; its gradients are what the update changed, as it writes none down."""

    def __init__(self, start: Network, settings: TrainingSettings) -> None:
        self._network = Network.of(start.spec, start.parameters.clone())
        self._settings = settings

    def step(self, batch: Batch) -> Quantities:
        """See `_Form`."""
        (inputs, targets), code = batch, compiled_code()
        assert code is not None
        rows = Examples(inputs[0], targets[0])
        source = BatchSource(rows, len(rows), [generator(0, "shuffle")])
        step = CompiledStep(code, self._network, self._settings, 1, source)
        before = self._network.parameters.clone()
        loss = step.run(rows, torch.arange(len(rows)).unsqueeze(0), [len(rows)])[0, 0]
        gradient = (before - self._network.parameters) / self._settings.learning_rate
        slots = self._network.spec.parameter_slots
        gradients, parameters = (
            [slot.view(flat)[0] for slot in slots] for flat in (gradient, before)
        )
        quantities = _quantities(before, loss, gradients, parameters)
        del quantities["outputs"]
        return quantities


def _quantities(
    outputs: Tensor, loss: Tensor, gradients: list[Tensor], parameters: list[Tensor]
) -> Quantities:
    names = ["W1", "b1", "W2", "b2"]
    return {
        "outputs": outputs,
        "loss": loss,
        **{f"gradient {name}": x.squeeze(0) for name, x in zip(names, gradients, strict=True)},
        **{f"parameter {name}": x.squeeze(0) for name, x in zip(names, parameters, strict=True)},
    }
