import json
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from PIL import Image
from sample_tables import problem_of

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import DatasetNotFoundError, SettingsError
from multilayer.experiments.compare import compare
from multilayer.experiments.comparison_folder import save_comparison
from multilayer.experiments.comparison_words import paragraph
from multilayer.experiments.repetitions import repeat
from multilayer.recipes.recipes import recipe
from multilayer.runs.run_folder import RunFolder


@pytest.fixture(scope="module")
def ring():
    """Points within a ring and outside it: a linear model cannot tell them apart."""
    source = np.random.default_rng(0)
    inputs = source.standard_normal((600, 2)).astype(np.float32)
    return problem_of("ring", inputs, (np.hypot(*inputs.T) > 1.2).astype(np.int64), 2)


SMALL = "hidden_widths=16,max_epochs=6,batch_size=16"


def test_a_real_difference_is_found(ring):
    result = compare(ring, SMALL, "hidden_widths=,max_epochs=6,batch_size=16", max_seeds=20)
    [pair] = result.pairs
    assert pair.verdict == "first is better"
    assert pair.difference.high < 0
    assert result.num_seeds == 5  # it did not take more
    assert "hidden_widths=16,max_epochs=6,batch_size=16 is better" in paragraph(result)


def test_a_setting_is_no_different_from_itself(ring):
    result = compare(ring, SMALL, SMALL, matters=0.02)
    [pair] = result.pairs
    assert pair.verdict == "no difference that matters"
    assert pair.difference.mean == 0
    assert pair.difference.low < 0 < pair.difference.high  # equal scores are no certainty
    assert "no difference larger than 0.02" in paragraph(result)


def test_undecided_is_said_plainly(ring):
    result = compare(ring, SMALL, f"{SMALL},learning_rate=0.11", matters=1e-6, max_seeds=5)
    assert result.pairs[0].verdict == "undecided"
    assert result.is_final
    assert "undecided at the limit of 5 seeds" in paragraph(result)


def test_every_value_is_that_of_the_network_trained_alone(ring):
    settings = recipe(hidden_widths=(16,), max_epochs=3, batch_size=32, dropout=0.1)
    result = compare(ring, settings, replace(settings, learning_rate=0.3), max_seeds=5, matters=1)
    for candidate in result.candidates:
        for seed in range(5):
            alone = repeat(ring, [replace(candidate.settings, seed=seed)])
            assert candidate.values[seed] == pytest.approx(alone.scores["accuracy"][0], abs=0.01)


def test_settings_share_rows_held_out_seed_by_seed(ring, monkeypatch):
    import multilayer.experiments.problem as module

    seen = {}
    real = module.evaluate

    def note(network, examples, loss, rows):
        seen.setdefault(network.spec.hidden_widths, []).extend(rows)
        return real(network, examples, loss, rows)

    monkeypatch.setattr(module, "evaluate", note)
    compare(ring, "hidden_widths=4,max_epochs=1", "hidden_widths=8,max_epochs=1",
            max_seeds=5, matters=1)  # fmt: skip
    assert all(np.array_equal(a, b) for a, b in zip(seen[4,], seen[8,], strict=True))
    assert not np.array_equal(seen[4,][0], seen[4,][1])


def test_an_epoch_is_not_selected_by_the_rows_that_are_scored(ring, monkeypatch):
    import multilayer.experiments.repetitions as module

    seen = {}
    real = module.train

    def note(*arguments, **options):
        seen.update(options)
        return real(*arguments, **options)

    monkeypatch.setattr(module, "train", note)
    settings = recipe(max_epochs=2, selection="loss", validation_fraction=0.25)
    repeat(ring, [settings])
    [rows], [watched] = seen["rows"], seen["validation_rows"]
    assert (len(rows), len(watched)) == (360, 120)  # and 120 to score on
    assert not set(rows.tolist()) & set(watched.tolist())


def test_loss_may_be_compared(ring):
    result = compare(ring, SMALL, f"{SMALL},learning_rate=0.001", metric="loss", max_seeds=5)
    [pair] = result.pairs
    assert pair.verdict == "first is better"
    assert result.candidates[0].values.mean() < result.candidates[1].values.mean()
    assert "a lower loss" in paragraph(result)


