import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import multilayer as d2l


@pytest.fixture
def axes():
    return Figure().add_subplot()


def test_points_are_means_of_every_n_values():
    board = d2l.ProgressBoard(display=False)
    for x in range(1, 8):
        board.draw(x, x**2, "square", every_n=3)
    assert board.data == {"square": [(2, (1 + 4 + 9) / 3), (5, (16 + 25 + 36) / 3)]}
    assert board.data["square"][0].y == (1 + 4 + 9) / 3


def test_means_are_weighted():
    board = d2l.ProgressBoard(display=False)
    board.draw(1, 10.0, "loss", every_n=2, weight=30)
    board.draw(1, 20.0, "loss", every_n=2, weight=10)
    assert board.data["loss"] == [(1, 12.5)]


@pytest.mark.parametrize("every_n", [1, 0, 0.4])
def test_every_n_up_to_one_draws_every_point(every_n):
    board = d2l.ProgressBoard(display=False)
    for x in range(4):
        board.draw(x, -x, "line", every_n=every_n)
    assert [(point.x, point.y) for point in board.data["line"]] == [
        (0, 0),
        (1, -1),
        (2, -2),
        (3, -3),
    ]


def test_points_are_plain_floats_without_gradients():
    board = d2l.ProgressBoard(display=False)
    board.draw(np.float32(1), torch.tensor(2.0, requires_grad=True) * 3, "a")
    board.draw(torch.tensor(1), np.array(6.0), "b")
    assert all(type(number) is float for curve in board.data.values() for number in curve[0])
    assert board.data["a"] == board.data["b"] == [(1, 6)]


def test_curves_are_averaged_apart():
    board = d2l.ProgressBoard(display=False)
    for x in range(4):
        board.draw(x, x, "a", every_n=2)
        board.draw(x, x, "b", every_n=4)
    assert board.data == {"a": [(0.5, 0.5), (2.5, 2.5)], "b": [(1.5, 1.5)]}


def test_given_axes_show_the_curves_and_keep_what_else_is_there(axes):
    axes.plot([0, 5], [0, 5], label="mine")
    board = d2l.ProgressBoard("x", "y", xlim=[0, 10], yscale="log", axes=axes)
    for x in range(1, 4):
        board.draw(x, 10.0**x, "ten")
    mine, ten = axes.lines
    assert mine.get_label() == "mine"
    assert ten.get_label() == "ten"
    assert ten.get_xydata().tolist() == [[1, 10], [2, 100], [3, 1000]]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("x", "y", "log")
    assert axes.get_xlim() == (0, 10)
    assert axes.get_ylim()[1] >= 1000


def test_a_given_figure_is_drawn_in():
    figure = Figure()
    d2l.ProgressBoard(fig=figure).draw(0, 1, "a")
    assert len(figure.axes[0].lines) == 1


def test_any_number_of_curves_is_drawn_and_no_two_look_alike(axes):
    board = d2l.ProgressBoard(axes=axes)
    for i in range(12):
        board.draw(0, i, f"curve {i}")
    looks = [(line.get_color(), line.get_linestyle()) for line in axes.lines]
    assert len(looks) == len(set(looks)) == 12


def test_a_new_beginning_removes_the_boards_old_curves(axes):
    board = d2l.ProgressBoard(axes=axes)
    board.draw(0, 1, "old")
    board.begin()
    board.draw(0, 1, "new")
    board.close()
    assert [line.get_label() for line in axes.lines] == ["new"]
    assert board.data == {"new": [(0, 1)]}


def test_axes_that_were_cleared_meanwhile_are_drawn_on_again(axes):
    board = d2l.ProgressBoard(axes=axes)
    board.draw(0, 1, "a")
    axes.clear()
    board.draw(1, 2, "a")
    assert len(axes.lines) == 1


def test_without_display_nothing_is_drawn_or_printed(axes, capsys):
    board = d2l.ProgressBoard(axes=axes, display=False)
    board.begin()
    board.draw(0, 1, "a")
    board.end_epoch(1)
    board.close()
    assert not axes.lines
    assert capsys.readouterr().out == ""
    assert board.data == {"a": [(0, 1)]}


def test_a_board_of_its_own_prints_nothing_into_a_pipe(capsys):
    board = d2l.ProgressBoard()
    for x in range(5):
        board.draw(x, math.sin(x), "sin")
    board.close()
    assert capsys.readouterr().out == ""


WAVES = """
import multilayer as d2l
import numpy as np
board = d2l.ProgressBoard("x")
for x in np.arange(0, 10, 0.1):
    board.draw(x, np.sin(x), "sin", every_n=2)
    board.draw(x, np.cos(x), "cos", every_n=10)
"""


def test_a_board_that_nobody_closes_ends_with_the_program(open_terminal):
    terminal = open_terminal(WAVES)
    assert terminal.show_to_end() == 0
    assert "sin -0.4" in terminal.text  # the legend has the last value
    assert "cos -0.9" in terminal.text
    assert not terminal.screen.cursor.hidden
    assert terminal.settings == terminal.settings_before


def test_at_a_prompt_a_board_of_its_own_only_records(open_terminal):
    terminal = open_terminal("import code; code.interact()")
    terminal.show_until(lambda: ">>>" in terminal.text)
    terminal.press(b"import sys; sys.ps1 = '>>> '\n")
    terminal.press(b"import multilayer as d2l; b = d2l.ProgressBoard(); b.draw(1, 2, 'loss')\n")
    terminal.press(b"print(6 * 7, b.data); exit()\n")
    assert terminal.show_to_end() == 0
    assert "42 {'loss': [Point(x=1.0, y=2.0)]}" in terminal.text
    assert "●" not in terminal.text


def test_a_dumb_terminal_gets_plain_lines(open_terminal):
    terminal = open_terminal(
        "import os; os.environ['TERM'] = 'dumb'\n"
        "import multilayer as d2l\n"
        "board = d2l.ProgressBoard(); board.begin(); board.draw(1, 2, 'loss'); board.end_epoch(1)\n"
    )
    assert terminal.show_to_end() == 0
    assert terminal.text.split() == ["epoch", "1:", "loss", "2.000"]


def test_drawing_in_a_script_loads_no_matplotlib():
    program = f"{WAVES}import sys; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
