from multilayer.drawing.html.charts import learning_charts
from multilayer.drawing.html.content import RunContent


def run(name: str, history: list[dict]) -> RunContent:
    return RunContent(name, "Finished.", {}, {}, {}, history, "multilayer train x", {})


HISTORY = [
    {
        "epoch": 1,
        "train_loss": 2.0,
        "validation_loss": 1.5,
        "validation_accuracy": 0.5,
        "seconds": 1,
    },
    {
        "epoch": 2,
        "train_loss": 1.0,
        "validation_loss": 1.2,
        "validation_accuracy": 0.6,
        "seconds": 1,
    },
]


def test_each_quantity_has_a_chart_and_the_loss_comes_first():
    charts = learning_charts([run("a", HISTORY)])
    assert [chart.title for chart in charts] == ["Loss by epoch", "Accuracy by epoch"]
    assert [one.name for one in charts[0].series] == ["training", "validation"]
    assert charts[0].series[0].points == [(0.5, 2.0), (1.5, 1.0)]
    assert charts[0].series[1].points == [(1.0, 1.5), (2.0, 1.2)]
    assert charts[0].summary == (
        "training: from 2 to 1 (epoch 1 to 2); validation: from 1.5 to 1.2 (epoch 1 to 2)."
    )


def test_the_table_holds_what_the_chart_shows():
    [loss, _] = learning_charts([run("a", HISTORY)])
    assert loss.table.headers == ["epoch", "training", "validation"]
    assert loss.table.rows == [["1", "2", "1.5"], ["2", "1", "1.2"]]


def test_several_runs_share_a_chart_with_a_colour_each():
    [loss, _] = learning_charts([run("a", HISTORY), run("b", HISTORY[:1])])
    assert [(one.name, one.look, one.is_dashed) for one in loss.series] == [
        ("a, training", 0, True),
        ("a, validation", 0, False),
        ("b, training", 1, True),
        ("b, validation", 1, False),
    ]
    assert loss.table.rows[1] == ["2", "1", "1.2", "–", "–"]


def test_a_diverged_epoch_has_no_point():
    [loss] = learning_charts([run("a", [HISTORY[0], {"epoch": 2, "train_loss": None}])])[:1]
    assert loss.series[0].points == [(0.5, 2.0)]


def test_a_run_without_epochs_has_no_chart():
    assert learning_charts([run("a", [])]) == []


def test_losses_over_many_magnitudes_are_logarithmic():
    history = [{"epoch": n, "train_loss": 10.0**-n} for n in range(1, 5)]
    assert learning_charts([run("a", history)])[0].y_scale == "log"


def test_the_table_of_a_long_run_is_short_and_ends_with_its_end():
    history = [{"epoch": n, "train_loss": 1.0} for n in range(1, 1001)]
    table = learning_charts([run("a", history)])[0].table
    assert len(table.rows) == 100
    assert table.rows[-1][0] == "1000"
    assert "every 10 epochs" in table.caption
