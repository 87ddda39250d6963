"""What `multilayer train` loads, and when."""

import ast
import subprocess
import sys
from pathlib import Path

import multilayer

# PyTorch does not begin to load before a line arrives on standard input. (That it is looked for is
# no place to wait: Python holds a lock then, without which nothing else is imported.)
GATED = """
import sys, threading
from importlib.machinery import PathFinder

is_open = threading.Event()

class Gate:
    def find_spec(self, name, path=None, target=None):
        if name != "torch":
            return None
        spec = PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def wait_and_load(module):
            if not is_open.wait(600):
                raise ImportError("the plan waited for PyTorch")
            load(module)
        spec.loader.exec_module = wait_and_load
        return spec

sys.meta_path.insert(0, Gate())
threading.Thread(target=lambda: (sys.stdin.readline(), is_open.set()), daemon=True).start()
from multilayer.cli import main
main(["train", sys.argv[1], "--max-epochs", "1", "--output", sys.argv[2]])
"""


def test_the_plan_is_shown_before_torch_is_loaded(small_folder, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", GATED, small_folder, tmp_path / "run"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        plan = [process.stdout.readline() for _ in range(3)]
        assert plan[0].startswith(f"{small_folder.name}: 2,000 pictures to train on, 500 to test")
        assert plan[1].startswith("network: 784-256-10")
        assert plan[2].startswith("training: sgd")
        process.stdin.write("\n")
        process.stdin.flush()
        output, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("epoch 1/1: ")


def run(program: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_training_loads_nothing_that_it_does_not_use(small_folder, tmp_path):
    program = """
import sys
from multilayer.cli.application import run
for flags in (["--optimizer", "adam"], ["--validation-fraction", "0.1", "--selection", "loss"]):
    output = f"{sys.argv[2]}/{len(flags)}"
    assert run(["train", sys.argv[1], "--max-epochs", "1", "--output", output, *flags]) == 0
unused = {"torch._dynamo", "torch._inductor", "sklearn", "scipy", "pandas", "polars",
          "matplotlib.pyplot", "multilayer.book"}
assert not unused & set(sys.modules), unused & set(sys.modules)
"""
    run(program, small_folder, tmp_path)


def test_pictures_are_drawn_after_the_result(small_folder, tmp_path):
    program = """
import sys
from multilayer import ImageRun, recipe
run = ImageRun(sys.argv[1], recipe("chapter", max_epochs=1), sys.argv[2])
for _ in run.epochs():
    pass
assert run.score()["test_accuracy"] > 0.2
assert "matplotlib" not in sys.modules
run.draw()
"""
    run(program, small_folder, tmp_path / "run")
    assert (tmp_path / "run" / "curves.png").is_file()


def test_the_process_leaves_without_tidying_up(small_folder, tmp_path):
    program = """
import atexit, sys
from multilayer.cli import main
atexit.register(print, "tidied up")
main(["train", sys.argv[1], "--max-epochs", "1", "--quiet", "--output", sys.argv[2]])
"""
    output = run(program, small_folder, tmp_path / "run")
    assert output.startswith("test accuracy ")
    assert "tidied up" not in output


def test_the_engine_never_asks_for_torchs_optimizers():
    """`import torch` brings the name along; its first use imports for over a second."""
    for path in (Path(multilayer.__file__).parent / "engine").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert not (node.attr == "optim" and ast.unparse(node.value) == "torch"), path
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                assert "torch.optim" not in f"{getattr(node, 'module', '')} {names}", path
