"""The curves of a pack, whose history is that of one group of draws after the other."""

import math

import pytest
from PIL import Image

from multilayer.drawing.html.charts import learning_charts
from multilayer.drawing.html.content import RunContent
from multilayer.drawing.pack_history import first_loss, groups_of, is_of_pack
from multilayer.drawing.pictures import save_learning_curves


def line(epoch: int, wave: int, mixture: float | None, **others: float | None) -> dict:
    losses = {"train_loss": 1 / epoch, "validation_loss": 0.5, "validation_accuracy": 0.9}
    known = {} if mixture is None else {"mixture_loss": mixture}
    return {"epoch": epoch, **losses, "wave": wave, **known, **others}


HISTORY = [
    line(1, 1, None), line(2, 1, 0.9), line(3, 1, 0.4),
    line(4, 2, 0.4), line(5, 2, 0.3),
    line(6, 3, 0.3), line(7, 3, 0.25),
]  # fmt: skip
PLAIN = [{"epoch": 1, "train_loss": 0.7, "validation_loss": 0.6}]


def content(name: str, history: list[dict]) -> RunContent:
    return RunContent(name, "Finished.", {}, {}, {}, history, "multilayer train x", {})


def test_the_groups_of_a_history():
    assert [len(group) for group in groups_of(HISTORY)] == [3, 2, 2]
    assert first_loss(HISTORY) == 0.4
    assert is_of_pack(HISTORY)
    assert not is_of_pack(PLAIN)
    assert not is_of_pack([])


@pytest.mark.parametrize(
    "history",
    [
        HISTORY,
        HISTORY[:1],
        [line(1, 1, math.nan), line(2, 1, 1e308, train_loss=None), line(3, 2, None)],
        [line(1, 1, 0.0), line(2, 2, 0.0)],
        [line(1, 1, -0.5), line(2, 2, -0.7, validation_calibrated_loss=0.1)],
        [line(epoch, epoch, 1 / epoch) for epoch in range(1, 60)],
    ],
)
def test_any_history_becomes_a_picture(history, tmp_path):
    save_learning_curves(history, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 2 * picture.height


def test_a_report_draws_the_mixture_and_no_curve_of_one_network():
    (chart,) = learning_charts([content("pack", HISTORY)])
    assert "mixture" in chart.title
    mixture, alone = chart.series
    assert list(mixture.points) == [(3, 0.4), (4, 0.4), (5, 0.3), (6, 0.3), (7, 0.25)]
    assert alone.is_dashed
    assert {y for _, y in alone.points} == {0.4}
    assert chart.table is not None


def test_a_pack_beside_another_run_has_a_chart_of_its_own():
    loss, mixture = learning_charts([content("pack", HISTORY), content("plain", PLAIN)])
    assert all("pack" not in series.name for series in loss.series)
    assert all("plain" not in series.name for series in mixture.series)


def test_a_pack_of_which_no_mixture_is_known_has_no_chart():
    assert learning_charts([content("pack", HISTORY[:1])]) == []
