"""The book's code, to the letter: piped, in a terminal and in a notebook."""

import json
import os
import re
import subprocess
import sys
from collections import Counter

import nbclient
import nbformat
import pytest

REPORT = """
import json, sys
report = {
    "data": {label: [list(point) for point in curve] for label, curve in model.board.data.items()},
    "pyplot": "matplotlib.pyplot" in sys.modules,
}
with open(REPORT_PATH, "w") as file:
    json.dump(report, file)
"""
TRAP = """
import os
from matplotlib.backend_bases import FigureCanvasBase, FigureManagerBase

class FigureManager(FigureManagerBase):
    def __init__(self, *arguments):
        open(os.environ["TRAP_PATH"], "a").write("window\\n")
        super().__init__(*arguments)

class FigureCanvas(FigureCanvasBase):
    manager_class = FigureManager
"""
LINE = re.compile(r"epoch (\d): train_loss (\d\.\d{3}), val_loss (\d\.\d{3}), val_acc (\d\.\d{3})")


@pytest.fixture
def report_path(tmp_path):
    return tmp_path / "report.json"


@pytest.fixture
def window_trap(tmp_path, monkeypatch):
    """The path of a file that is there once a window has been opened."""
    (tmp_path / "trap_backend.py").write_text(TRAP)
    monkeypatch.setenv("MPLBACKEND", "module://trap_backend")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TRAP_PATH", str(tmp_path / "windows"))
    return tmp_path / "windows"


def run_piped(code):
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def check_data(data):
    assert list(data) == ["train_loss", "val_loss", "val_acc"]
    assert len(data["train_loss"]) == 4  # two in each epoch
    assert [x for x, _ in data["val_loss"]] == [x for x, _ in data["val_acc"]] == [1, 2]
    losses = [y for _, y in data["train_loss"]]
    assert losses == sorted(losses, reverse=True)
    assert data["val_acc"][-1][1] > 0.75


def with_report(code, report_path):
    # The seed keeps a rare bad start from failing the test; the code itself is as printed.
    return f"import torch; torch.manual_seed(0)\n{code}REPORT_PATH = {str(report_path)!r}\n{REPORT}"


def test_piped_it_prints_a_line_an_epoch_and_opens_no_window(
    printed_code, report_path, window_trap
):
    lines = run_piped(with_report(printed_code, report_path)).splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), lines
    assert [int(match[1]) for match in matches] == [1, 2, 1, 2]
    assert all(float(match[4]) > 0.75 for match in matches[1::2])
    report = json.loads(report_path.read_text())
    check_data(report["data"])
    assert f"{report['data']['val_acc'][-1][1]:.3f}" == matches[-1][4]
    assert not report["pyplot"]
    assert not window_trap.exists()


def test_the_window_trap_catches_a_window(window_trap):
    run_piped("import multilayer as d2l; d2l.plot([1, 2], [1, 2])")
    assert window_trap.read_text() == "window\n"


@pytest.mark.parametrize("columns", [pytest.param(80, marks=pytest.mark.long), 200])
def test_a_terminal_shows_curves_and_is_given_back(
    printed_code, report_path, window_trap, open_terminal, columns
):
    terminal = open_terminal(with_report(printed_code, report_path), columns, rows=40)
    assert terminal.show_to_end() == 0, terminal.text
    report = json.loads(report_path.read_text())
    check_data(report["data"])
    for label, curve in report["data"].items():
        value = re.search(rf"{label} (\d\.\d+)", terminal.text)[1]
        assert float(value) == pytest.approx(curve[-1][1], abs=1e-3)
    assert "epoch 1:" not in terminal.text
    assert not terminal.screen.cursor.hidden
    assert terminal.settings == terminal.settings_before
    assert not report["pyplot"]
    assert not window_trap.exists()


class CountingClient(nbclient.NotebookClient):
    """Runs a notebook and counts each cell's messages."""

    def process_message(self, msg, cell, cell_index):
        if not hasattr(self, "counts"):
            self.counts = Counter()
        self.counts[cell_index, msg["msg_type"]] += 1
        return super().process_message(msg, cell, cell_index)


@pytest.fixture
def run_notebook(tmp_path, monkeypatch):
    """Run cells in a real kernel; gives each cell's outputs and the number of messages."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR", str(tmp_path / "mpl")))
    monkeypatch.delenv("MPLBACKEND", raising=False)

    def run(*cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        client = CountingClient(notebook, timeout=600, kernel_name="python3")
        client.execute()
        return [cell.outputs for cell in notebook.cells], client.counts

    return run


def curve_lengths(svg):
    """The number of points of each curve that a picture shows."""
    axes = svg[svg.index('id="axes_1"') :]
    paths = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="fill: none', axes)
    return [path.count("M") + path.count("L") for path in paths]


def test_a_notebook_shows_one_picture_a_fit_that_is_redrawn_in_place(
    printed_code, report_path, run_notebook
):
    text_in_svg = "import matplotlib; matplotlib.rcParams['svg.fonttype'] = 'none'\n"
    first, second = with_report(printed_code, report_path).split("class MLP(d2l")
    waves = (
        "board = d2l.ProgressBoard('x')\n"
        "for x in range(100):\n"
        "    board.draw(x, x * x, 'square', every_n=2)\n"
        "    board.draw(x, 1, 'one', every_n=10)"
    )
    more = "board.draw(100, 1, 'one')"
    outputs, counts = run_notebook(
        "print('mine')", text_in_svg + first, "class MLP(d2l" + second, waves, more
    )
    assert outputs[0][0].text == "mine\n"
    for cell in (1, 2, 3, 4):
        (picture,) = outputs[cell]
        assert picture.output_type == "display_data"
        assert "image/svg+xml" in picture.data
        assert counts[cell, "clear_output"] == 0
    for cell in (1, 2):
        svg = outputs[cell][0].data["image/svg+xml"]
        assert all(text in svg for text in ("train_loss", "val_loss", "val_acc", "epoch"))
        assert curve_lengths(svg) == [4, 2, 2]
        assert counts[cell, "update_display_data"] >= 2
    # A loop is redrawn a few times a second at most, and its last state is what stays.
    assert curve_lengths(outputs[3][0].data["image/svg+xml"]) == [50, 10]
    assert curve_lengths(outputs[4][0].data["image/svg+xml"]) == [50, 11]
    assert counts[3, "update_display_data"] < 30
    check_data(json.loads(report_path.read_text())["data"])


def test_a_notebook_shows_plots_and_images_as_svg(run_notebook):
    outputs, _ = run_notebook(
        "import multilayer as d2l, torch",
        "d2l.plot([1, 2, 3], [1, 4, 9], 'x', 'square')",
        "d2l.use_svg_display()\nd2l.show_images([torch.eye(3)] * 2, 1, 2);",
    )
    for cell in (1, 2):
        pictures = [output for output in outputs[cell] if output.output_type == "display_data"]
        assert ["image/svg+xml" in picture.data for picture in pictures] == [True]
