from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from served_process import Served, houses, prices

from multilayer import MLPClassifier, MLPRegressor

QUICK: dict[str, Any] = {
    "max_iter": 4, "random_state": 0, "hidden_layer_sizes": (16,), "settings": {"num_threads": 1},
}  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model files: price, class, counts of labels, quantiles, and small images."""
    folder = tmp_path_factory.mktemp("models")
    frame = houses()
    target = pl.Series("price", prices(frame))
    kinds = pl.Series("kind", np.array(["cheap", "dear", "fair"])[(target.rank() / 134).cast(int)])
    MLPRegressor("default", **QUICK).fit(frame, target).save(folder / "price.safetensors")
    MLPClassifier("best", **QUICK).fit(frame, kinds).save(folder / "kind.safetensors")
    labels = pl.DataFrame({"big": (frame["age"] > 40).cast(int), "dear": (target > 300).cast(int)})
    MLPClassifier("fast", **QUICK).fit(frame, labels).save(folder / "labels.safetensors")
    MLPRegressor("fast", loss="quantile", quantiles=(0.1, 0.5, 0.9), **QUICK).fit(
        frame, target
    ).save(folder / "quantiles.safetensors")
    both = pl.DataFrame({"price": target, "age": frame["age"]})
    MLPRegressor("fast", **QUICK).fit(frame, both).save(folder / "both.safetensors")
    _save_images(folder / "digits.safetensors")
    return folder


def _save_images(path: Path) -> None:
    from multilayer.engine.network import Network
    from multilayer.engine.specification import NetworkSpec
    from multilayer.model.model import Model
    from multilayer.model.model_file import save_model

    spec = NetworkSpec(64, 10, (8,), input_scale=1 / 255)
    network = Network(spec, 1)
    generator = np.random.default_rng(0)
    for _, view in network.named_parameters():
        view.copy_(view.new_tensor(generator.normal(size=tuple(view.shape))))
    save_model(Model.of_images(network, (8, 8), [f"digit {n}" for n in range(10)]), path)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*arguments: str | Path) -> Served:
        started.append(Served(*arguments, folder=tmp_path))
        return started[-1]

    yield start
    for served in started:
        served.close()


@pytest.fixture(scope="session")
def served(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of all models, for all tests that do not end it."""
    names = ("price", "kind", "labels", "quantiles", "both", "digits")
    files = [models / f"{name}.safetensors" for name in names]
    started = Served(*files, folder=tmp_path_factory.mktemp("served"))
    yield started
    started.close()
