import subprocess
import sys

import pytest

from multilayer.drawing.live import LiveCurves
from multilayer.drawing.terminal_curves import ChartSettings
from multilayer.errors import SettingsError

TRAINING = """
    import math, sys
    from types import SimpleNamespace
    from multilayer.drawing import live
    from multilayer.drawing.live import LiveCurves
    from multilayer.drawing.terminal_curves import ChartSettings

    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    live.time = clock  # so that no test depends on how fast the machine is
    series = {"train_loss": [], "val_loss": [], "val_acc": []}

    def add(epoch):
        series["train_loss"].append((epoch, 0.3 + 2 * math.exp(-epoch / 2)))
        series["val_loss"].append((epoch, 0.4 + 2 * math.exp(-epoch / 2)))
        series["val_acc"].append((epoch, 0.87 - 0.5 * math.exp(-epoch / 2)))
"""

TWENTY_UPDATES = (
    TRAINING
    + """
    curves = LiveCurves(ChartSettings(x_limits=(0, 20)))
    for epoch in range(1, 21):
        add(epoch)
        curves.update(series, f"epoch {epoch} of 20, {20 - epoch} s left")
        if epoch % 10 == 0:
            print("the program said", epoch)
        clock.now += 1
    curves.close()
    curves.close()
    print("and this came after")
    """
)

ONE_UPDATE_THEN_ANOTHER = (
    TRAINING
    + """
    curves = LiveCurves(ChartSettings(x_limits=(0, 20)))
    print("first line of the program")
    add(1)
    curves.update(series, "first update")
    input()
    add(2)
    clock.now += 1
    curves.update(series, "second update")
    input()
    curves.close()
    print("end of the program")
    """
)


def curve_cells(window, columns=slice(None), marks="●▲■"):
    return [
        (row, column)
        for row, line in enumerate(window.lines)
        if "┤" in line or "│" in line
        for column, character in list(enumerate(line))[columns]
        if "\u2800" < character <= "\u28ff" or character in marks
    ]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50), (60, 12)])
def test_the_chart_is_redrawn_in_place(open_window, columns, rows):
    window = open_window(TWENTY_UPDATES, columns, rows)
    assert window.read_to_end() == 0, window.text
    assert window.bytes.count(b"s left") == 20 + 1 + 2  # updates, close, and two prints
    for once in ("train_loss 0.30", "val_loss 0.40", "val_acc 0.87", "epoch 20 of 20, 0 s left"):
        everything = "\n".join([*window.scrolled_away, *window.lines])
        assert everything.count(once) == 1
    assert "epoch 19" not in window.text
    assert all(line.count("┤") + line.count("│") <= 2 for line in window.lines)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_what_the_program_prints_stands_above_and_below_the_chart(open_window, columns, rows):
    window = open_window(TWENTY_UPDATES, columns, rows)
    window.read_to_end()
    everything = [*window.scrolled_away, *window.lines]
    legend = next(row for row, line in enumerate(everything) if "train_loss" in line)
    status = next(row for row, line in enumerate(everything) if "epoch 20 of 20" in line)
    assert everything[legend - 2 : legend] == ["the program said 10", "the program said 20"]
    assert everything[status + 1] == "and this came after"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_falling_losses_fall_and_rising_accuracy_rises(open_window, columns, rows):
    window = open_window(TWENTY_UPDATES, columns, rows)
    window.read_to_end()
    below, beside = window.find("val_acc")
    cells = curve_cells(window)
    if beside > 2:  # the wide window has the accuracy in its right half
        loss = [(row, column) for row, column in cells if column < beside - 2]
        accuracy = [(row, column) for row, column in cells if column >= beside - 2]
    else:
        loss = [(row, column) for row, column in cells if row < below]
        accuracy = [(row, column) for row, column in cells if row > below]
    loss.sort(key=lambda cell: cell[1])
    accuracy.sort(key=lambda cell: cell[1])
    assert loss[0][0] < loss[-1][0] - 3
    assert accuracy[0][0] > accuracy[-1][0] + 3


def test_curves_have_colours(open_window):
    window = open_window(TWENTY_UPDATES, 80, 24)
    window.read_to_end()
    row, column = window.find("train_loss")
    assert window.screen.buffer[row][column].fg == "cyan"
    row, column = window.find("val_loss")
    assert window.screen.buffer[row][column].fg == "magenta"


