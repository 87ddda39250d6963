"""Reports of runs on tables, whose names a page must not run."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from multilayer.cli import application
from multilayer.fit.column_roles import ColumnRoles
from multilayer.report.collect import run_content, write_report
from multilayer.report.facts import facts
from multilayer.runs.earlier_runs import TableRun
from multilayer.runs.repeat_command import repeat_command
from multilayer.runs.run_documents import read_results, read_settings

HOSTILE = "</script><img onerror>"


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prices that follow from the area, the year counting for nothing."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("houses") / "houses.csv"
    lines = [f"area,year,city,price,{HOSTILE}"]
    for _ in range(300):
        area, year = random.uniform(20, 200), random.integers(1900, 2020)
        city = random.choice(["Ulm", HOSTILE])
        kind = HOSTILE if area > 100 else "small"
        lines.append(f"{area:.2f},{year},{city},{3 * area:.2f},{kind}")
    path.write_text("\n".join(lines) + "\n")
    return path


def trained(houses: Path, target: str, other: str, output: Path) -> Path:
    run = TableRun(
        houses,
        ColumnRoles((target,), drop=(other,)),
        output,
        recipe_name="chapter",
        changes={"max_epochs": 8, "learning_rate": 0.02, "batch_size": 32,
                 "validation_fraction": 0.3},
    )  # fmt: skip
    list(run.epochs())
    run.finish()
    return run.folder.path


@pytest.fixture(scope="module")
def of_numbers(houses: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(houses, "price", HOSTILE, tmp_path_factory.mktemp("runs") / "numbers")


@pytest.fixture(scope="module")
def of_classes(houses: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(houses, HOSTILE, "price", tmp_path_factory.mktemp("runs") / "classes")


def test_numbers_have_residuals_and_the_rows_furthest_off(of_numbers, houses):
    content = run_content(of_numbers)
    assert content.missing == []
    assert content.facts["target"] == "price (regression)"
    assert content.facts["rows with a target"] == "300"
    assert {"RMSE", "MAE", "R²"} <= set(content.scores)
    [chart] = content.residuals
    assert len(chart.series[0].points) == 90
    assert content.importance.bars[0].name == "area"
    assert {bar.name for bar in content.importance.bars} == {"area", "year", "city"}
    assert len(content.mistakes) == 20
    first, last = content.mistakes[0], content.mistakes[-1]
    assert abs(float(first.detail)) >= abs(float(last.detail))
    assert float(first.answer) - float(first.truth) == pytest.approx(float(first.detail), rel=0.1)
    row = houses.read_text().splitlines()[1 + first.place].split(",")
    assert float(row[3]) == pytest.approx(float(first.truth), rel=1e-3)
    assert first.inputs["city"] == row[2]
    assert content.confusion is None


def test_classes_have_confusions_and_calibration(of_classes):
    content = run_content(of_classes)
    assert content.missing == []
    assert sorted(content.confusion.class_names) == sorted([HOSTILE, "small"])
    assert sum(map(sum, content.confusion.counts)) == 90
    assert content.calibration is not None
    assert content.layers
    assert content.gradients is not None


def test_the_kept_epochs_are_told_with_what_they_were_chosen_by(of_classes):
    assert "kept epochs" not in run_content(of_classes).facts
    description, results = read_settings(of_classes), read_results(of_classes)
    description["settings"]["selection"] = "calibrated_loss"
    shown = facts(description, {**results, "best_epochs": [3, 0, 7]})
    assert shown["kept epochs"] == "3, 7, the best by calibrated loss of validation rows"


def test_the_page_runs_nothing_that_the_table_says(of_numbers, of_classes, browser, tmp_path):
    page = write_report([of_numbers, of_classes], tmp_path / "both.html")
    assert HOSTILE not in page.read_text()
    browser.look()
    browser.open(page.as_uri())
    assert browser.complaints == []
    assert browser.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert HOSTILE in browser.evaluate("document.body.textContent")
    sections = browser.evaluate("[...document.querySelectorAll('section')].map(s => s.id)")
    assert {"residuals", "confusion", "importance", "layers", "mistakes"} <= set(sections)


def test_without_its_table_a_run_is_shown_as_far_as_it_goes(of_numbers, tmp_path):
    settings = json.loads((of_numbers / "settings.json").read_text())
    settings["data"]["load"] = str(tmp_path / "gone.csv")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("history.jsonl", "results.json", "model.safetensors"):
        (copy / name).write_bytes((of_numbers / name).read_bytes())
    (copy / "settings.json").write_text(json.dumps(settings))
    content = run_content(copy)
    assert content.scores
    assert content.importance is None
    assert "no longer exists" in content.missing[0]


def test_the_command_says_the_same_roles(of_classes):
    description = json.loads((of_classes / "settings.json").read_text())
    description["data"]["roles"] |= {
        "categorical": ["year"], "group_by": "city", "as_kind": {"area": "numeric"},
    }  # fmt: skip
    words = shlex.split(repeat_command(description))
    _, bound, _ = application.application(words[1:]).parse_args(words[1:])
    flags = bound.arguments["table"]
    assert flags.target == [HOSTILE]
    assert flags.drop == ["price"]
    assert flags.categorical == ["year"]
    assert flags.group_by == "city"
    assert flags.as_kind == ["area=numeric"]
    assert flags.task == "classification"
    assert bound.arguments["settings"].max_epochs == 8


def test_labels_have_a_table_and_the_rows_with_the_most_wrong(tmp_path):
    random = np.random.default_rng(1)
    lines = [f"x,y,wet,{HOSTILE}"]
    for _ in range(300):
        x, y = random.uniform(-1, 1, 2)
        lines.append(f"{x:.3f},{y:.3f},{int(x > 0)},{int(random.random() < 0.5)}")
    path = tmp_path / "weather.csv"
    path.write_text("\n".join(lines) + "\n")
    run = TableRun(
        path, ColumnRoles(("wet", HOSTILE)), tmp_path / "run", task="multilabel",
        recipe_name="chapter",
        changes={"max_epochs": 20, "learning_rate": 0.5, "batch_size": 32,
                 "validation_fraction": 0.3},
    )  # fmt: skip
    list(run.epochs())
    run.finish()
    content = run_content(run.folder.path)
    assert content.missing == []
    assert content.labels is not None
    rows = {row[0]: row[1:] for row in content.labels.rows}
    assert set(rows) == {"wet", HOSTILE}
    assert float(rows["wet"][1]) > 0.8 > float(rows[HOSTILE][1])
    assert "labels wrong" in content.mistakes[0].detail
    assert content.mistakes[0].truth != content.mistakes[0].answer
    wrong = [int(one.detail.split()[0]) for one in content.mistakes]
    assert wrong == sorted(wrong, reverse=True)
    assert content.findings is not None
    page = write_report([run.folder.path]).read_text()
    assert "How each label is answered" in page
    assert HOSTILE not in page


def test_own_rows_with_percent_signs_are_not_said_to_lack_them(tmp_path):
    random = np.random.default_rng(0).uniform(0, 1, (80, 2))
    lines = [f"{100 * a:.1f}%,{b:.3f},{'u' if a > b else 'v'}" for a, b in random]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    run = TableRun(tmp_path / "rows.csv", ColumnRoles(("y",)), tmp_path / "run",
                   recipe_name="chapter", changes={"max_epochs": 1})  # fmt: skip
    list(run.epochs())
    run.finish()
    run_content(run.folder.path)  # a warning would be an error
