"""Control characters from files are shown as escapes, and never sent to the terminal."""

import ast
import random
import shutil
from pathlib import Path

import pytest

from multilayer.cli import application
from multilayer.cli.application import run
from multilayer.drawing.terminal_curves import ChartSettings, draw_curves
from multilayer.errors import DataWarning, MultilayerError, escaped

TITLE, TURNED = "\x1b]0;owned\x07\x1b[2J", "\u202e"
QUICK = ["--max-epochs", "2", "--hidden-widths", "4"]
UNWELCOME = set(map(chr, [*range(10), *range(11, 32), *range(127, 160), 0x061C, 0x200E, 0x200F,
                          *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF]))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ä, 名, ∂ 👍", "plain, ä, 名, ∂ 👍"),
        ("a\x1b[2Jb\x07", "a\\x1b[2Jb\\x07"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("one\ntwo\rthree\tfour", "one\\ntwo\\rthree\\tfour"),
        ("c1 \x9b31m, \u2028, \ufeff, \x7f", "c1 \\x9b31m, \\u2028, \\ufeff, \\x7f"),
        ("half \ud800, a file's \udcff", "half \\ud800, a file's \\udcff"),
        ("no-break\xa0space, क\u200dष, 👩\u200d🔬", "no-break\xa0space, क\u200dष, 👩\u200d🔬"),
        ("a tag \U000e0041", "a tag \\U000e0041"),
    ],
)
def test_text_is_shown_without_what_a_terminal_would_obey(text, shown):
    assert escaped(text) == shown
    escaped(text).encode()


def test_errors_and_warnings_are_shown_so_outside_of_the_commands_too():
    for kind in (MultilayerError, DataWarning):
        assert str(kind(f"column {TITLE}\nof a table")) == (
            "column \\x1b]0;owned\\x07\\x1b[2J\nof a table"
        )


def test_labels_of_curves_are_shown_so():
    lines = draw_curves({f"a{TITLE}": [(0, 0), (1, 1)]}, ChartSettings(), 60, 12)
    drawn = "\n".join(line.plain for line in lines)
    assert "a\\x1b]0;owned" in drawn
    assert not UNWELCOME & set(drawn)


def test_commands_speak_through_one_place():
    folder = Path(application.__file__).parent
    speaking = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    }
    assert speaking == {"terminal.py"}


def test_names_values_and_paths_of_others_are_not_sent(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    lines = [
        f'{chance.random():.3f},"{chance.choice((f"a{TITLE}", f"b{TURNED}", "c"))}",'
        f'"{chance.choice((f"A{TITLE}", "B"))}"'
        for _ in range(100)
    ]
    Path("rows.csv").write_text("\n".join([f'x{TITLE},"t{TURNED}",y', *lines]) + "\n")
    shutil.copy("rows.csv", f"r{TITLE}.csv")
    for arguments in (
        ["train", f"r{TITLE}.csv", "--target", "y", *QUICK, "--output", f"run{TITLE}"],
        ["evaluate", f"run{TITLE}", "rows.csv"],
        ["inspect", f"run{TITLE}"],
        ["doctor", f"run{TITLE}"],
        ["report", f"run{TITLE}"],
        ["train", "rows.csv", "--target", f"no{TITLE}"],
        ["train", "rows.csv", "--target", "y", f"--no{TITLE}"],
        ["report", f"no{TITLE}"],
        ["predict", f"no{TITLE}", "rows.csv"],
    ):
        run(arguments)
        said = capsys.readouterr()
        assert not UNWELCOME & set(said.out + said.err), arguments
    page = Path(f"run{TITLE}", "report.html").read_text()
    assert not UNWELCOME & set(page)
    assert "a\\x1b]0;owned" in page
