import json
import signal

import pytest


def test_a_study_from_start_to_folder(multilayer, small_folder, tmp_path):
    done = multilayer(
        "study", "baseline", small_folder, "--settings", "max_epochs=2", "--quick",
        "--output", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["softmax regression: 5 seeds", "MLP with 256: 5 seeds"]
    assert "higher mean accuracy" in done.stdout
    assert "out: study.json, study.md, study.png, study.svg" in done.stdout
    document = json.loads((tmp_path / "out" / "study.json").read_text())
    assert document["study"] == "baseline"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["wdth"], "unknown study 'wdth'; known are: width, depth, bottleneck"),
        (["width", "nowhere"], "'nowhere' is neither a known data set nor a folder"),
        (["width", "digits", "--seeds", "1"], "must be at least 5"),
        (["width", "digits", "--rows", "7"], "--rows must be at least 100; it is 7"),
        (["speed", "--target", "y"], "the study speed trains on rows of its own"),
        (["width", "digits", "--drop", "x"], "flags for tables need --target"),
        (["width", "t.csv", "--target", "y", "--validation", "0.2"], "--validation does not go"),
        (["width", "digits", "--settings", "depth=3"], "unknown setting 'depth'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(multilayer, tmp_path, arguments, complaint):
    done = multilayer("study", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_is_finished(start_multilayer, small_folder, tmp_path):
    process = start_multilayer(
        "study", "width", small_folder, "--settings", "max_epochs=60", "--output", "out"
    )
    while not process.stderr.readline().startswith("64: "):
        pass
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "interrupted after 2 parts" in output
    document = json.loads((tmp_path / "out" / "study.json").read_text())
    assert document["status"] == "interrupted"
    assert [part["name"] for part in document["finished"]] == ["16", "32"]
    assert "| 32 |" in (tmp_path / "out" / "study.md").read_text()


def test_ctrl_c_before_anything_is_finished_leaves_nothing(
    start_multilayer, small_folder, tmp_path
):
    process = start_multilayer(
        "study", "learning-rate", small_folder, "--settings", "max_epochs=2000", "--output", "out"
    )
    assert process.stderr.readline().endswith("5 seeds\n")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "interrupted before anything was finished" in errors
    assert not (tmp_path / "out").exists()


def test_a_table_is_studied_and_compared(multilayer, tmp_path):
    rows = "".join(f"{n % 17},{n % 5},{3 * (n % 17) + n % 5}\n" for n in range(200))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
    done = multilayer(
        "study", "baseline", "t.csv", "--target", "y", "--settings",
        "fast,max_epochs=2,hidden_widths=8", "--output", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "linear regression" in done.stdout
    done = multilayer(
        "compare", "t.csv", "fast,max_epochs=2", "fast,max_epochs=3", "--target", "y",
        "--metric", "r2", "--max-seeds", "5", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "R²" in done.stdout
    done = multilayer("compare", "t.csv", "fast", "default")
    assert done.returncode == 2
    assert done.stderr == "error: t.csv is a file; name its column to predict with --target\n"
