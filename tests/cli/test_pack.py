"""What a person sees of a pack, from its training to its report."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run
from multilayer.runs.run_documents import read_results, read_settings

QUICK = ("--recipe", "pack", "--max-epochs", "4", "--num-draws", "3", "--hidden-widths", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table, and the runs `table` and `images` of a pack, with what was printed."""
    folder = tmp_path_factory.mktemp("packs")
    x = np.random.default_rng(0).normal(size=(80, 2))
    size, kind = x[:, 0] * 10, np.where(x.sum(axis=1) > 0, "yes", "no")
    pl.DataFrame({"size": size, "age": x[:, 1], "kind": kind}).write_csv(folder / "t.csv")
    return folder


@pytest.fixture(scope="module")
def table(folder) -> Path:
    output = folder / "table"
    assert run(["train", f"{folder}/t.csv", "--target", "kind", *QUICK, f"--output={output}"]) == 0
    return output


@pytest.fixture(scope="module")
def images(folder) -> Path:
    assert run(["train", "digits", *QUICK, "--quiet", f"--output={folder}/images"]) == 0
    return folder / "images"


def test_training_says_plan_progress_and_end(folder, tmp_path, capsys):
    words = ["train", f"{folder}/t.csv", "--target", "kind", *QUICK, f"--output={tmp_path}/run"]
    assert run(words) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert said.err == ""
    assert any(
        line.startswith("pack: up to 3 draws of 5 networks, one for each fold") for line in lines
    )
    assert any("as it is set: hidden_widths 4" in line for line in lines)
    assert any(line.startswith("first draw: 5 networks of 2-4-2") for line in lines)
    assert any("4 epochs a draw, seed 0, 5 folds held out in turn" in line for line in lines)
    progress = [line for line in lines if "held-out loss: " in line]
    assert len(progress) == 8
    assert progress[-1].startswith("draws 2, 3 of 3, epoch 4 of 4: held-out loss: mixture 0.")
    assert "pack: 3 draws tried (3 finished); ended as all draws were trained" in lines
    assert any(line.startswith("mixture: ") for line in lines)
    assert "learning rate too high" not in said.out
    assert "/4" not in said.out.replace("/t", "")


def test_results_tell_what_is_true_of_a_pack(table):
    results = read_results(table)
    pack = results["pack"]
    assert results["num_epochs"] == 8
    assert results["members"] == [0, 1, 2, 3, 4]
    assert (results["num_members"], results["num_diverged"]) == (5, 0)
    assert pack["num_networks"] == 5 * len(pack["mixture"])
    assert (results["best_epochs"], results["num_parameters"]) == (None, None)
    assert set(pack["mixture"][0]["settings"]) == set(read_settings(table)["settings"]["drawn"])


def test_results_of_other_runs_have_no_pack(folder, tmp_path, capsys):
    words = ["train", f"{folder}/t.csv", "--target", "kind", *QUICK[2:4], "--quiet"]
    assert run([*words, f"--output={tmp_path}/run"]) == 0
    path = tmp_path / "run" / "results.json"
    document = json.loads(path.read_text())
    assert document["pack"] is None
    del document["pack"]  # as earlier versions wrote them
    path.write_text(json.dumps(document))
    assert run(["report", f"{tmp_path}/run"]) == 0
    assert run(["inspect", f"{tmp_path}/run"]) == 0
    assert "mixture" not in capsys.readouterr().out
    assert "Who is in the mixture" not in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("name", ["table", "images"])
