"""Run folders of real runs, whole and in every state that a run can leave."""

import json
import shutil
from pathlib import Path

import pytest

from multilayer.errors import OutputError, RunFolderError, SettingsError
from multilayer.recipes.recipes import recipe
from multilayer.report.collect import run_content, write_report
from multilayer.runs.earlier_runs import ImageRun


@pytest.fixture(scope="module")
def finished(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = ImageRun(
        small_folder,
        recipe("chapter", max_epochs=3, hidden_widths=(32, 16), activation="tanh"),
        tmp_path_factory.mktemp("run") / "first",
    )
    list(run.epochs())
    run.finish()
    return run.folder.path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_finished_run_is_shown_whole(run, small_folder):
    content = run_content(run)
    results = json.loads((run / "results.json").read_text())
    assert content.status == "Finished."
    assert content.missing == []
    assert content.facts["training rows"] == "2,000"
    assert content.facts["hidden layers"] == "32, 16 neurons"
    assert f"{results['test_accuracy']:.4g} (95% interval" in content.scores["test accuracy"]
    assert content.command == (
        f"multilayer train {small_folder} --recipe chapter --hidden-widths 32,16 "
        "--activation tanh --max-epochs 3"
    )
    assert sum(map(sum, content.confusion.counts)) == 500
    num_right = sum(content.confusion.counts[n][n] for n in range(10))
    assert num_right == round(500 * results["test_accuracy"])
    assert content.num_mistakes == 500 - num_right
    assert len(content.mistakes) == 24
    assert content.mistakes[0].picture.startswith("data:image/png;base64,")
    assert sum(int(row[-1]) for row in content.calibration.table.rows) == 500
    assert [layer.name for layer in content.layers] == [
        "hidden\N{NO-BREAK SPACE}1",
        "hidden\N{NO-BREAK SPACE}2",
    ]
    assert [bar.name for bar in content.gradients.bars] == [
        f"linear_{number}.weight" for number in range(3)
    ]
    assert content.weights.picture.startswith("data:image/png;base64,")
    assert content.conditions["torch"]


def test_the_file_is_written_into_the_run_folder_and_again(run):
    assert write_report([run]) == run / "report.html"
    assert write_report([run]) == run / "report.html"
    assert str(run) in (run / "report.html").read_text()


def test_several_runs_are_written_where_one_is(run, tmp_path, monkeypatch):
    other = shutil.copytree(run, tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    assert write_report(["run", other]) == Path("report.html")
    text = Path("report.html").read_text()
    assert text.count("<article") == 2 * text.count('<div class="runs')


def test_a_killed_run_is_shown_as_far_as_it_came(run):
    for name in ("results.json", "model.safetensors"):
        (run / name).unlink()
    content = run_content(run)
    assert content.status.startswith("Not finished")
    assert len(content.history) == 3
    assert content.confusion is None
    assert "no model.safetensors" in content.missing[0]
    write_report([run])


def test_without_its_data_a_run_is_shown_without_what_needs_them(run, tmp_path):
    settings = json.loads((run / "settings.json").read_text())
    settings["data"]["load"] = str(tmp_path / "gone")
    (run / "settings.json").write_text(json.dumps(settings))
    content = run_content(run)
    assert content.weights is not None
    assert content.confusion is None
    assert "gone" in content.missing[0]
    write_report([run])


def test_a_diverged_run_is_shown(small_folder, tmp_path):
    diverging = ImageRun(
        small_folder, recipe("chapter", learning_rate=1e9, max_epochs=3), tmp_path / "run"
    )
    with pytest.raises(Exception, match="finite"):
        list(diverging.epochs())
    content = run_content(tmp_path / "run")
    assert content.status.startswith("Diverged")
    write_report([tmp_path / "run"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("settings.json", None, "has no settings.json"),
        ("settings.json", "{}", "settings is missing"),
        ("settings.json", '{"settings": {}, "data": {}}', "data.load is missing"),
        ("settings.json", "[", "cannot be read"),
        ("history.jsonl", None, "has no history.jsonl"),
        ("history.jsonl", '{"epoch": 1}\n{"epoch\n', "line 2 of"),
        ("history.jsonl", "[]\n", "line 1 of"),
        ("results.json", "[]", "must hold a JSON object"),
    ],
)
def test_a_damaged_run_is_refused_in_one_line(run, name, text, message):
    if text is None:
        (run / name).unlink()
    else:
        (run / name).write_text(text)
    with pytest.raises(RunFolderError, match=message) as caught:
        write_report([run])
    assert "\n" not in str(caught.value)
    assert not (run / "report.html").exists()


def test_bad_calls_are_refused(run, tmp_path):
    with pytest.raises(SettingsError, match="at least one"):
        write_report([])
    with pytest.raises(SettingsError, match="named twice"):
        write_report([run, f"{run}/"])
    with pytest.raises(OutputError, match="is a folder"):
        write_report([run], tmp_path)
    with pytest.raises(OutputError, match="cannot write"):
        write_report([run], tmp_path / "nowhere" / "report.html")
    with pytest.raises(RunFolderError, match="there is no run folder"):
        write_report([tmp_path / "nowhere"])