def test_networks_that_diverge_are_counted(ring):
    bad = "hidden_widths=16,max_epochs=6,batch_size=16,learning_rate=1e9"
    result = compare(ring, SMALL, bad, max_seeds=5)
    assert result.candidates[1].num_diverged == 5
    assert f"{bad} diverged at 5 of 5 seeds." in paragraph(result)
    with pytest.raises(SettingsError, match="diverged at 5 of 5 seeds and has no loss there"):
        compare(ring, SMALL, bad, metric="loss", max_seeds=5)


def test_several_settings_are_compared_pair_by_pair(ring):
    result = compare(
        ring, SMALL, "hidden_widths=,max_epochs=6,batch_size=16", f"{SMALL},dropout=0.1",
        max_seeds=5,
    )  # fmt: skip
    assert [(pair.first, pair.second) for pair in result.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert "3 pairs by Holm's method" in paragraph(result)


@pytest.mark.parametrize(
    ("arguments", "options", "complaint"),
    [
        ([SMALL], {}, "at least two settings, .*; given: hidden_widths=16"),
        ([], {}, "given: none"),
        ([SMALL, "chapter"], {"metric": "speed"}, "unknown metric 'speed'"),
        ([SMALL, "chapter"], {"matters": 0}, "must be a number above 0"),
        ([SMALL, "chapter"], {"max_seeds": 3}, "must be at least 5"),
        ([SMALL, "chapter"], {"held_out": 1.0}, "held_out must be above 0 and below 1"),
        ([SMALL, "selection=loss"], {}, "selection=loss selects by 'loss' and needs a validation"),
        ([SMALL, "selection=last,patience=3"], {}, "patience 3 needs a selection"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(ring, arguments, options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        compare(ring, *arguments, **options)


def test_data_that_is_not_there():
    with pytest.raises(DatasetNotFoundError, match="'nowhere'"):
        compare("nowhere", "chapter", "dropout=0.1")


def test_a_comparison_stops_with_what_is_known(ring):
    stop = Event()
    looks = []

    def stop_then(comparison):
        looks.append(comparison)
        stop.set()

    settings = [SMALL, f"{SMALL},learning_rate=0.11"]
    last = compare(ring, *settings, matters=1e-6, stop=stop, on_look=stop_then)
    assert not looks[0].is_interrupted
    assert looks[-1] is last
    assert last.is_interrupted
    assert last.num_seeds == 5
    assert compare(ring, SMALL, SMALL, stop=stop).pairs == ()


def test_settings_given_as_they_are_get_a_name_that_can_be_read():
    settings = TrainingSettings(hidden_widths=(8, 4), dropout=0.1)
    result = compare(
        problem_of("noise", np.zeros((20, 2), np.float32), np.arange(20) % 2, 2),
        settings, TrainingSettings(), max_seeds=5, matters=2.0,
    )  # fmt: skip
    assert [one.name for one in result.candidates] == ["hidden_widths=8,4,dropout=0.1", "chapter"]


def test_the_folder_holds_everything(ring, tmp_path):
    result = compare(ring, SMALL, f"{SMALL},dropout=0.3", max_seeds=5)
    save_comparison(result, RunFolder(tmp_path / "comparison", "x"))
    folder = tmp_path / "comparison"
    assert {path.name for path in folder.iterdir()} == {
        "comparison.json", "comparison.md", "comparison.png", "comparison.svg",
    }  # fmt: skip
    document = json.loads((folder / "comparison.json").read_text())
    assert document["settings"][0]["values"] == result.candidates[0].values.tolist()
    assert document["pairs"][0]["verdict"] == result.pairs[0].verdict
    assert paragraph(result) in (folder / "comparison.md").read_text()
    with Image.open(folder / "comparison.png") as image:
        assert image.size[0] == 960
    drawing = (folder / "comparison.svg").read_text()
    assert f"against {SMALL}"[:40] in drawing
    assert "</svg>" in drawing