def test_inspect_shows_who_is_in_the_mixture_of_a_run_and_of_a_model_file(
    name, request, tmp_path, capsys
):
    path = request.getfixturevalue(name)
    alone = shutil.copy(path / "model.safetensors", tmp_path / "alone.safetensors")
    pack = read_results(path)["pack"]
    for source in (path, alone):
        capsys.readouterr()
        assert run(["inspect", str(source)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert "pack: 3 draws tried (3 finished); ended as all draws were trained" in lines
        start = next(n for n, line in enumerate(lines) if line.split()[:5] == [
            "draw", "share", "loss", "gain", "epochs",
        ])  # fmt: skip
        assert "learning rate" in lines[start]
        shown = [line.split()[0] for line in lines[start + 2 : start + 2 + len(pack["mixture"])]]
        assert shown == [str(one["draw"]) for one in pack["mixture"]]


def test_a_report_shows_the_mixture(table, images, capsys):
    for path in (table, images):
        assert run(["report", str(path)]) == 0
        page = (path / "report.html").read_text()
        assert "Who is in the mixture" in page
        assert "Held-out loss of the mixture by epoch" in page
        assert "Loss by epoch" not in page
        assert "with the largest share of the mixture" in page
        assert "judged by its data" in page
    both = table.parent / "both.html"
    assert run(["report", str(table), str(images), f"--output={both}"]) == 0
    assert both.read_text().count("Shares of the mixture") >= 2


def test_the_doctor_says_what_it_judges(table, images, capsys):
    for path in (table, images):
        assert run(["doctor", str(path)]) == 0
        said = capsys.readouterr().out
        assert said.startswith("a pack is judged by its data, its answers for held-out rows")
        for nonsense in ("rate too", "overfitting", "still improving"):
            assert nonsense not in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--drawn", "dropout"], "--drawn dropout is for a pack"),
        (["--recipe", "pack", "--drawn", "x"], "unknown drawn 'x'; known are: hidden_widths, "),
        (["--time", "0"], "'0' must be a time above 0, such as 90s or 5m"),
        (["--time", "abc"], "'abc' must be a time such as 90s, 5m, 1h or 1h30m"),
        (["--time", "5m", "--recipe", "default"], "error: --time 300 is for a pack"),
        (["--time", "0.01s"], "--time 0.01 s is too short: reading and preparing took"),
    ],
)
def test_what_a_pack_cannot_do_is_refused_in_a_line(folder, tmp_path, capsys, arguments, complaint):
    words = ["train", f"{folder}/t.csv", "--target", "kind", f"--output={tmp_path}/run"]
    assert run([*words, *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert complaint in said
    assert not (tmp_path / "run").exists()


def test_images_in_too_short_a_time_leave_no_folder(tmp_path, capsys):
    assert run(["train", "digits", "--time", "0.01s", f"--output={tmp_path}/run"]) == 2
    assert "--time 0.01 s is too short" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_time_limit_of_images_is_planned_before_settings_are_written(tmp_path, capsys):
    words = ["train", "digits", "--time", "10m", "--num-draws", "1", "--max-epochs", "2"]
    assert run([*words, "--hidden-widths", "4", f"--output={tmp_path}/run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("in 600 s: reading took ") for line in lines)
    assert any(line.startswith("took ") and line.endswith(" of 10 min 0 s") for line in lines)
    assert read_settings(tmp_path / "run")["settings"]["time_limit"] == 600


def test_images_without_held_out_rows_leave_no_folder(tmp_path, capsys):
    assert run(["train", "digits", "--num-draws", "3", f"--output={tmp_path}/run"]) == 2
    assert "none are held out; take num_folds 5" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_picture_of_a_pack_says_whose_it_is(images, tmp_path, capsys):
    assert run(["picture", str(images), f"--output={tmp_path}/p"]) == 0
    assert "of a pack its first draw is shown" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--recipe=pack", "--num-draws=3", "--time=5m"])
def test_several_processes_are_refused(monkeypatch, capsys, flag):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert run(["train", "digits", flag]) == 2
    name = flag.replace("=pack", " pack").partition("=")[0]
    assert (
        capsys.readouterr().err == f"error: {name} is for one process; start it without torchrun\n"
    )


def test_a_table_with_too_few_rows_says_that_nothing_is_drawn(folder, tmp_path, capsys):
    pl.read_csv(folder / "t.csv")[:8].write_csv(tmp_path / "few.csv")
    words = ["train", f"{tmp_path}/few.csv", "--target", "kind", *QUICK]
    assert run([*words, f"--output={tmp_path}/run"]) == 0
    said = capsys.readouterr()
    assert "none of the 8 rows are held out" in said.err
    assert "pack: " not in said.out


def test_one_draw_is_told_as_one(folder, tmp_path, capsys):
    words = ["train", f"{folder}/t.csv", "--target", "kind", *QUICK[:4], "--num-draws", "1"]
    assert run([*words, f"--output={tmp_path}/run"]) == 0
    said = capsys.readouterr().out
    assert "pack: 1 draw of 5 networks" in said
    assert "mixture: draw 1 alone, which has the recipe's own settings, 5 networks" in said


@pytest.mark.parametrize("command", ["tune", "compare"])
def test_commands_of_single_networks_do_not_offer_packs(command, capsys):
    assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--num-draws" not in said
    assert "--drawn" not in said


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "T", "pack", "default", "--target", "kind"],
        ["compare", "T", "num_draws=3", "default", "--target", "kind"],
        ["compare", "T", "dropout=0.1", "dropout=0.2", "--recipe", "pack", "--target", "kind"],
        ["study", "width", "T", "--settings", "pack", "--target", "kind"],
        ["tune", "T", "--target", "kind", "--recipe", "pack"],
        ["tune", "T", "--target", "kind", "--num-draws", "3"],
        ["picture", "spirals", "--settings", "pack"],
        ["bench", "--recipe", "pack"],
        ["verify", "digits", "--recipe", "pack"],
    ],
)
def test_commands_of_single_networks_refuse_packs(folder, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run([f"{folder}/t.csv" if word == "T" else word for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
