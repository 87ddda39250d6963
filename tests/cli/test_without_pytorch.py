"""Where PyTorch is not installed: what runs, and what is said of the rest."""

import json
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements-no-torch.txt"
LEFT_OUT = ("torch", "scipy", "matplotlib")

# What an installation by the requirements file lacks cannot be imported here either.
WITHOUT = """
import json, sys
GONE = {"torch", "scipy", "matplotlib", "sklearn", "pandas", "pyarrow", "safetensors"}
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone())
"""
COMMANDS = """
import io
from contextlib import redirect_stderr, redirect_stdout
from multilayer.cli.application import run
told = []
for arguments in json.loads(sys.argv[1]):
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = run(arguments)
    told.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on a table and on images, and new rows."""
    folder = tmp_path_factory.mktemp("runs")
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "size": generator.normal(100, 30, 200),
            "town": generator.choice(["Bern", "Oslo", "Rome"], 200),
            "price": generator.normal(0, 1, 200),
        }
    )
    frame.write_csv(folder / "table.csv")
    frame.drop("price").write_csv(folder / "new.csv")
    train = ["train", str(folder / "table.csv"), "--target", "price", "--recipe", "best"]
    quick = ["--hidden-widths", "8", "--max-epochs", "2", "--quiet", "--num-threads", "1"]
    assert run([*train, *quick, "--output", str(folder / "table")]) == 0
    return folder


@pytest.fixture(scope="module")
def images(small_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images") / "run"
    arguments = ["train", str(small_folder), "--recipe", "chapter", "--max-epochs", "1"]
    assert run([*arguments, "--quiet", "--output", str(folder)]) == 0
    return folder


def run_python(program: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT + program, *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_commands(commands: list[list[str]], cwd: Path) -> list[tuple[int, str, str]]:
    return json.loads(run_python(COMMANDS, json.dumps(commands), cwd=cwd).splitlines()[-1])


def test_models_of_tables_are_used_without_it(folder, capsys):
    commands = [
        ["predict", "table", "new.csv", "-o", "answers.csv", "--interval", "0.8"],
        ["evaluate", "table", "table.csv", "--json"],
        ["inspect", "table"],
        ["report", "table"],
        ["report", "table", "--card"],
        ["export", "table", "--to", "numpy", "-o", "np"],
    ]
    told = run_commands(commands, folder)
    assert [code for code, *_ in told] == [0] * len(commands), told
    capsys.readouterr()
    assert run(["evaluate", str(folder / "table"), str(folder / "table.csv"), "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    found = json.loads(told[1][1])
    assert [one["name"] for one in found["scores"]] == [one["name"] for one in expected["scores"]]
    for one, other in zip(found["scores"], expected["scores"], strict=True):
        assert one["value"] == pytest.approx(other["value"], rel=1e-6)
    assert run(["inspect", str(folder / "table")]) == 0
    assert told[2][1].splitlines()[:8] == capsys.readouterr().out.splitlines()[:8]
    page = (folder / "table" / "report.html").read_text()
    assert "they need PyTorch, which is not installed" in page
    assert "How much the loss rises when a column is shuffled" in page
    answers = pl.read_csv(folder / "answers.csv")
    assert len(answers) == 200
    assert answers.columns[2] == "predicted_price"


def test_models_of_images_are_used_without_it(images, small_folder):
    commands = [
        ["evaluate", str(images)],
        ["inspect", str(images)],
        ["report", str(images)],
        ["predict", str(images), str(small_folder / "t10k-images-idx3-ubyte")],
    ]
    told = run_commands(commands, images)
    assert [code for code, *_ in told] == [0] * len(commands), told
    assert "accuracy" in told[0][1]
    assert "no pictures are drawn: they need matplotlib" in told[0][2]
    page = (images / "report.html").read_text()
    assert "The first weights are not drawn: they need matplotlib." in page


def test_what_needs_it_says_so_in_a_line(folder, small_folder):
    commands = [
        ["train", "table.csv", "--target", "price", "--output", "other"],
        ["train", str(small_folder), "--output", "other"],
        ["doctor", "table"],
        ["picture", "table"],
        ["verify"],
        ["tune", "table.csv", "--target", "price"],
        ["playground", "--no-browser"],
    ]
    for (code, _, said), arguments in zip(run_commands(commands, folder), commands, strict=True):
        assert code == 2, arguments
        assert said.splitlines()[-1] == (
            f"error: multilayer {arguments[0]} needs PyTorch, which is not installed; install it "
            "with: pip install torch"
        )
    assert not (folder / "other").exists()


def test_other_packages_that_are_left_out_are_named_too(folder):
    ((code, _, said),) = run_commands([["study", "width"]], folder)
    assert code == 2
    assert said.splitlines()[-1] == (
        "error: multilayer study needs matplotlib, which is not installed; install it with: pip "
        "install matplotlib"
    )


def test_help_needs_nothing(folder):
    commands = [["--help"], ["train", "--help"], ["tune", "--help"]]
    assert [code for code, *_ in run_commands(commands, folder)] == [0, 0, 0]


def test_names_that_need_it_say_so_in_python(folder):
    program = """
import multilayer
from multilayer.errors import MissingPackageError
told = []
for ask in (lambda: multilayer.Network, lambda: multilayer.load_model("table")):
    try:
        ask()
    except MissingPackageError as error:
        told.append(str(error))
multilayer.load_predictor("table").predict({"size": [1.0], "town": ["Bern"]})
multilayer.evaluate_table(multilayer.load_predictor("table"), "table.csv")
print(json.dumps(told))
"""
    told = json.loads(run_python(program, cwd=folder).splitlines()[-1])
    rest = "needs PyTorch, which is not installed; install it with: pip install torch"
    assert told == [
        f"multilayer.Network {rest}",
        f"load_model {rest}; load_predictor does without",
    ]


def _listed() -> list[str]:
    lines = REQUIREMENTS.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_requirements_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [one for one in project["dependencies"] if not one.startswith(LEFT_OUT)]
    assert _listed()[: len(needed)] == needed
    serving = _listed()[len(needed) :]
    assert project["optional-dependencies"].get("serve", serving) == serving


@pytest.mark.long
def test_an_installation_of_the_requirements_answers(folder, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    pip = [str(tmp_path / "venv" / "bin" / "pip"), "install", "--quiet", "--no-compile"]
    pinned = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *pinned, "--requirement", str(REQUIREMENTS)], check=True)
    subprocess.run([*pip, "--no-deps", str(ROOT)], check=True)
    command = str(tmp_path / "venv" / "bin" / "multilayer")
    arguments = ["predict", "table", "new.csv", "-o", str(tmp_path / "answers.csv")]
    subprocess.run([command, *arguments], cwd=folder, check=True)
    assert len(pl.read_csv(tmp_path / "answers.csv")) == 200
    subprocess.run([command, "evaluate", "table", "table.csv"], cwd=folder, check=True)
    packages = next((tmp_path / "venv" / "lib").glob("*/site-packages"))
    assert not (packages / "torch").exists()
    subprocess.run(["sh", ROOT / "deploy" / "shrink.sh", tmp_path / "venv"], check=True)
    subprocess.run([command, *arguments], cwd=folder, check=True)
    subprocess.run([command, "evaluate", "table", "table.csv"], cwd=folder, check=True)
    num_bytes = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    assert num_bytes < 250e6
