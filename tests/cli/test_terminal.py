"""The commands in a real terminal window, seen through a terminal emulator."""

import re

import pytest


def program(*arguments: object) -> str:
    return f"from multilayer.cli import main\nmain({[str(argument) for argument in arguments]})"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_curves_grow_in_place_while_it_trains(open_window, small_folder, tmp_path, columns, rows):
    arguments = ("train", small_folder, "--max-epochs", 30, "--output", tmp_path / "run")
    window = open_window(program(*arguments), columns, rows)
    assert window.read_to_end() == 0
    everything = window.everything
    for once in ("train_loss", "validation_loss", "validation_accuracy", "epoch 30 of 30"):
        assert sum(once in line for line in everything) == 1, window.text
    assert not any(re.match(r"epoch \d+/30:", line) for line in everything)
    row = next(row for row, line in enumerate(everything) if "epoch 30 of 30" in line)
    assert everything[row + 1].startswith("test accuracy 0.")
    assert max(map(len, everything)) <= columns
    assert not window.screen.cursor.hidden
    # The training loss falls: its mark is higher on the left than on the right.
    marks = [(row, line.index("●", 3)) for row, line in enumerate(everything) if "●" in line[3:]]
    assert marks[0][1] < marks[-1][1]
    # Loss and accuracy stand side by side where there is room.
    same_row = any("train_loss" in line and "validation_accuracy" in line for line in everything)
    assert same_row == (columns == 200)


def test_the_time_left_is_told_while_it_trains(open_window, small_folder, tmp_path):
    arguments = ("train", small_folder, "--max-epochs", 5000, "--output", tmp_path / "run")
    window = open_window(program(*arguments), 80, 24)
    window.read_until(b" left")
    assert re.search(r"epoch \d+ of 5000, (\d+ (h|min|s) ?)+left", window.text)


def test_ctrl_c_leaves_the_terminal_as_it_was(open_window, small_folder, tmp_path):
    arguments = ("train", small_folder, "--max-epochs", 5000, "--output", tmp_path / "run")
    window = open_window(program(*arguments), 80, 24)
    window.read_until(b" left")
    window.process.send_signal(2)
    assert window.read_to_end() == 130
    assert not window.screen.cursor.hidden
    assert sum("stopping after this batch" in line for line in window.everything) == 1
    window.find("interrupted after ")
    assert (tmp_path / "run" / "results.json").is_file()


def test_a_run_that_diverges_says_so_below_the_curves(open_window, small_folder, tmp_path):
    arguments = (
        "train", small_folder, "--learning-rate", 1e38, "--output", tmp_path / "run",
    )  # fmt: skip
    window = open_window(program(*arguments), 80, 24)
    assert window.read_to_end() == 1
    assert not window.screen.cursor.hidden
    window.find("error: the training loss stopped being a finite number in epoch 1")


def test_quiet_is_quiet_in_a_terminal_too(open_window, small_folder, tmp_path):
    arguments = (
        "train", small_folder, "--max-epochs", 2, "--quiet", "--output", tmp_path / "run",
    )  # fmt: skip
    window = open_window(program(*arguments), 200, 24)
    assert window.read_to_end() == 0
    assert re.fullmatch(r"test accuracy .*", window.text)


def test_tables_fit_a_narrow_window(open_window, small_folder):
    window = open_window(program("verify", small_folder, "--steps", 2), 79, 60)
    assert window.read_to_end() == 0
    window.find("all 42 quantities agree")
    row, column = window.find("gradient b1")
    assert column == 0
    assert "agree" in window.lines[row]


PACK = ("--recipe", "pack", "--max-epochs", "4", "--num-draws", "3", "--hidden-widths", "4")


def test_the_curves_of_a_pack_grow_with_its_draws(open_window, tmp_path):
    arguments = ("train", "digits", *PACK, "--output", tmp_path / "run")
    window = open_window(program(*arguments), 80, 24)
    assert window.read_to_end() == 0
    everything = window.everything
    status = "draws 2, 3 of 3, epoch 4 of 4; mixture "
    assert sum(line.startswith(status) for line in everything) == 1, window.text
    assert sum("mixture" in line and "networks in training" in line for line in everything) == 1
    assert not any("held-out loss: " in line for line in everything)
    assert max(map(len, everything)) <= 80
    assert not window.screen.cursor.hidden
    # A window too narrow for the table of the mixture shows the settings below it.
    window = open_window(program("inspect", tmp_path / "run"), 60, 40)
    assert window.read_to_end() == 0
    assert not any("…" in line for line in window.everything), window.text
    assert any(
        re.match(r"draw \d: activation \w+, input dropout", one) for one in window.everything
    )
