"""Every reader under a coverage-guided fuzzer, for minutes."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from faults.mutation import KEPT
from faults.table_mutants import mutated_csv, mutated_json_lines

from multilayer.container.writing import write_container
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.images.idx import write_idx
from multilayer.model.model import Model
from multilayer.model.model_file import save_model

SECONDS_A_READER = 120
TESTS = Path(__file__).parent.parent


def write_examples(name: str, folder: Path) -> None:
    """Whole files for the fuzzer to begin with, and those that once did harm."""
    if name == "idx":
        write_idx(folder / "whole", np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    elif name == "container":
        write_container(folder / "whole", "sample", {"a": [1, "b"]}, {"x": np.arange(6.0)})
    elif name == "model":
        network = Network.initialized(NetworkSpec(6, 3, (4,)), [0])
        save_model(Model.of_images(network, (2, 3), ("a", "b", "c")), folder / "whole")
    else:
        make, chance = mutated_csv if name == "csv" else mutated_json_lines, random.Random(0)
        for number in range(50):
            (folder / f"{number}").write_bytes(make(chance)[:4000])
    for kept in KEPT.iterdir():
        if kept.name.startswith((name, f"table-{name.removesuffix(' lines')}")):
            (folder / kept.name).write_bytes(kept.read_bytes())


@pytest.mark.long
@pytest.mark.parametrize("name", ["idx", "csv", "json lines", "container", "model"])
def test_a_fuzzer_finds_no_harm(name, tmp_path, count):
    pytest.importorskip("atheris", reason="atheris is not installed; see the extra `fuzz`")
    (tmp_path / "examples").mkdir()
    write_examples(name, tmp_path / "examples")
    path = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "faults.fuzz", name, str(tmp_path / "examples"),
         f"-max_total_time={SECONDS_A_READER}", "-max_len=8192"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    for harm in tmp_path.glob("*-*"):  # crash-…, timeout-…, oom-…
        (
            KEPT / f"{'table-' if name in ('csv', 'json lines') else ''}{name}-{harm.name}"
        ).write_bytes(harm.read_bytes())
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.search(r"Done (\d+) runs", done.stderr)
    assert found is not None, done.stderr[-3000:]
    count(f"{name} inputs of a fuzzer", int(found[1]))
