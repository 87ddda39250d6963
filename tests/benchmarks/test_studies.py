"""What is kept of studies' times becomes the tables, whole or in part."""

import pytest


def test_the_last_measurement_of_a_piece_counts(tmp_path, monkeypatch):
    import studies

    monkeypatch.setattr(studies, "RECORDS", tmp_path / "cache" / "studies.jsonl")
    assert studies.latest() == {}
    studies.append("width 16", {"bare products": [2.0], "study": [9.0]})
    studies.append("width 16", {"bare products": [2.0], "study": [3.0]})
    studies.append("width 32", {"bare products": [4.0], "study": [3.0]})
    text = studies.report(studies.latest())
    assert "| 16 | 2.00 | 3.00 | 1.50 |" in text
    assert "| these | 6.00 | 6.00 | 1.00 |" in text
    assert "Not measured: table, commands, width 64" in text


def test_a_comparison_is_held_against_single_fits_by_medians():
    import studies

    found = {
        "table": {"seconds": {"together": [1.0, 1.0, 9.0], "one after another": [2.0, 1.0, 2.0]}},
        "commands": {"seconds": {"half of compare": [2.0], "train commands": [10.0]}},
    }
    text = studies.report(found)
    assert "| ten fits one after another with the same engine | 2.00 | 2.00 | 1.00 |" in text
    assert "| ten `multilayer train` commands | 10.00 | 10.00 | 5.00 |" in text


def test_unknown_pieces_are_refused():
    import studies

    assert studies.chosen("table,width 16") == ["table", "width 16"]
    with pytest.raises(SystemExit, match="unknown piece 'width'"):
        studies.chosen("width")