def test_no_color_is_respected(open_window):
    window = open_window(TWENTY_UPDATES, 80, 24, NO_COLOR="1")
    window.read_to_end()
    window.find("● train_loss")
    colors = {cell.fg for row in window.screen.buffer.values() for cell in row.values()}
    assert colors == {"default"}


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50), (30, 24), (80, 8)])
def test_the_cursor_is_hidden_while_drawing_and_shown_at_the_end(open_window, columns, rows):
    window = open_window(ONE_UPDATE_THEN_ANOTHER, columns, rows)
    window.read_until(b"first update")
    assert window.screen.cursor.hidden
    window.answer()
    window.answer()
    assert window.read_to_end() == 0
    assert not window.screen.cursor.hidden
    assert window.lines[window.screen.cursor.y] == ""
    assert window.lines[window.screen.cursor.y - 1] == "end of the program"


@pytest.mark.parametrize("rows", [24, 20, 19, 16, 12, 10])
def test_a_frame_never_scrolls_a_short_terminal(open_window, rows):
    program = ONE_UPDATE_THEN_ANOTHER.replace('print("first line of the program")', "")
    program = program.replace('print("end of the program")', "")
    window = open_window(program, 70, rows)
    window.answer()
    window.answer()
    assert window.read_to_end() == 0
    assert window.scrolled_away == []
    assert "train_loss" in window.lines[0]
    window.find("second update")


@pytest.mark.parametrize(("columns", "rows"), [(39, 24), (80, 9), (12, 3), (1, 1)])
def test_a_very_small_terminal_shows_the_status_alone(open_window, columns, rows):
    window = open_window(TWENTY_UPDATES, columns, rows)
    assert window.read_to_end() == 0
    assert "┤" not in window.text
    everything = "\n".join([*window.scrolled_away, *window.lines])
    assert "train_loss" not in everything
    if columns > 30:
        assert everything.count("epoch 20 of 20, 0 s left") == 1
        assert "epoch 19" not in everything


@pytest.mark.parametrize("size", [(60, 24), (150, 24), (80, 12), (30, 8), (80, 50)])
def test_a_resized_window_gets_a_frame_that_fits(open_window, size):
    window = open_window(ONE_UPDATE_THEN_ANOTHER, 100, 30)
    window.read_until(b"first update")
    window.resize(*size)
    window.answer()
    window.read_until(b"second update")
    assert "first update" not in window.text
    assert window.text.count("second update") == 1
    assert window.text.count("train_loss") == (0 if size == (30, 8) else 1)
    assert max(map(len, window.lines)) <= size[0]


def test_lines_that_a_narrowed_window_broke_are_cleared_too(open_window):
    window = open_window(ONE_UPDATE_THEN_ANOTHER, 100, 30)
    window.read_until(b"first update")
    wide = [line for line in window.lines if line]
    window.resize(60, 50)
    # What a terminal that breaks long lines makes of the screen, which pyte does not do itself.
    window.screen.reset()
    broken = [line[at : at + 60] for line in wide for at in range(0, len(line), 60)]
    for number, line in enumerate(broken):
        window.screen.cursor_position(number + 1, 1)
        window.screen.draw(line)
    window.answer()
    window.read_until(b"second update")
    assert window.text.count("train_loss") == 1
    assert "first update" not in window.text
    assert window.lines[0] == "first line of the program"
    assert "train_loss" in window.lines[1]


def test_a_print_after_a_resize_finds_the_new_size(open_window):
    program = ONE_UPDATE_THEN_ANOTHER.replace("input()", "input(); print('resized')", 1)
    window = open_window(program, 150, 30)
    window.read_until(b"first update")
    window.resize(80, 30)
    window.answer()
    window.read_until(b"second update")
    assert window.text.count("train_loss") == 1
    assert window.find("resized")[0] < window.find("train_loss")[0]


