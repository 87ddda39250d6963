import numpy as np
import polars as pl
import pytest
import yaml

from multilayer import write_card
from multilayer.cli.application import run
from multilayer.errors import OutputError, RunFolderError
from multilayer.report.model_card import model_card
from multilayer.runs.run_documents import read_results, read_settings


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    source = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "size | m²": source.normal(100, 30, 120),
            "<b>town</b>": source.choice(["Bern", "Oslo"], 120),
            "price: *": source.normal(0, 1, 120),
        }
    )
    frame.write_csv(folder / "houses.csv")
    arguments = ["--target", "price: *", "--recipe", "fast", "--max-epochs", "1", "--quiet"]
    quick = ["--hidden-widths", "4", "--num-threads", "1", "--output", str(folder / "houses: 1")]
    assert run(["train", str(folder / "houses.csv"), *arguments, *quick]) == 0
    return folder / "houses: 1"


def parts_of(text: str) -> tuple[dict, str]:
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_header_is_what_the_hub_reads(table_run, tmp_path):
    path = write_card(table_run, tmp_path / "card.md")
    header, _ = parts_of(path.read_text())
    assert header["library_name"] == "multilayer"
    assert header["pipeline_tag"] == "tabular-regression"
    (index,) = header["model-index"]
    assert index["name"] == "houses: 1"
    (result,) = index["results"]
    assert result["task"] == {"type": "tabular-regression"}
    assert result["dataset"] == {"type": "tabular", "name": "houses"}
    assert {one["type"] for one in result["metrics"]} == {"rmse", "mae", "r_squared"}
    values = {one["name"]: one["value"] for one in read_results(table_run)["validation"]}
    for one in result["metrics"]:
        assert one["value"] == values[one["name"].removesuffix(" on held-out rows")]


def test_the_body_shows_names_as_they_are_and_no_paths(table_run, tmp_path):
    text = write_card(table_run, tmp_path / "card.md").read_text()
    _, body = parts_of(text)
    assert "| size \\| m² | numeric |" in body
    assert "\\<b\\>town\\</b\\>" in body
    assert "that predicts price: \\* (regression)" in body
    assert "multilayer train houses.csv" in body
    assert str(table_run.parent) not in text


def test_images_have_their_own_task(small_folder, tmp_path):
    arguments = ["train", str(small_folder), "--recipe", "chapter", "--max-epochs", "1", "--quiet"]
    assert run([*arguments, "--output", str(tmp_path / "run")]) == 0
    header, body = parts_of(write_card(tmp_path / "run").read_text())
    assert header["pipeline_tag"] == "image-classification"
    assert "accuracy" in {one["type"] for one in header["model-index"][0]["results"][0]["metrics"]}
    assert "labels images of 28 × 28 pixels" in body


def test_a_card_replaces_a_card_and_nothing_else(table_run, capsys):
    assert run(["report", str(table_run), "--card"]) == 0
    assert run(["report", str(table_run), "--card"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(table_run / "README.md")] * 2
    (table_run / "README.md").write_text("mine")
    with pytest.raises(OutputError, match="is there and is no card of ours"):
        write_card(table_run)
    assert (table_run / "README.md").read_text() == "mine"


def test_a_run_without_a_model_or_several_are_refused(table_run, tmp_path, capsys):
    with pytest.raises(RunFolderError, match="there is no run folder"):
        write_card(tmp_path / "none")
    assert run(["report", str(table_run), str(table_run), "--card"]) == 2
    assert "--card is of one run folder; 2 are named" in capsys.readouterr().err


def test_a_run_without_scores_has_a_card_without_them(table_run):
    results = {**read_results(table_run), "validation": [], "test": []}
    header, body = parts_of(model_card("m", read_settings(table_run), results))
    assert "model-index" not in header
    assert "## Evaluation" not in body
