"""One model, many callers: any number of threads get what each of them gets alone."""

import copy
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from multilayer.book import DropoutMLP, MLPScratch
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, load_predictor, save_model

NUM_THREADS, NUM_QUESTIONS = 8, 240
SIZES = (1, 1, 2, 5, 20, 50, 50, 300, 1100)

Answer = Callable[[Any], Any]
"""A method and what it is asked."""


def check_together(answers: dict[str, Answer], questions: list[Any]) -> None:
    """Ask each question of each method alone, then many of them at once, in any order."""
    alone = {name: [answer(question) for question in questions] for name, answer in answers.items()}
    chance = random.Random(0)
    asked = [
        (chance.choice(list(answers)), chance.randrange(len(questions)))
        for _ in range(NUM_QUESTIONS)
    ]
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        together = list(pool.map(lambda pair: answers[pair[0]](questions[pair[1]]), asked))
    wrong = [
        f"{name} of {len(questions[place])} rows"
        for (name, place), said in zip(asked, together, strict=True)
        if not are_equal(said, alone[name][place])
    ]
    assert not wrong


def are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return all(map(are_equal, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return np.array_equal(one, other)


def table(num_rows: int, seed: int = 0) -> pl.DataFrame:
    source = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "size": source.normal(size=num_rows),
            "age": source.integers(0, 90, num_rows),
            "town": source.choice(["Bern", "Oslo", "Rome"], num_rows),
            "street": source.choice([f"street {n}" for n in range(20)], num_rows),
        }
    )


def target(frame: pl.DataFrame) -> np.ndarray:
    return frame["size"].to_numpy() + (frame["town"] == "Oslo").to_numpy()


FRAME = table(300)
QUESTIONS = [table(size, seed) for seed, size in enumerate(SIZES)]
OPTIONS: dict[str, Any] = {"hidden_layer_sizes": (24, 8), "max_iter": 2, "random_state": 0}


def test_a_classifier(tmp_path: Path):
    labels = np.where(target(FRAME) > 0.5, "much", "few")
    estimator = MLPClassifier("default", num_folds=2, **OPTIONS).fit(FRAME, labels)
    estimator.save(tmp_path / "model")
    model, predictor = load_model(tmp_path / "model"), load_predictor(tmp_path / "model")
    answers = {
        "estimator.predict": estimator.predict,
        "estimator.predict_proba": estimator.predict_proba,
        "estimator.predict_log_proba": estimator.predict_log_proba,
        "estimator.predict_set": estimator.predict_set,
        "copy": copy.deepcopy(estimator).predict_proba,
        "pickle": pickle.loads(pickle.dumps(estimator)).predict_proba,
    }
    for name, loaded in {"model": model, "predictor": predictor}.items():
        answers |= {
            f"{name}.predict": loaded.predict,
            f"{name}.probabilities": loaded.probabilities,
            f"{name}.sets": loaded.sets,
            f"{name}.member_outputs": loaded.member_outputs,
        }
    check_together(answers, QUESTIONS)


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
def test_a_regressor(tmp_path: Path, loss: str):
    estimator = MLPRegressor("fast", **OPTIONS, loss=loss).fit(FRAME, target(FRAME))
    estimator.save(tmp_path / "model")
    model, predictor = load_model(tmp_path / "model"), load_predictor(tmp_path / "model")
    answers: dict[str, Answer] = {
        "estimator.predict": estimator.predict,
        "estimator.predict_interval": estimator.predict_interval,
    }
    for name, loaded in {"model": model, "predictor": predictor}.items():
        answers |= {f"{name}.numbers": loaded.numbers, f"{name}.intervals": loaded.intervals}
        if loss == "quantile":
            answers[f"{name}.quantiles"] = loaded.quantiles
            answers["estimator.predict_quantiles"] = estimator.predict_quantiles
    check_together(answers, QUESTIONS)


def test_several_labels():
    labels = np.stack([target(FRAME) > 0.5, target(FRAME) > 0], axis=1).astype(int)
    estimator = MLPClassifier("fast", **OPTIONS).fit(FRAME, labels)
    check_together({"predict": estimator.predict, "proba": estimator.predict_proba}, QUESTIONS)


@pytest.mark.parametrize("activation", ["relu", "selu", "gelu", "mish"])
def test_images(tmp_path: Path, activation: Any):
    spec = NetworkSpec(30, 4, (40, 20), activation, input_scale=1 / 255)
    model = Model.of_images(Network.initialized(spec, range(3), "he"), (5, 6), tuple("abcd"))
    save_model(model, tmp_path / "model")
    predictor = load_predictor(tmp_path / "model")
    source = np.random.default_rng(0)
    questions = [source.integers(0, 256, (size, 5, 6), dtype=np.uint8) for size in SIZES]
    answers = {
        "model": model.probabilities,
        "loaded": load_model(tmp_path / "model").probabilities,
        "predictor": predictor.probabilities,
        "copy of the predictor": copy.deepcopy(predictor).probabilities,
        "pickled predictor": pickle.loads(pickle.dumps(predictor)).probabilities,
    }
    check_together(answers, questions)


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(6, 3, (32, 16)),
        NetworkSpec(6, 3, (32,), "selu", learned_activation=True, batch_norm=True),
        NetworkSpec(6, 1, (16,), "mish", embedded_numbers=3, category_sizes=(4,), scale_layer=True),
    ],
    ids=["plain", "batch norm", "embeddings"],
)
@pytest.mark.parametrize("num_members", [1, 3])
def test_networks(spec: NetworkSpec, num_members: int):
    network = Network.initialized(spec, range(num_members))
    source = torch.Generator().manual_seed(0)
    questions = [torch.rand(size, spec.num_inputs, generator=source) for size in SIZES]
    member = network.member(0)
    check_together({"network": network.logits, "a member": member.logits}, questions)


def test_modules_of_the_book():
    questions = [torch.rand(size, 6) for size in SIZES]
    modules = {"scratch": MLPScratch(6, 2, 16, 0.1), "dropout": DropoutMLP(2, 16, 8, 0.5, 0.5, 0.1)}
    for module in modules.values():
        module.eval()
        module(questions[0])
    check_together(dict(modules), questions)


def test_memory_for_many_sizes_is_that_of_the_largest():
    network = Network.initialized(NetworkSpec(4, 2, (256,)))
    for size in range(1, 300):
        network.logits(torch.zeros(size, 4))
    passes = network._spare_passes.take()
    assert passes is not None
    memory = {
        layer.outputs.untyped_storage().data_ptr(): layer.outputs.untyped_storage().nbytes()
        for _, layers in passes._layers.values()
        for layer in layers
        if hasattr(layer, "weight")
    }
    assert sum(memory.values()) <= 4 * 299 * (256 + 2)