def test_ascii_is_used_where_the_encoding_has_nothing_else(open_window):
    window = open_window(TWENTY_UPDATES, 80, 24, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert window.read_to_end() == 0, window.text
    assert window.bytes.isascii()
    window.find("* train_loss 0.30")


def test_a_latin_1_terminal_gets_ascii(open_window):
    window = open_window(TWENTY_UPDATES, 80, 24, PYTHONUTF8="0", PYTHONIOENCODING="latin-1")
    assert window.read_to_end() == 0, window.text
    assert window.bytes.isascii()


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_dumb_terminal_gets_no_chart(open_window, term):
    window = open_window(TWENTY_UPDATES, 80, 24, TERM=term)
    assert window.read_to_end() == 0
    assert window.bytes.replace(b"\r\n", b"\n") == (
        b"the program said 10\nthe program said 20\nand this came after\n"
    )


def test_a_pipe_gets_no_chart():
    program = TWENTY_UPDATES.replace("\n    ", "\n")
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "the program said 10\nthe program said 20\nand this came after\n"
    assert result.stderr == ""


def test_updates_in_quick_succession_draw_once_and_the_last_state_is_kept(open_window):
    program = TWENTY_UPDATES.replace("clock.now += 1", "clock.now += 0.004")
    window = open_window(program.replace("if epoch % 10 == 0", "if False"), 80, 24)
    assert window.read_to_end() == 0
    assert window.bytes.count(b"s left") == 2  # the first update and close
    window.find("epoch 20 of 20")


def test_an_interrupt_leaves_the_terminal_sane(open_window):
    program = (
        TRAINING
        + """
    import os, signal
    add(1)
    with LiveCurves() as curves:
        for epoch in range(2, 1000):
            add(epoch)
            curves.update(series, f"epoch {epoch}")
            if epoch == 500:
                os.kill(os.getpid(), signal.SIGINT)
    """
    )
    window = open_window(program, 80, 24)
    assert window.read_to_end() != 0
    assert not window.screen.cursor.hidden
    assert window.lines[window.screen.cursor.y] == ""
    window.find("epoch 500")  # the last state was drawn although the throttle was closed
    assert "KeyboardInterrupt" in window.text


def test_a_chart_that_nobody_closes_gives_the_cursor_back(open_window):
    program = TRAINING + "    add(1); LiveCurves().update(series, 'forgotten')\n"
    window = open_window(program, 80, 24)
    assert window.read_to_end() == 0
    assert not window.screen.cursor.hidden
    window.find("forgotten")


def test_a_line_without_its_end_is_not_lost(open_window):
    program = (
        TRAINING
        + """
    add(1)
    with LiveCurves() as curves:
        curves.update(series, "status")
        kept = sys.stdout  # as a logging handler would
        print("[bold]half", end="")
        print(" a line", end="")
    """
    )
    window = open_window(program, 80, 24)
    assert window.read_to_end() == 0, window.text
    assert window.lines[0] == "[bold]half a line"


def test_errors_written_to_a_file_stay_out_of_the_terminal(open_window, tmp_path):
    log = tmp_path / "log.txt"
    program = (
        TRAINING
        + f"""
    sys.stderr = open({str(log)!r}, "w")
    add(1)
    with LiveCurves() as curves:
        curves.update(series, "status")
        print("for the file", file=sys.stderr)
    """
    )
    window = open_window(program, 80, 24)
    assert window.read_to_end() == 0, window.text
    assert log.read_text() == "for the file\n"
    assert "for the file" not in window.text


def test_a_second_chart_begins_below_the_first(open_window):
    program = (
        TRAINING
        + """
    curves = LiveCurves()
    for name in ("first", "second"):
        curves.update({name: [(1, 1.0)]}, name + " status")
        curves.close()
    """
    )
    window = open_window(program, 80, 50)
    assert window.read_to_end() == 0
    assert window.find("first status")[0] + 1 == window.find("● second")[0]


def test_settings_are_checked_before_anything_is_drawn():
    with pytest.raises(SettingsError, match="x_limits"):
        LiveCurves(ChartSettings(x_limits=(3, 1)))


def test_only_a_terminal_is_supported(tmp_path):
    with (tmp_path / "file").open("w") as file:
        assert not LiveCurves.is_supported(file)
    assert not LiveCurves.is_supported(file)  # now it is closed


def test_neither_torch_nor_matplotlib_is_loaded():
    program = "import sys, multilayer.drawing.live; print({'torch', 'matplotlib'} & {*sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"
