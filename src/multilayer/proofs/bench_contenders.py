"""Ways to train the same network, as their users write them.

Each is a function (case, inputs, targets) → `Contender`, with the rows as NumPy arrays: inputs
float32 (num_rows, num_inputs), classes int64 (num_rows,). What a contender makes of them before it
trains, it makes here, before the clock starts.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from multilayer.book import Classifier, DataModule, Trainer
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import MissingExtraError
from multilayer.proofs.bench_cases import BenchCase, Contender

Array = NDArray[Any]

_ENDLESS = 1_000_000_000  # epochs; whoever measures stops asking


def floor(case: BenchCase, inputs: Array, targets: Array) -> Contender:  # noqa: ARG001
    """The matrix products of a step alone, by torch.mm into buffers made once.

    Forward a product for each layer; backward one for each weight's gradient, and one for the
    gradient of each layer's inputs but the first's.
    """
    torch.manual_seed(0)
    weights = [torch.randn(shape) / shape[0] ** 0.5 for shape in pairwise(case.widths)]
    values = [torch.randn(case.batch_size, width) for width in case.widths]
    gradients = [torch.empty_like(value) for value in values[:-1]]
    weight_gradients = [torch.empty_like(weight) for weight in weights]
    gradients.append(values[-1])

    def take_step() -> None:
        for number, weight in enumerate(weights):
            torch.mm(values[number], weight, out=values[number + 1])
        for number in reversed(range(len(weights))):
            torch.mm(values[number].t(), gradients[number + 1], out=weight_gradients[number])
            if number > 0:
                torch.mm(gradients[number + 1], weights[number].t(), out=gradients[number])

    def run(num_epochs: int) -> None:
        for _ in range(num_epochs * case.num_steps):
            take_step()

    return Contender(run)


def engine(
    case: BenchCase,
    inputs: Array,
    targets: Array,
    num_members: int = 1,
    dtype: torch.dtype = torch.float32,
    **changes: Any,
) -> Contender:
    """`multilayer.train` over examples in memory; the predictions are the first member's.

    Args:
        case: what is trained.
        inputs: of the rows.
        targets: their classes.
        num_members: networks trained at once.
        dtype: of the parameters and of all that is computed.
        changes: settings beside those of the case, such as the device.
    """
    spec = NetworkSpec(case.widths[0], case.widths[-1], case.widths[1:-1])
    settings = TrainingSettings(
        hidden_widths=case.widths[1:-1],
        optimizer=case.optimizer,  # type: ignore[arg-type]  # a name, checked there
        learning_rate=case.learning_rate,
        batch_size=case.batch_size,
        max_epochs=_ENDLESS,
        **changes,
    )
    network = Network.initialized(spec, range(num_members), dtype=dtype)
    examples = Examples(torch.from_numpy(inputs), torch.from_numpy(targets))
    epochs = train(network, examples, settings)

    def run(num_epochs: int) -> None:
        for _ in range(num_epochs):
            next(epochs)

    return Contender(run, lambda rows: network.logits(torch.from_numpy(rows))[0].argmax(-1).numpy())


class _BookModel(Classifier):
    """The case's network as a reader of the book writes it."""

    def __init__(self, case: BenchCase) -> None:
        super().__init__()
        self.case = case
        self.net = sequential(case)
        self.board.display = False

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return make_optimizer(self.case, self.net)


class _BookData(DataModule):
    """Rows in memory, without a validation part."""

    def __init__(self, tensors: Sequence[Tensor], batch_size: int) -> None:
        super().__init__()
        self.tensors = tensors
        self.batch_size = batch_size

    def get_dataloader(self, train: bool) -> Any:
        return self.get_tensorloader(self.tensors, train) if train else None


def book_trainer(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """The book's Trainer, Classifier and DataModule, without the drawing."""
    torch.manual_seed(0)
    model = _BookModel(case)
    data = _BookData((torch.from_numpy(inputs), torch.from_numpy(targets)), case.batch_size)
    return Contender(
        lambda num_epochs: Trainer(max_epochs=num_epochs).fit(model, data), classes_of(model.net)
    )


def data_loader(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """The loop of the tutorials: autograd over a shuffling DataLoader of a TensorDataset."""
    from torch.utils.data import DataLoader, TensorDataset

    dataset = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(targets))
    loader = DataLoader(dataset, case.batch_size, shuffle=True)
    return autograd(case, lambda: loader)


def eager(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """Autograd over batches that are gathered by index from memory."""
    return autograd(case, gathered_batches(case, inputs, targets))


def scikit_learn(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """MLPClassifier with the same batches and optimiser, no penalty and no early stop.

    With two classes it has one output instead of two.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        raise MissingExtraError("this contender", "scikit-learn", "sklearn") from None
    model = MLPClassifier(
        case.widths[1:-1],
        solver=case.optimizer,
        learning_rate_init=case.learning_rate,
        momentum=0,
        nesterovs_momentum=False,
        alpha=0,
        batch_size=case.batch_size,
        n_iter_no_change=_ENDLESS,
        warm_start=True,
        random_state=0,
    )

    def run(num_epochs: int) -> None:
        model.max_iter = num_epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # to stop there is what is asked
            model.fit(inputs, targets)

    return Contender(run, lambda rows: model.predict(rows))


def sequential(case: BenchCase) -> nn.Sequential:
    """The case's network in PyTorch's layers."""
    layers: list[nn.Module] = []
    for shape in pairwise(case.widths):
        layers += [nn.Linear(*shape), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def make_optimizer(case: BenchCase, model: nn.Module) -> torch.optim.Optimizer:
    """PyTorch's optimiser of the case."""
    if case.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=case.learning_rate)
    return torch.optim.SGD(model.parameters(), lr=case.learning_rate)


def gathered_batches(
    case: BenchCase, inputs: Array, targets: Array
) -> Callable[[], Iterable[Sequence[Tensor]]]:
    """What gives the batches of an epoch, gathered by index from memory in a new order."""
    rows, classes = torch.from_numpy(inputs), torch.from_numpy(targets)
    return lambda: (
        (rows[batch], classes[batch]) for batch in torch.randperm(len(rows)).split(case.batch_size)
    )


def autograd(
    case: BenchCase,
    batches: Callable[[], Iterable[Sequence[Tensor]]],
    compiled: Callable[[Callable[..., Tensor]], Callable[..., Tensor]] = lambda loss: loss,
) -> Contender:
    """PyTorch's own way: torch.nn, autograd, torch.optim.

    Args:
        case: the network and its optimiser.
        batches: gives the batches of an epoch.
        compiled: makes the function (inputs, targets) → loss faster.
    """
    torch.manual_seed(0)
    model = sequential(case)
    optimizer = make_optimizer(case, model)
    loss_of = compiled(lambda rows, classes: functional.cross_entropy(model(rows), classes))

    def run(num_epochs: int) -> None:
        for _ in range(num_epochs):
            for rows, classes in batches():
                loss = loss_of(rows, classes)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    return Contender(run, classes_of(model))


def classes_of(model: nn.Module) -> Callable[[Array], Array]:
    """Inputs to the classes with the largest logits."""

    def predict(rows: Array) -> Array:
        with torch.no_grad():
            answers: Tensor = model(torch.from_numpy(rows))
        return answers.argmax(1).numpy()

    return predict


CONTENDERS: dict[str, Callable[[BenchCase, Array, Array], Contender]] = {
    "floor": floor,
    "engine": engine,
    "eager PyTorch": eager,
    "the book's Trainer": book_trainer,
    "DataLoader loop": data_loader,
    "scikit-learn": scikit_learn,
}
