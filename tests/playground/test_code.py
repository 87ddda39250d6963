"""Each of the four forms of the code leads to the network of the page."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.cli.application import run
from multilayer.engine.layers.dropout import bits_for, draw_mask
from multilayer.engine.randomness import generator
from multilayer.engine.specification import ActivationName
from multilayer.errors import SettingsError
from multilayer.fit.fit import Fit
from multilayer.model.model_file import load_model
from multilayer.playground.code import as_book, as_command, as_python, as_scratch
from multilayer.playground.problems import Problem, make_problem
from multilayer.playground.setup import INITIALIZATIONS, MADE_PROBLEMS, Setup

SETUPS = {
    "spirals": Setup("spirals", num_rows=200, num_epochs=3, seed=3),
    "deep, each layer another": Setup(
        "moons", 0.1, 150, (7, 6, 5, 4), ("relu", "gelu", "sigmoid", "selu"), "he",
        learning_rate=0.05, batch_size=30, num_epochs=3, seed=1,
    ),
    "adam with decay": Setup(
        "circles", 0.1, 160, (9,), ("mish",), "glorot", "adam", 0.01, 32, weight_decay=0.1,
        num_epochs=3,
    ),
    "numbers, sgd with decay": Setup(
        "surface", num_rows=160, hidden_widths=(8, 8), activations=("elu", "silu"),
        batch_size=32, weight_decay=0.02, num_epochs=3,
    ),
    "numbers, adam": Setup(
        "surface", num_rows=160, activations=("softplus",), initialization="he",
        optimizer="adam", learning_rate=0.01, num_epochs=2,
    ),
    "a linear model": Setup("xor", num_rows=100, hidden_widths=(), initialization="normal",
                            num_epochs=2),
    "images": Setup("digits", hidden_widths=(16,), activations=("leaky_relu",),
                    initialization="normal", num_epochs=2),
    "all rows in a batch": Setup("xor", num_rows=60, batch_size=100, num_epochs=3),
    "a population": Setup("moons", num_rows=100, num_seeds=3, num_epochs=2, seed=5),
}  # fmt: skip
WITH_DROPOUT = Setup(
    "moons", num_rows=120, hidden_widths=(16, 8), activations=("relu", "tanh"), batch_size=32,
    dropout=0.5, num_epochs=2, seed=2,
)  # fmt: skip


class Trained:
    """What a training came to: losses by epoch, and the weights of its first network."""

    def __init__(self, losses, validation, weights):
        self.losses, self.validation, self.weights = losses, validation, weights

    def assert_is(self, other, tolerance=2e-5):
        for name in ("losses", "validation"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours is not None:
                np.testing.assert_allclose(ours, theirs, atol=tolerance, rtol=0, err_msg=name)
        for ours, theirs in zip(self.weights, other.weights, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=tolerance, rtol=0)


def of_network(network):
    pairs = zip(network.weights, network.biases, strict=True)
    return [values[0].numpy().reshape(values.shape[1:]) for pair in pairs for values in pair]


def by_the_page(problem: Problem):
    fit = Fit(problem.prepared)
    records = list(fit.epochs())
    return Trained(
        [record.train_loss[0] for record in records],
        [record.validation.loss[0] for record in records],
        of_network(fit.network),
    )


def run_code(code: str, handed=None):
    """Its names, and what it printed."""
    names, printed = {"__name__": "__main__", **(handed or {})}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<copied>", "exec"), names)
    return names, printed.getvalue()


def by_scratch(code: str, handed=None):
    names, printed = run_code(code, handed)
    found = re.findall(r"epoch \d+: loss (\S+), validation (\S+)", printed)
    weights = [
        value.detach().numpy().reshape(-1, value.shape[-1])
        for value in names["model"].parameters()
    ]  # fmt: skip
    losses, validation = np.array(found, float).T
    return Trained(losses, validation, weights)


def by_book(code: str):
    names, _ = run_code(code)
    board, weights = names["model"].board.data, []
    for value in names["model"].parameters():
        array = value.detach().numpy()
        weights.append(array.T if array.ndim == 2 else array[None])
    return Trained(None, [point.y for point in board["val_loss"]], weights)


def by_command(commands: str, folder: Path):
    for line in commands.splitlines():
        words = shlex.split(line)
        name = words.pop() if ">" in words else os.devnull
        out = (folder / name).open("w") if name != os.devnull else io.StringIO()
        with contextlib.redirect_stdout(out), out:
            assert run([word for word in words[1:] if word != ">"]) == 0
    return of_run(folder)


def of_run(folder: Path):
    (made,) = (folder / "runs").iterdir()
    history = [json.loads(line) for line in (made / "history.jsonl").read_text().splitlines()]
    model = load_model(made / "model.safetensors")
    return Trained(
        [line["train_loss"] for line in history],
        [line["validation_loss"] for line in history],
        of_network(model.leading),
    )


def by_python(code: str):
    names, _ = run_code(code)
    if "run" in names:
        history = names["run"].history
        return Trained(
            [line["train_loss"] for line in history],
            [line["validation_loss"] for line in history],
            of_network(names["run"].network),
        )
    if "network" in names:
        return Trained(None, None, of_network(names["network"]))
    model = names["model"]
    return Trained(
        [line["train_loss"] for line in model.history_],
        [line["validation_loss"] for line in model.history_],
        of_network(model.model_.leading),
    )


@pytest.mark.parametrize("name", SETUPS)
def test_the_forms_in_python_lead_to_the_network_of_the_page(name):
    setup = SETUPS[name]
    page = by_the_page(make_problem(setup))
    tolerance = 2e-4 if setup.optimizer == "adam" else 2e-5  # it divides by small gradients
    by_scratch(as_scratch(setup)).assert_is(page, tolerance)
    by_book(as_book(setup)).assert_is(page, tolerance)
    python = by_python(as_python(setup))
    if setup.num_seeds > 1:
        python.losses = python.validation = None  # of all networks
    python.assert_is(page, 1e-6)


@pytest.mark.parametrize("name", ["deep, each layer another", "numbers, adam", "images"])
def test_the_command_line_leads_to_the_network_of_the_page(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    setup = SETUPS[name]
    page = by_the_page(make_problem(setup))
    by_command(as_command(setup), tmp_path).assert_is(page, 1e-6)


@pytest.mark.long
def test_the_commands_are_those_of_a_shell(tmp_path):
    setup = Setup("xor", num_rows=60, num_epochs=2, seed=4)
    program = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euc", as_command(setup)], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PATH": f"{program}:{os.environ['PATH']}"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    of_run(tmp_path).assert_is(by_the_page(make_problem(setup)), 1e-6)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 7), st.sampled_from(get_args(ActivationName))), max_size=6),
    st.sampled_from(MADE_PROBLEMS),
    st.sampled_from(INITIALIZATIONS),
    st.sampled_from(["sgd", "adam"]),
    st.sampled_from([0.0, 0.1]),
    st.integers(1, 70),
    st.integers(0, 2**31 - 1),
)
def test_any_network_from_scratch_is_that_of_the_page(
    layers, problem, initialization, optimizer, decay, batch_size, seed
):
    setup = Setup(
        problem, 0.1, 50, tuple(width for width, _ in layers),
        tuple(activation for _, activation in layers), initialization, optimizer, 0.003,
        batch_size, 0.0, decay, seed, num_epochs=1,
    )  # fmt: skip
    # By Adam a gradient that is zero but for its rounding moves by the rate, either way.
    tolerance = 7e-3 if optimizer == "adam" else 2e-5
    by_scratch(as_scratch(setup)).assert_is(by_the_page(make_problem(setup)), tolerance)


def test_with_the_masks_of_the_page_dropout_from_scratch_is_that_of_the_page():
    code = as_scratch(WITH_DROPOUT)
    assert code.startswith("# The masks of dropout are others than the page's")
    page = by_the_page(make_problem(WITH_DROPOUT))
    as_printed = by_scratch(code)
    np.testing.assert_allclose(as_printed.validation, page.validation, atol=0.1)
    assert as_printed.losses[0] != pytest.approx(page.losses[0], abs=1e-6)
    body = "    mask = torch.empty_like(H)\n    draw_mask(dropout, SOURCE, bits_for(mask), mask)\n"
    before, _, rest = code.partition("    # The page draws its masks in another way")
    _, _, after = rest.partition("\n\n\n")
    handed = {"SOURCE": generator(WITH_DROPOUT.seed, "dropout"), "bits_for": bits_for,
             "draw_mask": draw_mask}  # fmt: skip
    patched = f"{before}{body}    return mask\n\n\n{after}"
    by_scratch(patched, handed).assert_is(page)


def test_dropout_is_the_same_in_our_own_forms_and_said_in_the_books(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = by_the_page(make_problem(WITH_DROPOUT))
    by_python(as_python(WITH_DROPOUT)).assert_is(page, 1e-6)
    by_command(as_command(WITH_DROPOUT), tmp_path).assert_is(page, 1e-6)
    book = by_book(as_book(WITH_DROPOUT))
    np.testing.assert_allclose(book.validation, page.validation, atol=0.1)
    assert "masks of dropout are others" in as_book(WITH_DROPOUT)
    assert "masks" not in as_command(WITH_DROPOUT)


@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")  # of missing targets
@pytest.mark.parametrize("target", ["kind", "-price"])
def test_the_readers_table_is_learned_in_all_forms(target, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = np.random.default_rng(0)
    size, color = source.normal(50, 9, 90).round(1), source.choice(["red", "it's", "NA"], 90)
    kinds = [("large" if value > 50 else "small") for value in size]
    sizes = [None if place % 11 == 0 else f"{value} kg" for place, value in enumerate(size)]
    pl.DataFrame(
        {
            "size": sizes,
            "color": color,
            "kind": ["NA" if place % 20 == 3 else kind for place, kind in enumerate(kinds)],
            "-price": (size * 2 + (color == "red")).round(2),
        }
    ).write_csv("-my table.csv")
    table = "-my table.csv"
    setup = Setup("table", num_epochs=2, target=target, seed=1)
    problem = make_problem(setup, table)
    page = by_the_page(problem)
    by_scratch(as_scratch(setup, problem, table)).assert_is(page)
    by_book(as_book(setup, problem, table)).assert_is(page)
    by_command(as_command(setup, problem, table), tmp_path).assert_is(page, 1e-6)
    by_python(as_python(setup, problem, table)).assert_is(page, 1e-6)
    with pytest.raises(SettingsError, match="needs the problem made of it"):
        as_scratch(setup)


def test_a_table_of_which_nothing_is_held_out_is_learned_from_scratch(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("x,y\n1,a\n2,b\n3,a\n4.5,b\n5,b\n7,b\n")
    setup = Setup("table", num_epochs=2, target="y", batch_size=2)
    problem = make_problem(setup, path)
    assert problem.held_out is None
    assert problem.notes[0][0] == "None of the 6 rows are held out: they are too few to divide."
    fit = Fit(problem.prepared)
    losses = [record.train_loss[0] for record in fit.epochs()]
    scratch = by_scratch(as_scratch(setup, problem, str(path)))
    assert scratch.losses == pytest.approx(losses, abs=1e-5)
    names, _ = run_code(as_book(setup, problem, str(path)))
    theirs = [value.detach().numpy() for value in names["model"].parameters()]
    np.testing.assert_allclose(theirs[0].T, scratch.weights[0], atol=1e-5)


def test_a_population_has_a_note_and_the_network_of_its_first_seed():
    setup = SETUPS["a population"]
    assert as_book(setup).startswith("# The first of 3 networks")
    alone = replace(setup, num_seeds=1)
    assert as_scratch(setup).partition("\n\n")[2] == as_scratch(alone)


def test_the_code_says_what_is_set_and_imports_what_it_uses():
    code = as_scratch(replace(SETUPS["spirals"], initialization="normal"))
    assert "import math" not in code
    assert "import math" in as_scratch(SETUPS["spirals"])
    assert as_command(SETUPS["spirals"]) == (
        "multilayer points spirals --num-rows 200 --noise 0.05 --seed 3 > spirals.csv\n"
        "multilayer train spirals.csv --target class --recipe chapter --hidden-widths 8,8 "
        "--activation tanh --batch-size 32 --max-epochs 3 --seed 3 --validation-fraction 0.2\n"
    )
