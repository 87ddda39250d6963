"""What loading a model costs: a second of the processor, and twice the file's size and 64 MB."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.model.model import Model
from multilayer.model.model_file import save_model

PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from multilayer import load_model
load_model({small!r})  # imports, and what is made once
def peak():  # in bytes, from here on: the largest so far is forgotten
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
Path("/proc/self/clear_refs").write_text("5")
before, began = peak(), time.process_time()
model = load_model({large!r})
print(json.dumps([peak() - before, time.process_time() - began]))
"""


def save(path: Path, width: int) -> None:
    network = Network.initialized(NetworkSpec(784, 10, (width,), input_scale=1 / 255), [0])
    save_model(Model.of_images(network, (28, 28), tuple("0123456789")), path)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_a_large_model_takes_twice_its_size_at_most(tmp_path):
    save(tmp_path / "small", 1)
    save(tmp_path / "large", 50_000)
    size = (tmp_path / "large").stat().st_size
    assert size > 150e6
    program = PROGRAM.format(small=str(tmp_path / "small"), large=str(tmp_path / "large"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    grown, seconds = json.loads(done.stdout)
    assert size < grown <= 2 * size + 64e6, "below the size the measurement itself is wrong"
    assert seconds <= 1
