"""PyTorch's default type of numbers, which users change, changes no network of the engine."""

from collections.abc import Iterator

import pytest
import torch

import multilayer as d2l
from multilayer import MLPClassifier, MLPRegressor, Network, NetworkSpec


@pytest.fixture
def as_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def fitted(recipe: str, estimator: type) -> torch.Tensor:
    inputs = torch.randn(120, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float32)
    X = inputs.numpy()
    y = X[:, 0] * 2 if estimator is MLPRegressor else (X[:, 0] + X[:, 1] > 0).astype(int)
    model = estimator(recipe, max_iter=2, random_state=0, batch_size=32).fit(X, y)
    return model.model_.network.parameters


CASES = [
    (recipe, estimator)
    for recipe in ("chapter", "fast", "default")
    for estimator in (MLPClassifier, MLPRegressor)
]
EXPECTED: dict[tuple[str, type], torch.Tensor] = {}


@pytest.fixture(scope="module", autouse=True)
def by_float32() -> None:
    EXPECTED.update({case: fitted(*case) for case in CASES})


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1].__name__}")
def test_the_same_network_is_learned(case, as_float64):
    found = fitted(*case)
    assert found.dtype == torch.float32
    assert torch.equal(found, EXPECTED[case])


@pytest.mark.parametrize("name", ["linear", "normal", "glorot", "he"])
def test_the_same_first_weights_are_drawn(name, request):
    spec = NetworkSpec(5, 3, (4,))
    expected = Network.initialized(spec, [7], name).parameters
    request.getfixturevalue("as_float64")
    assert torch.equal(Network.initialized(spec, [7], name).parameters, expected)


def test_the_books_network_learns_in_the_default_type(as_float64):
    images = d2l.LabelledImages(
        torch.randint(0, 256, (40, 6, 5), dtype=torch.uint8), torch.randint(0, 3, (40,)), (6, 5)
    )

    class Data(d2l.DataModule):
        def get_dataloader(self, train):
            return images.batches(10, shuffle=train)

    model = d2l.MLP(num_outputs=3, num_hiddens=4, lr=0.1)
    model.board.display = False
    d2l.Trainer(max_epochs=1).fit(model, Data())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
