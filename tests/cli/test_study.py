import json

import pytest


def test_a_study_from_start_to_folder(multilayer, small_folder, tmp_path):
    done = multilayer(
        "study", "baseline", small_folder, "--settings", "max_epochs=2", "--quick",
        "--output", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["softmax regression: 5 seeds", "MLP with 256: 5 seeds"]
    assert "highest mean accuracy" in done.stdout
    assert "out: study.json, study.md, study.png, study.svg" in done.stdout
    document = json.loads((tmp_path / "out" / "study.json").read_text())
    assert document["study"] == "baseline"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["wdth"], "unknown study 'wdth'; known are: width, depth, bottleneck"),
        (["width", "nowhere"], "'nowhere' is neither a known data set nor a folder"),
        (["width", "digits", "--seeds", "1"], "at least 5 seeds"),
        (["width", "digits", "--settings", "depth=3"], "unknown setting 'depth'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(multilayer, tmp_path, arguments, complaint):
    done = multilayer("study", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
