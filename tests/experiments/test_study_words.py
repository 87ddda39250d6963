"""What a study says follows its figures: made-up ones, both ways."""

import numpy as np
import pytest
from sample_tables import problem_of

from multilayer.engine.settings import TrainingSettings
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies.activation import about_identity, about_late_gains
from multilayer.experiments.studies.alignment import alignment_in_words
from multilayer.experiments.studies.bottleneck import Neuron, explanation
from multilayer.experiments.studies.initialisation import about_normal
from multilayer.experiments.studies.results import in_words
from multilayer.experiments.studies.shapes import about_depth
from multilayer.experiments.studies.step_size import about_epochs, about_slow_rate
from multilayer.experiments.studies.variants import Measured, Variant
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
        (SAME, "made no difference from linear"), (OPEN, "these seeds do not tell"),
    ],
)  # fmt: skip
def test_small_first_weights(verdict, words):
    said = about_normal(256, 4, pair(verdict, -0.3))
    assert words in said
    assert "√256 = 0.16" in said
    assert "-0.3000" in said
    assert all(f"did {other}" not in said for other in ("worse", "better") if other not in words)


def test_depth():
    depths = (0, 1, 2, 4)
    said = about_depth(depths, {0: pair(WORSE), 2: pair(BETTER), 3: pair(WORSE)})
    assert "A hidden layer pays" in said
    assert "More than one hidden layer pays: 2 layers do better" in said
    assert "4 hidden layers do worse" in said
    said = about_depth(depths, {0: pair(BETTER), 2: pair(WORSE), 3: pair(WORSE)})
    assert "better without a hidden layer" in said
    assert "2 and 4 hidden layers do worse" in said
    assert "pays" not in said
    said = about_depth(depths, {0: pair(OPEN), 2: pair(OPEN), 3: pair(SAME)})
    assert said == (
        "No network with more than one hidden layer was shown to be better or worse than the "
        "network with one."
    )


@pytest.mark.parametrize(
    ("verdict", "ending"),
    [
        (WORSE, "less than with relu."), (BETTER, "more than with relu."),
        (SAME, "no different from relu by more than 0.002."),
        (OPEN, "which 5 seeds do not tell apart from relu."),
    ],
)  # fmt: skip
def test_identity(plan, verdict, ending):
    said = about_identity(MeanInterval(0.8, 0.79, 0.81), pair(verdict), plan)
    assert said.endswith(f"it reached 0.8000, {ending}")


def test_late_gains(plan):
    slow, done = MeanInterval(0.05, 0.04, 0.06), MeanInterval(0.001, -0.01, 0.012)
    said = about_late_gains({"sigmoid": slow, "relu": done}, plan)
    assert "sigmoid (+0.0500); more epochs" in said
    assert "relu" not in said
    said = about_late_gains({"sigmoid": done, "relu": done}, plan)
    assert said.endswith("no activation was shown to gain more than 0.002.")


def test_rates_and_epochs():
    assert "The same learning rate" in about_epochs([3, 3], "0.3 after 1; 0.3 after 5")
    assert "depends on the number" in about_epochs([3, 2], "0.3 after 1; 0.1 after 5")
    assert "still improved" in about_slow_rate("0.01", MeanInterval(0.02, 0.01, 0.03))
    assert "was not shown to improve" in about_slow_rate("0.01", MeanInterval(0.0, -0.01, 0.01))
    assert "got worse" in about_slow_rate("0.01", MeanInterval(-0.02, -0.03, -0.01))


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
    assert "the 2 networks predict 1 and 3 of the 4 classes. In 1 of 2 the neuron is dead" in said
    assert "0.50 times" in said
    said = explanation([speaking, speaking], norms, pair(verdict), plan)
    assert "In none of them is the neuron dead" in said


def measured(name, scores):
    """A variant with these scores, one for each seed."""
    settings = TrainingSettings()
    return Measured(
        Variant(name, settings), np.array(scores), np.zeros((0, 5)), 1, 0, 0.1, 0.01, []
    )


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (BETTER, "Better than width 16: 64 (+0.0100)."),
        (SAME, "No different from width 16 by more than 0.002: 64 (+0.0100)."),
        (OPEN, "Undecided against width 16: 64 (+0.0100)."),
    ],
)
def test_the_highest_mean_is_not_called_better_unless_it_was_shown(plan, verdict, words):
    both = [measured("16", [0.5] * 5), measured("64", [0.51] * 5)]
    said = in_words("width {}", both, {1: pair(verdict)}, 0, plan)
    assert said.startswith("Width 64 has the higher mean accuracy, 0.5100")
    assert words in said
    assert ("but 5 seeds do not show that it is better than width 16" in said) == (verdict == OPEN)
    assert "The verdict holds with 95% confidence" in said


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ((1.1, 1.05, 1.2), "257 is slower than the power of two"),
        ((0.9, 0.85, 0.95), "257 is faster than the power of two"),
        ((1.0, 0.99, 1.01), "no size differs from the power of two by more than 2%"),
        ((1.0, 0.9, 1.1), "for 257 the times vary too much"),
    ],
)
def test_powers_of_two(ratio, words):
    said = alignment_in_words({"a step": {"257": MeanInterval(*ratio)}}, 7, 1)
    assert words in said
    assert ("are faster in some cases" in said) == ("slower" in words)
