"""What a study says follows its figures: made-up ones, both ways."""

import numpy as np
import pytest
from sample_tables import problem_of

from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies.activation import about_identity, about_late_gains
from multilayer.experiments.studies.bottleneck import Neuron, explanation
from multilayer.experiments.studies.initialisation import about_normal
from multilayer.experiments.studies.shapes import about_depth
from multilayer.experiments.studies.step_size import about_epochs, about_slow_rate
from multilayer.experiments.study_plan import plan_study
from multilayer.metrics.intervals import MeanInterval

BETTER, WORSE = "second is better", "first is better"
SAME, OPEN = "no difference that matters", "undecided"


def pair(verdict, mean=0.01):
    return Pair(0, 1, 5, MeanInterval(mean, mean - 0.005, mean + 0.005), 0.01, 0.5, verdict)


@pytest.fixture(scope="module")
def plan():
    rows = problem_of("r", np.zeros((40, 2), np.float32), np.arange(40) % 4, 4)
    return plan_study("bottleneck", rows)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (WORSE, "did worse than with linear"), (BETTER, "nevertheless did better"),
        (SAME, "made no difference that matters"), (OPEN, "these seeds do not tell"),
    ],
)  # fmt: skip
def test_small_first_weights(verdict, words):
    said = about_normal(256, 4, pair(verdict, -0.3))
    assert words in said
    assert "√256 = 0.16" in said
    assert "-0.3000" in said
    assert all(other not in said for other in ("worse", "better") if other not in words)


def test_depth():
    depths = (0, 1, 2, 4)
    said = about_depth(depths, {0: pair(WORSE), 2: pair(BETTER), 3: pair(WORSE)})
    assert "worth it" in said
    assert "pays: 2 do better" in said
    assert "4 layers do worse" in said
    said = about_depth(depths, {0: pair(BETTER), 2: pair(WORSE), 3: pair(WORSE)})
    assert "better without a hidden layer" in said
    assert "2 and 4 layers do worse" in said
    assert "pays" not in said
    said = about_depth(depths, {0: pair(OPEN), 2: pair(OPEN), 3: pair(SAME)})
    assert said == "No network of more than one layer was shown to be better or worse."


def test_identity():
    interval = MeanInterval(0.8, 0.79, 0.81)
    assert "0.8000, less than with ReLU" in about_identity(interval, pair(WORSE))
    assert "more than with ReLU" in about_identity(interval, pair(BETTER))
    assert about_identity(interval, pair(OPEN)).endswith("it reached 0.8000.")


def test_late_gains(plan):
    slow, done = MeanInterval(0.05, 0.04, 0.06), MeanInterval(0.001, -0.01, 0.012)
    said = about_late_gains({"sigmoid": slow, "relu": done}, plan)
    assert "sigmoid (+0.0500); more epochs" in said
    assert "relu" not in said
    said = about_late_gains({"sigmoid": done, "relu": done}, plan)
    assert said.startswith("None was shown to gain more than 0.002")


def test_rates_and_epochs():
    assert about_epochs([3, 3], "0.3 after 1, 0.3 after 5").startswith("One rate")
    assert about_epochs([3, 2], "0.3 after 1, 0.1 after 5").startswith("The best rate depends")
    assert "was still gaining" in about_slow_rate("0.01", MeanInterval(0.02, 0.01, 0.03))
    assert "was not seen to gain" in about_slow_rate("0.01", MeanInterval(0.0, -0.01, 0.01))
    assert "lost" in about_slow_rate("0.01", MeanInterval(-0.02, -0.03, -0.01))


@pytest.mark.parametrize(
    ("verdict", "begin"),
    [
        (WORSE, "Why one neuron fails:"), (SAME, "One neuron does not fail here;"),
        (OPEN, "One neuron was not shown to fail here;"),
    ],
)  # fmt: skip
def test_bottleneck(plan, verdict, begin):
    norms = {"256-256": [1.0] * 3, "256-1": [0.5] * 3}
    silent, speaking = Neuron(True, 1, []), Neuron(False, 3, [])
    said = explanation([silent, speaking], norms, pair(verdict), plan)
    assert said.startswith(begin)
    assert "the 2 networks predict 1 and 3 of the 4 classes; in 1 of 2 the neuron is dead" in said
    assert "0.50 times" in said
    said = explanation([speaking, speaking], norms, pair(verdict), plan)
    assert "in none of them is the neuron dead" in said
