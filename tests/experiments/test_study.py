import json

import numpy as np
import pytest
from sample_tables import problem_of

from multilayer.errors import DatasetNotFoundError, SettingsError
from multilayer.experiments.studies import alignment, joint, speed
from multilayer.experiments.studies.speed import ratio_interval, times_in_turns
from multilayer.experiments.study import run_study, save_study, study
from multilayer.experiments.study_plan import STUDY_NAMES, plan_study
from multilayer.runs.run_folder import RunFolder


@pytest.fixture(scope="module")
def rings():
    """Three rings of points, one about the other."""
    source = np.random.default_rng(0)
    labels = source.integers(0, 3, 300)
    angles = source.uniform(0, 2 * np.pi, 300)
    radii = labels + source.normal(1, 0.15, 300)
    inputs = np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1).astype(np.float32)
    return problem_of("rings", inputs, labels, 3)


SMALL = "chapter,max_epochs=4,batch_size=32,hidden_widths=16"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("width", ["Width 256", "at width 16 and"]),
        ("depth", ["Depth ", "All were trained with the learning rate"]),
        ("bottleneck", ["the last layer receives", "as large as in 16-16"]),
        ("learning-rate", ["after 1 epoch (0.", "second half"]),
        ("activation", ["With identity, that is without an activation"]),
        ("initialisation", ["With 4 hidden layers: The initialisation", "N(0, 0.01²)"]),
        ("batch-size", ["in proportion to the batch size"]),
        ("joint", ["seeds that the search had not used. The "]),
        ("baseline", ["softmax regression", "The hidden layers change the mean accuracy by +"]),
    ],
)
def test_a_study_answers_with_a_table_a_picture_and_a_paragraph(rings, tmp_path, name, words):
    finding = study(name, rings, settings=SMALL, is_quick=True)
    for word in words:
        assert word in finding.paragraph
    assert all(len(row) == len(finding.headers) for row in finding.rows)
    save_study(name, finding, RunFolder(tmp_path / "out", "x"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "study.json", "study.md", "study.png", "study.svg",
    }  # fmt: skip
    document = json.loads((tmp_path / "out" / "study.json").read_text())
    assert document["machine"]["processor"]
    assert document["date"]
    assert finding.paragraph in (tmp_path / "out" / "study.md").read_text()


@pytest.mark.parametrize("module", [speed, alignment])
def test_a_study_of_speed_measures_in_turns(monkeypatch, tmp_path, module):
    monkeypatch.setattr(module, "QUICK_ROUNDS", 2)
    monkeypatch.setattr(module, "NUM_STEPS", 1)
    monkeypatch.setattr(alignment, "SIZES", (32, 33))
    monkeypatch.setattr(alignment, "QUICK_POWERS", (16,))
    monkeypatch.setattr(speed, "QUICK_WIDTHS", (8, 16))
    name = module.__name__.rpartition(".")[2]
    finding = study(name, is_quick=True)
    assert all(len(row) == len(finding.headers) for row in finding.rows)
    assert (
        "powers of two" if module is alignment else "as long as the engine's"
    ) in finding.paragraph
    save_study(name, finding, RunFolder(tmp_path / "out", "x"))


def test_the_hidden_layer_is_found_to_be_worth_it(rings):
    finding = study(
        "baseline", rings, settings=f"{SMALL},max_epochs=20".replace("max_epochs=4,", "")
    )
    assert finding.rows[1][5] == "better"


def test_a_study_says_what_it_is_doing(rings):
    lines = list(run_study("width", plan_study("width", rings, settings=SMALL, is_quick=True)))
    assert lines == ["16: 5 seeds", "64: 5 seeds", "256: 5 seeds", "1024: 5 seeds"]


def test_variants_of_one_shape_are_one_population(rings):
    plan = plan_study("learning-rate", rings, settings=SMALL)
    assert len(list(run_study("learning-rate", plan))) == 1


def test_the_search_draws_the_same_settings_each_time(rings):
    plan = plan_study("joint", rings, settings=SMALL)
    names = [variant.name for variant in joint.draw(plan.settings, 9)]
    assert names == [variant.name for variant in joint.draw(plan.settings, 9)]
    assert len(set(names)) == 9


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("with", {}, "unknown study 'with'; known are: width, depth"),
        ("width", {"num_seeds": 2}, "must be at least 5"),
        ("width", {"matters": 0.0}, "must be a number above 0"),
        ("width", {"settings": "droput=1"}, "unknown setting 'droput'"),
    ],
)
def test_what_is_wrong_is_said(rings, name, options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        plan_study(name, rings, **options)


def test_data_that_is_not_there():
    with pytest.raises(DatasetNotFoundError, match="'nowhere'"):
        plan_study("width", "nowhere")
    assert plan_study("speed", "nowhere").problem is None


def test_quick_is_fewer_rows():
    source = np.random.default_rng(0)
    many = problem_of(
        "many", source.standard_normal((20_000, 2)).astype(np.float32), np.arange(20_000) % 2, 2
    )
    plan = plan_study("width", many, is_quick=True)
    assert len(plan.rows) == 15_000
    assert len(plan_study("width", many).rows) == 20_000


def test_ratios_by_hand():
    # Logs of the ratios 2, 2 and 2 are equal: the interval is a point.
    ratio = ratio_interval(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    assert (ratio.mean, ratio.low, ratio.high) == pytest.approx((2, 2, 2))


def test_things_take_turns():
    done = []
    things = {name: lambda name=name: done.append(name) for name in "ab"}
    times = times_in_turns(things, 3)
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 3, "b": 3}
    assert STUDY_NAMES[0] == "width"
