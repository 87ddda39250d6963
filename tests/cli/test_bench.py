"""`multilayer bench` as a person runs it."""

import json
import re
import signal

import pytest

CONTENDERS = [
    "floor", "engine", "eager PyTorch", "the book's Trainer", "DataLoader loop", "scikit-learn",
]  # fmt: skip
TIME = r"[\d.]+ (?:µs|ms|s)"


def test_the_table_shows_every_contender_with_its_ratios(multilayer, tmp_path):
    done = multilayer(
        "bench", "--cases", "D", "--repeats", "2", "--threads", "1", "--output", "speed.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Processor: .+; cores: \d+, threads: 1$", done.stdout, re.MULTILINE)
    assert "torch 2." in done.stdout
    assert "\nD: 64-64-10, adam, batches of 32\n" in done.stdout
    saved = json.loads((tmp_path / "speed.json").read_text())
    [case] = saved["cases"]
    assert list(case["contenders"]) == CONTENDERS
    for name, times in case["contenders"].items():
        [(to_floor, to_engine)] = re.findall(
            rf"^{name} +{TIME} +{TIME} to {TIME} +([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE
        )
        assert float(to_floor) == pytest.approx(times["ratio_to_floor"], abs=0.0051)
        assert float(to_engine) == pytest.approx(times["ratio_to_engine"], abs=0.0051)
        assert len(times["step_seconds"]) == 2
    assert done.stdout.endswith("\nspeed.json\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cases", "S,X"], "unknown case 'X'; known are: S, L, T, D"),
        (["--cases", ","], "--cases must name at least one; known are: S, L, T, D"),
        (["--repeats", "0"], "repeats must be at least 1; it is 0"),
        (["--repeats", "few"], "few"),
        (["--threads", "0"], "threads must be from 1 to "),
        (["--output", "nowhere/speed.json"], "the folder nowhere does not exist"),
        (["--output", "."], "cannot write .: it is a folder"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_measured(
    multilayer, tmp_path, arguments, message
):
    done = multilayer("bench", *arguments)
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*\n", done.stderr)
    assert message in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_no_file(start_multilayer, tmp_path):
    process = start_multilayer("bench", "--output", "speed.json")
    assert process.stdout.readline().startswith("Processor: ")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130
    assert errors == "error: interrupted\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_table_fits_a_narrow_window(open_window):
    program = """
    from multilayer.cli import main
    main(["bench", "--cases", "D", "--repeats", "1"])
    """
    window = open_window(program, 80, 40)
    assert window.read_to_end() == 0
    for name in CONTENDERS:
        [line] = [line for line in window.lines if line.startswith(name)]
        assert re.search(rf"{TIME} +{TIME} to {TIME} +[\d.]+ +[\d.]+$", line)
