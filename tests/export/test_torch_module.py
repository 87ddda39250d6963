"""The PyTorch module gives the logits that the predictor's networks give."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import RandomModel, drawn_models, rows

from multilayer.export.exporting import export_model
from multilayer.model.predictor import Predictor


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    def make() -> Path:
        return tmp_path_factory.mktemp("module") / "torch"

    return make


def network_of(model: Predictor, folder: Path) -> Any:
    export_model(model, folder, "torch")
    spec = importlib.util.spec_from_file_location("network", folder / "network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def check(model: Predictor, network: Any, given: Any) -> None:
    encoded = model.encoder.encode(given)
    expected = model.encoded_outputs(encoded)
    full = (
        model._populations[0].networks[0]._expanded(encoded)
        if model.encoder.one_hot_blocks
        else encoded
    )
    with torch.no_grad():
        found = network.double()(torch.from_numpy(full.astype(np.float64)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=25)
@given(drawn_models, st.integers(1, 40), st.integers(0, 2**30))
def test_it_gives_the_outputs_of_the_networks_whatever_they_are(folders, drawn, num_rows, seed):
    model = drawn.predictor()
    check(model, network_of(model, folders()), rows(np.random.default_rng(seed), num_rows))


@pytest.mark.parametrize("num_populations", [1, 2])
def test_it_takes_the_bytes_of_images(tmp_path, num_populations):
    model = RandomModel(
        columns=(), num_members=2, num_populations=num_populations, classes=("cat", "dog", "eel")
    ).predictor()
    images = np.random.default_rng(1).integers(0, 256, (30, 4, 3), dtype=np.uint8)
    network = network_of(model, tmp_path / "torch")
    with torch.no_grad():
        found = network(torch.from_numpy(images).flatten(1))
    expected = model.encoded_outputs(model.encoder.encode(images))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_it_runs_without_this_package_and_names_its_inputs(tmp_path):
    model = RandomModel(columns=("size", "many")).predictor()
    export_model(model, tmp_path / "torch", "torch")
    encoded = model.encoder.encode(rows(np.random.default_rng(2), 5))
    program = f"""
import json, sys, torch, network
with torch.no_grad():
    found = network.load()(torch.tensor({encoded.tolist()}))
print(json.dumps([found.tolist(), "multilayer" in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "torch", capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    found, is_loaded = json.loads(done.stdout)
    np.testing.assert_allclose(found, model.encoded_outputs(encoded), rtol=1e-4, atol=1e-5)
    assert not is_loaded
    constants = json.loads((tmp_path / "torch" / "encoder.json").read_text())
    assert constants["inputs"] == ["size", "size is missing", "many"]
    assert constants["temperature"] == model.temperature
