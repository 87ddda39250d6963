"""Tables in comparisons and studies."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score

from multilayer.errors import SettingsError, TableError
from multilayer.experiments.compare import compare
from multilayer.experiments.comparison_words import paragraph, rows
from multilayer.experiments.load_problem import load_problem
from multilayer.experiments.repetitions import repeat
from multilayer.experiments.study import study
from multilayer.fit.column_roles import ColumnRoles

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

SMALL = "hidden_widths=8,max_epochs=8,batch_size=32"


def write(path, num_rows=300, **columns):
    """x in (−1, 1)², a town, its class by the ring x lies in, and a number."""
    source = np.random.default_rng(0)
    x, y = source.uniform(-1, 1, (2, num_rows))
    town = source.choice(["Bern", "Oslo", "Rome"], num_rows)
    frame = pl.DataFrame(
        {
            "x": x, "y": y, "town": town,
            "class": np.where(np.hypot(x, y) > 0.7, "far", "near"),
            "price": 1000 * (x**2 + y + 2 * (town == "Oslo")) + source.normal(0, 50, num_rows),
            **columns,
        }
    )  # fmt: skip
    frame.write_csv(path)
    return path


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    return write(tmp_path_factory.mktemp("tables") / "houses.csv")


@pytest.fixture(scope="module")
def classes(houses):
    return load_problem(houses, target=ColumnRoles(("class",), drop=("price",)))


@pytest.fixture(scope="module")
def prices(houses):
    return load_problem(houses, target=ColumnRoles(("price",), drop=("class",)))


def test_classes_of_a_table_are_compared(classes):
    long = "hidden_widths=16,max_epochs=60,batch_size=32"
    result = compare(classes, long, long.replace("=16,", "=,"), recipe="fast", max_seeds=20)
    [pair] = result.pairs
    assert result.metric == "accuracy"
    assert result.num_scored_rows == 60
    assert pair.verdict == "first is better"


def test_numbers_of_a_table_are_compared_by_their_error(prices):
    result = compare(prices, f"{SMALL},max_epochs=1".replace("max_epochs=8,", ""), SMALL,
                     recipe="fast", max_seeds=5)  # fmt: skip
    [pair] = result.pairs
    assert result.metric == "RMSE"
    assert result.matters == pytest.approx(0.01 * prices.unit)
    assert pair.verdict == "second is better"
    assert pair.difference.mean > 0  # of the score, which is minus the error
    assert "has a lower RMSE" in paragraph(result)
    assert float(rows(result)[0][2]) == pytest.approx(result.candidates[0].values.mean(), abs=1)


def test_scores_are_those_of_scikit_learn(classes, prices):
    members = [
        replace(prices.settings("fast,hidden_widths=8,max_epochs=3"), seed=seed) for seed in (3, 4)
    ]
    found = repeat(prices, members)
    scored = [prices.split(member, 0.2)[2] for member in members]
    examples = prices.examples(members[0])
    for number, rows_ in enumerate(scored):
        answers = found.network.member(number).logits(examples.inputs[rows_])[0].double().numpy()
        truths = examples.targets[rows_].double().numpy()
        error = prices.unit * mean_squared_error(truths, answers) ** 0.5
        assert found.scores["RMSE"][number] == pytest.approx(error, rel=1e-10)
        assert found.scores["R²"][number] == pytest.approx(r2_score(truths, answers), abs=1e-10)
    settings = classes.settings("fast,hidden_widths=8,max_epochs=3")
    found = repeat(classes, [settings])
    [rows_] = [classes.split(settings, 0.2)[2]]
    examples = classes.examples(settings)
    said = found.network.logits(examples.inputs[rows_])[0].argmax(-1)
    accuracy = accuracy_score(examples.targets[rows_], said)
    assert found.scores["accuracy"][0] == pytest.approx(accuracy, abs=1e-10)


def test_answers_are_clipped_where_the_recipe_clips(prices):
    settings = prices.settings("default,hidden_widths=8,max_epochs=1,learning_rate=1e-9")
    network = prices.network([settings], [torch.arange(300)])
    network.parameters.fill_(50)
    [rows_] = [prices.split(settings, 0.2)[2]]
    clipped = prices.scores(network, settings, [rows_])["RMSE"][0]
    free = prices.scores(network, replace(settings, clip_predictions=False), [rows_])["RMSE"][0]
    assert clipped < 5 * prices.unit < free


def test_seeds_together_are_the_seeds_alone(prices):
    members = [
        replace(prices.settings("default,hidden_widths=8,max_epochs=3"), seed=seed)
        for seed in range(3)
    ]
    together = repeat(prices, members).scores["RMSE"]
    for seed, member in enumerate(members):
        alone = repeat(prices, [member]).scores["RMSE"][0]
        assert together[seed] == pytest.approx(alone, rel=1e-3)


def test_the_curve_of_r2_ends_at_the_score(prices):
    settings = prices.settings("fast,hidden_widths=8,max_epochs=3,selection=last")
    found = repeat(prices, [replace(settings, seed=s) for s in (0, 1)], with_curves=True)
    assert found.curves.shape == (3, 2)
    assert found.curves[-1] == pytest.approx(found.scores["R²"], abs=1e-5)


def test_groups_stay_together_and_times_hold_out_the_latest(tmp_path):
    path = write(tmp_path / "t.csv", group=np.arange(300) // 10, day=np.arange(300))
    roles = ColumnRoles(("class",), group_by="group", drop=("price", "day"))
    grouped = load_problem(path, target=roles)
    settings = grouped.settings("fast")
    kept, watched, scored = (part.numpy() // 10 for part in grouped.split(settings, 0.2))
    assert not set(scored) & (set(kept) | set(watched))
    assert not set(kept) & set(watched)
    timed = load_problem(
        path, target=ColumnRoles(("class",), time_column="day", drop=("price", "group"))
    )
    assert timed.split(replace(settings, seed=9), 0.2)[2].tolist() == list(range(240, 300))
    result = compare(timed, SMALL, SMALL, recipe="fast", matters=1.0, max_seeds=5)
    assert "are the latest" in paragraph(result)


def test_several_labels_are_compared_and_not_studied(tmp_path):
    source = np.random.default_rng(1)
    path = write(tmp_path / "t.csv", wet=source.integers(0, 2, 300), cold=np.arange(300) % 2)
    roles = ColumnRoles(("wet", "cold"), drop=("price", "class"))
    result = compare(path, SMALL, SMALL, target=roles, recipe="fast", matters=0.5, max_seeds=5)
    assert result.metric == "accuracy"
    assert 0 < result.candidates[0].values.mean() < 1
    assert result.resolution == pytest.approx(1 / 120)
    with pytest.raises(SettingsError, match="several labels to predict: try multilayer compare"):
        study("width", path, target=roles)


def test_weights_count(tmp_path):
    path = write(tmp_path / "t.csv", trust=np.where(np.arange(300) < 150, 1.0, 1e-3))
    problem = load_problem(path, target=ColumnRoles(("class",), weight="trust", drop=("price",)))
    settings = problem.settings("fast,hidden_widths=8,max_epochs=2")
    network = problem.network([settings], [torch.arange(300)])
    rows_ = torch.tensor([0, 1, 200, 299])
    found = problem.scores(network, settings, [rows_])["accuracy"][0]
    examples = problem.examples(settings)
    is_right = network.logits(examples.inputs[rows_])[0].argmax(-1) == examples.targets[rows_]
    weights = examples.weights[rows_].numpy()
    assert found == pytest.approx(float(is_right.numpy() @ weights / weights.sum()), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("width", ["highest mean R²"]), ("learning-rate", ["R²", "after 3 epochs"]),
        ("baseline", ["linear regression", "change the mean R² by"]),
    ],
)  # fmt: skip
def test_a_study_of_numbers(prices, name, words):
    finding = study(name, prices, settings="fast,max_epochs=4,hidden_widths=16", is_quick=True)
    assert all(word in finding.paragraph or word in str(finding.rows) for word in words)
    assert finding.headers[1] == "R²"


def test_a_study_of_classes(classes):
    finding = study("bottleneck", classes, settings="fast,max_epochs=3,hidden_widths=8")
    assert "of the 2 classes" in finding.paragraph
    assert "ReLU" not in finding.paragraph  # the recipe's activation is another one


@pytest.mark.parametrize(
    ("arguments", "options", "complaint"),
    [
        (["fast", "best"], {}, "best is several networks"),
        (["fast", "default"], {"metric": "accuracy"},
         "unknown metric 'accuracy'; known are: RMSE, R²"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(prices, arguments, options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        compare(prices, *arguments, **options)


def test_what_does_not_fit_is_said(prices, houses, tmp_path):
    with pytest.raises(SettingsError, match="numbers to predict"):
        study("bottleneck", prices)
    with pytest.raises(SettingsError, match="trains on rows of its own"):
        study("speed", houses, target="price")
    with pytest.raises(SettingsError, match="has the loss 'cross_entropy'; houses is learned with"):
        compare(prices, "fast", replace(prices.settings("fast"), loss="cross_entropy"))
    with pytest.raises(SettingsError, match="name its column to predict"):
        compare(houses, "fast", "default")
    with pytest.raises(TableError, match="has 12 rows with a target"):
        compare(write(tmp_path / "few.csv", 12), "fast", "default", target="price")
