import pytest

from multilayer.drawing.html.chart import Bar, BarTable, Chart, Series, Table
from multilayer.drawing.html.content import (
    Confusion,
    Finding,
    LayerSummary,
    Mistake,
    RunContent,
    WeightPictures,
)

# What a careless page would run, in every place that takes text of the user's.
HOSTILE = "</script><img src=x onerror=\"document.title='broken'\">'\"{{ 7 * 7 }}&<b>"
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def hostile_run(name: str) -> RunContent:
    """A run in which every text is hostile and every part is there."""
    chart = Chart(
        f"{HOSTILE} {name}", HOSTILE, HOSTILE,
        [Series(HOSTILE, [(0.1, 0.2), (0.5, 0.6)], intervals=[(0.1, 0.3), (0.5, 0.7)])],
        HOSTILE, table=Table(HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, HOSTILE]]),
    )  # fmt: skip
    bars = BarTable(HOSTILE, (HOSTILE, HOSTILE), [Bar(HOSTILE, HOSTILE, 0.5)])
    texts = {HOSTILE: HOSTILE}
    return RunContent(
        name=HOSTILE + name,
        status=HOSTILE,
        facts=texts,
        settings=texts,
        scores=texts,
        history=[
            {"epoch": 1, "train_loss": 1.0, f"validation_{HOSTILE}": 2.0},
            {"epoch": 2, "train_loss": 0.5, f"validation_{HOSTILE}": 1.0},
        ],
        command=HOSTILE,
        conditions=texts,
        seconds=bars,
        # A cell of every darkness, from none of its class to all of it.
        confusion=Confusion(
            [HOSTILE] * 11,
            [[10 * n for n in range(11)]] * 11,
            [HOSTILE] * 11,
            [HOSTILE] * 11,
            [100] * 11,
            HOSTILE,
        ),
        labels=Table(HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, HOSTILE]]),
        calibration=chart,
        residuals=[chart],
        mistakes=[
            Mistake(HOSTILE, HOSTILE, HOSTILE, 0, PICTURE if name else "", {HOSTILE: HOSTILE})
        ],
        num_mistakes=1,
        weights=WeightPictures(HOSTILE, PICTURE, HOSTILE),
        importance=bars,
        layer_headers=(HOSTILE,),
        layers=[LayerSummary(HOSTILE, [HOSTILE], [0.0, 1.0, 0.5], HOSTILE)],
        gradients=bars,
        findings=[Finding(HOSTILE, HOSTILE, HOSTILE)],
        missing=[HOSTILE],
    )


@pytest.fixture(params=[1, 2], ids=["one run", "two runs"])
def hostile_runs(request: pytest.FixtureRequest) -> list[RunContent]:
    return [hostile_run(" 1")] if request.param == 1 else [hostile_run(" 1"), hostile_run("")]


@pytest.fixture
def hostile_text() -> str:
    return HOSTILE
