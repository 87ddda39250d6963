"""Damaged and hostile model files of tables: what is loaded also answers, or says why not."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from faults.mutation import KEPT, assert_survives, mutated_model

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import MultilayerError
from multilayer.model.conformal import ConformalScores
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, save_model

# Categories that a mutant does not know any more are told of.
pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
NUM_MUTANTS, NUM_LONG = 500, 100_000
FRAME = pl.DataFrame(
    {
        "size": [1.0, None, 3.0, 4.5, 1e9, -2.0],
        "town": ["Bern", "Oslo", None, "Rome", "?", "Bern"],
        "garden": ["yes", "no", "yes", "", "no", "no"],
        "day": ["2024-01-31", "2024-02-01", "NA", "2023-12-24", "2020-02-29", "2024-07-01"],
    }
)
TARGETS = {"binary": ["a", "b", "a", "b", "a", "b"], "regression": [1.5, 2.0, 3.0, -1.0, 0.0, 7.0]}


def content_of(task: str, folder: Path) -> bytes:
    """A model file with everything that such a file may have."""
    kinds = {"town": "categorical", "garden": "boolean", "day": "date"}
    schema = infer_schema(FRAME, as_kind=kinds)
    encoder = Encoder.fit(FRAME, schema, EncodingPlan(2))
    targets = Targets.fit(np.array(TARGETS[task]), task)
    spec = NetworkSpec(
        encoder.num_inputs, targets.num_outputs, (3,), "mish",
        embedded_numbers=encoder.num_numeric, category_sizes=encoder.category_sizes,
        scale_layer=True, learned_activation=True,
    )  # fmt: skip
    scores = ConformalScores.of([np.arange(12.0)[:, None]])
    network = Network.initialized(spec, [0])
    model = Model(
        schema, encoder, targets, network,
        temperature=1.5, uniform_share=0.01, conformal=scores, clips=True,
    )  # fmt: skip
    save_model(model, folder / "model")
    return (folder / "model").read_bytes()


def load_and_answer(path: Path) -> None:
    """All that a model of tables is asked."""
    model = load_model(path)
    asked: list[Callable[[], object]] = [
        lambda: model.predict(FRAME),
        lambda: model.intervals(FRAME, 0.5),
        lambda: model.sets(FRAME, 0.5),
    ]
    for ask in asked:
        try:
            ask()
        except MultilayerError as error:
            assert "\n" not in str(error)


def run_mutants(task, folder, tmp_path, num_mutants, count, seed) -> None:
    content, chance = content_of(task, tmp_path), random.Random(seed)
    path, num_accepted = folder / f"table-model-{os.getpid()}", 0
    try:
        for _ in range(num_mutants):
            mutant = bytes(mutated_model(content, chance))
            num_accepted += assert_survives(load_and_answer, (MultilayerError,), path, mutant)
    finally:
        path.unlink(missing_ok=True)
    assert 0 < num_accepted < num_mutants / 2
    count("table model mutants", num_mutants)


@pytest.mark.parametrize("task", TARGETS)
def test_mutants_of_model_files_of_tables(task, memory_folder, tmp_path, count):
    run_mutants(task, memory_folder, tmp_path, NUM_MUTANTS, count, 0)


@pytest.mark.long
@pytest.mark.parametrize("task", TARGETS)
def test_many_more_mutants_of_model_files_of_tables(task, memory_folder, tmp_path, count):
    run_mutants(task, memory_folder, tmp_path, NUM_LONG, count, 1)


@pytest.mark.parametrize("path", sorted(KEPT.glob("table-model-*")), ids=lambda path: path.name)
def test_a_kept_model_does_no_harm_any_more(path):
    with pytest.raises(MultilayerError):
        load_and_answer(path)
