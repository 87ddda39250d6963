"""Rows are shown, and judged by, only where they are the run's: by their content."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from multilayer.cli.application import run
from multilayer.diagnostics.doctor.examination import doctor
from multilayer.diagnostics.learning import learning_of
from multilayer.errors import RunFolderError
from multilayer.images.idx import write_idx
from multilayer.report.collect import write_report
from multilayer.runs.inspection import inspect_table

QUICK = ["--max-epochs", "2", "--hidden-widths", "4", "--quiet", "--output"]
ROWS = [f"{n * 7 % 60},{'abc'[n % 3]},{'no' if n * 7 % 60 < 30 else 'yes'}" for n in range(60)]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("\n".join(["size,town,y", *ROWS]) + "\n")


def train(*arguments: str) -> Path:
    assert run(["train", *arguments, *QUICK, "run"]) == 0
    return Path("run")


def change_data(folder: Path, **changes) -> None:
    path = folder / "settings.json"
    document = json.loads(path.read_text())
    document["data"] |= changes
    path.write_text(json.dumps(document))


def secret(folder: str = "home") -> Path:
    Path(folder).mkdir()
    path = Path(folder, "patients.csv").absolute()
    path.write_text(Path("rows.csv").read_text().replace(",a,", ",Secret,"))
    return path


@pytest.mark.parametrize("name", ["load", "validation"])
@pytest.mark.parametrize("is_known", [False, True])
def test_the_rows_of_a_file_that_a_stranger_names_are_not_shown(name, is_known, capsys):
    shutil.copy("rows.csv", "own.csv")
    folder = train("rows.csv", "--target", "y", "--validation", "own.csv")
    checksum = "sha256" if name == "load" else "validation_sha256"
    changes = {"load": str(secret())} if name == "load" else {"validation": str(secret())}
    if name == "load":
        changes |= {"validation": None, "validation_rows": list(range(0, 60, 2))}
    change_data(folder, **changes, **({} if is_known else {checksum: None}))
    write_report([folder])
    page = (folder / "report.html").read_text()
    assert "Secret" not in page
    why = "has changed since the run" if is_known else "has no SHA-256 of"
    assert why in page
    inspection = inspect_table(folder)
    assert inspection.importances == []
    assert why in inspection.reason
    if is_known:
        for look in (doctor, learning_of):
            with pytest.raises(RunFolderError, match="has changed since the run run"):
                look(folder)
    else:
        capsys.readouterr()
        assert run(["inspect", str(folder), "own.csv"]) == 0
        assert "rise of the loss" in capsys.readouterr().out


def test_a_table_that_has_changed_is_told(capsys):
    folder = train("rows.csv", "--target", "y")
    write_report([folder])
    assert "has changed since" not in (folder / "report.html").read_text()
    Path("rows.csv").write_text(Path("rows.csv").read_text().replace("7,b,no", "8,b,no"))
    for command in (["inspect"], ["doctor"]):
        run([*command, "run"])
        said = capsys.readouterr()
        assert "rows.csv has changed since the run run" in said.out + said.err
    write_report([folder])
    assert "rows.csv has changed since the run run" in (folder / "report.html").read_text()


def test_pictures_that_a_stranger_names_are_not_shown(capsys):
    generator = np.random.default_rng(0)
    for place in ("own", "home"):
        Path(place).mkdir()
        for prefix in ("train", "t10k"):
            images = generator.integers(0, 256, (40, 4, 4), dtype=np.uint8)
            write_idx(Path(place, f"{prefix}-images-idx3-ubyte"), images)
            write_idx(Path(place, f"{prefix}-labels-idx1-ubyte"), np.arange(40, dtype=np.uint8) % 3)
    folder = train("own")
    assert run(["evaluate", "run"]) == 0
    change_data(folder, load=str(Path("home").absolute()))
    (folder / "mistakes.png").unlink()
    for command in (["evaluate", "run"], ["doctor", "run"]):
        assert run(command) == 2
        assert "home has changed since the run run" in capsys.readouterr().err
    assert not (folder / "mistakes.png").exists()
    write_report([folder])
    page = (folder / "report.html").read_text()
    assert "home has changed since the run run" in page
    assert run(["evaluate", "run", "home"]) == 0


def test_a_study_knows_the_content_of_its_table():
    pytest.importorskip("optuna")
    arguments = ["tune", "rows.csv", "--target", "y", "--trials", "1", "--recipe", "fast"]
    assert run([*arguments, *QUICK, "run"]) == 0
    assert inspect_table("run").importances
    Path("rows.csv").write_text(Path("rows.csv").read_text().replace("7,b,no", "8,b,no"))
    assert "has changed since" in inspect_table("run").reason
