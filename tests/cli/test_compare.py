import json
import signal

import pytest

SMALL = "hidden_widths=8,max_epochs=2"


def test_a_comparison_from_start_to_folder(multilayer, small_folder, tmp_path):
    done = multilayer(
        "compare", small_folder, SMALL, "hidden_widths=8,max_epochs=2,learning_rate=0.001",
        "--max-seeds", "5", "--output", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert f"{SMALL} is better" in done.stdout
    assert "out: comparison.json, comparison.md, comparison.png, comparison.svg" in done.stdout
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [len(one["values"]) for one in document["settings"]] == [5, 5]


def test_quiet_prints_the_paragraph_alone(multilayer, small_folder):
    done = multilayer(
        "compare", small_folder, SMALL, SMALL, "--max-seeds", "5", "--matters", "0.1", "--quiet"
    )
    assert done.stdout.count("\n") == 1
    assert "no difference larger than 0.1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["chapter"], "a comparison needs at least two settings"),
        (["chapter", "droput=0.1"], "nearest first: dropout"),
        (["chapter", "dropout=0.1", "--max-seeds", "2"], "must be at least 5"),
        (["chapter", "dropout=0.1", "--metric", "speed"], "speed"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    multilayer, small_folder, tmp_path, arguments, complaint
):
    done = multilayer("compare", small_folder, *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_is_known(start_multilayer, small_folder, tmp_path):
    process = start_multilayer(
        "compare", small_folder,
        "hidden_widths=64,max_epochs=8", "hidden_widths=64,max_epochs=8,learning_rate=0.101",
        "--matters", "1e-9", "--max-seeds", "640", "--output", "out",
    )  # fmt: skip
    assert process.stdout.readline().startswith("after 5 seeds: 1 of 1 pairs undecided")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "interrupted before it was decided" in output
    document = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert document["status"] == "interrupted"
