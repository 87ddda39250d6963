"""`multilayer report` on a run made by `multilayer train`, opened in a browser."""

from pathlib import Path

import pytest
from browser import Browser

from multilayer.cli.application import run


@pytest.fixture
def trained(multilayer, small_folder: Path, tmp_path: Path) -> Path:
    done = multilayer("train", small_folder, "--max-epochs", "2", "--output", tmp_path / "run")
    assert done.returncode == 0
    return tmp_path / "run"


def test_the_report_opens_without_complaint(multilayer, trained, browser: Browser):
    done = multilayer("report", trained)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{trained / 'report.html'}\n"
    browser.look()
    browser.open((trained / "report.html").as_uri())
    assert browser.complaints == []
    sections = browser.evaluate("[...document.querySelectorAll('section')].map(s => s.id)")
    assert [name for name in sections if name != "findings"] == [
        "training", "curves", "confusion", "calibration", "mistakes", "weights", "layers",
        "seconds", "repeat",
    ]  # fmt: skip
    images = browser.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 0)")
    assert len(images) > 20
    assert all(images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report"], "at least one run folder"),
        (["report", "/nowhere"], "there is no run folder /nowhere"),
        (["report", "/nowhere", "--output", "r.pdf"], "r.pdf would not be; name a file that ends"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capfd):
    assert run(arguments) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1
