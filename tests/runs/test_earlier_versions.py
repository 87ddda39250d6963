"""Run folders of earlier versions, as they were written, opened by all that opens run folders."""

import json
import shutil
from pathlib import Path

import pytest

from multilayer.cli.application import run
from multilayer.errors import RunFolderError
from multilayer.fit.declared_types import check_type
from multilayer.runs.run_documents import (
    DataDocument,
    HistoryLine,
    ResultsDocument,
    SettingsDocument,
    read_history,
    read_results,
    read_settings,
)

FOLDERS = Path(__file__).with_name("earlier_versions")
NAMES = sorted(path.name for path in FOLDERS.iterdir() if path.is_dir())
INTERRUPTED = [name for name in NAMES if name.endswith("interrupted")]
QUICK = ["--max-epochs", "2", "--hidden-widths", "4", "--quiet", "--output"]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with a copy of the table; the runs go beside it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(FOLDERS / "rows.csv", tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
@pytest.mark.parametrize("name", sorted({*NAMES} - {*INTERRUPTED}))
def test_every_command_opens_runs_of_earlier_versions(name, project, capsys):
    shutil.copytree(FOLDERS / name, "run")
    is_table = "table" in name
    data = ["rows.csv"] if is_table else []
    commands = [["report", "run"], ["evaluate", "run", *data]]  # a report asks the doctor
    if name == "2026-11-24-images":  # of before the SHA-256: its rows are shown to whoever has them
        commands[-1].append("digits")
    if is_table:
        commands += [["inspect", "run"], ["predict", "run", "rows.csv"]]
    for command in commands:
        assert run(command) == 0, command
    page = Path("run/report.html").read_text()
    if is_table:
        assert ("size" in capsys.readouterr().out) and "y (binary)" in page
    else:
        assert "test accuracy" in page and "359, the test rows" in page


@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
@pytest.mark.parametrize("name", INTERRUPTED)
def test_runs_of_earlier_versions_go_on(name, project, monkeypatch):
    """To the same bits as one that was never interrupted, where settings and data are the same."""
    shutil.copytree(FOLDERS / name, "run")
    _pretend_versions(Path("run/settings.json"), monkeypatch)
    assert run(["train", "--resume", "run", "--quiet"]) == 0
    results = read_results("run")
    assert (results["status"], results["num_epochs"]) == ("finished", 3)
    lines, whole = read_history("run"), read_history(FOLDERS / name.removesuffix("-interrupted"))
    for line, other in zip(lines, whole, strict=True):
        for loss in ("train_loss", "validation_loss"):
            assert line[loss] == pytest.approx(other[loss], rel=1e-6)
    assert json.loads(Path("run/settings.json").read_text())["data"]["kind"] in name


def _pretend_versions(path: Path, monkeypatch) -> None:
    """Let the libraries be of the versions that a run was begun with."""
    saved = json.loads(path.read_text()).get("versions", {})
    now = {name: saved[name] for name in ("multilayer", "torch")}
    for module in ("engine.fingerprints", "engine.state", "runs.written_documents"):
        monkeypatch.setattr(f"multilayer.{module}.versions", lambda: dict(now))
    monkeypatch.setattr(
        "multilayer.runs.written_documents.version", lambda name: saved.get(name, "1")
    )


@pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")
def test_every_kind_of_run_writes_the_same_names_and_types(project):
    assert run(["train", "digits", *QUICK, "images"]) == 0
    assert run(["train", "rows.csv", "--target", "y", *QUICK, "table"]) == 0
    documents = {}
    for kind in ("images", "table"):
        for name, declared in (("settings", SettingsDocument), ("results", ResultsDocument)):
            documents[kind, name] = document = json.loads(Path(kind, f"{name}.json").read_text())
            check_type(document, declared, "")
            assert document.keys() == declared.__annotations__.keys()
        assert documents[kind, "settings"]["data"].keys() == DataDocument.__annotations__.keys()
        assert documents[kind, "settings"]["data"]["kind"] == kind
        for line in Path(kind, "history.jsonl").read_text().splitlines():
            check_type(json.loads(line), HistoryLine, "")
    assert read_settings("table") == documents["table", "settings"]
    assert read_results("images") == documents["images", "results"]


@pytest.mark.parametrize("version", [3, 0, "2", None, True])
def test_documents_of_later_versions_are_refused(version, project):
    for name, read in (("settings.json", read_settings), ("results.json", read_results)):
        shutil.copytree(FOLDERS / "2026-11-28-table", name)
        path = Path(name, name)
        path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": version}))
        with pytest.raises(
            RunFolderError, match=f"{name} is not a valid file of a run: .*format_version"
        ):
            read(name)
