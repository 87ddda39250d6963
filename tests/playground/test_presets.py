"""Presets and the words of the trace, in two languages."""

import re

import pytest

from multilayer.errors import TrainingDivergedError
from multilayer.fit.fit import Fit
from multilayer.playground.presets import PRESETS
from multilayer.playground.problems import make_problem
from multilayer.playground.setup import Setup
from multilayer.playground.words import LANGUAGES, WORDS, word

CYRILLIC = r"[\u0400-\u04ff]"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_has_words_and_a_link(preset):
    assert Setup.from_query(preset.setup.query()) == preset.setup
    assert len(preset.title) == len(preset.text) == 2
    assert re.fullmatch(r"\d\.\d(\.\d)?", preset.section)


def test_no_word_is_missing_in_either_language():
    named = {f"preset.{preset.name}.{part}" for preset in PRESETS for part in ("title", "text")}
    assert {key for key in WORDS if key.startswith("preset.")} == named
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)
    for key, texts in WORDS.items():
        assert len(texts) == len(LANGUAGES)
        assert all(texts)
        if "." in key and key.endswith(".text"):
            assert all(text[-1] in ".?" and "\n" not in text for text in texts), key
            assert re.search(CYRILLIC, texts[1]), key
            assert not re.search(CYRILLIC, texts[0]), key
    assert word("trace.hidden", "ru") == "скрытый слой"


def final(name):
    """Losses and accuracy of a preset's first network."""
    (setup,) = (preset.setup for preset in PRESETS if preset.name == name)
    records = list(Fit(make_problem(setup).prepared).epochs())
    return [record.validation.loss[0] for record in records], records[-1].validation


@pytest.mark.parametrize("name", ["linear", "without-activation", "vanishing"])
def test_what_is_said_not_to_learn_does_not(name):
    assert final(name)[0][-1] > 0.68  # two classes are guessed at log 2


def test_what_is_said_to_learn_does():
    assert final("hidden-layer")[1].accuracy[0] > 0.9
    assert final("xavier")[1].accuracy[0] > 0.95
    assert final("tanh")[0][14] < final("sigmoid")[0][14] - 0.05
    assert final("small-rate")[0][-1] > 0.6
    assert max(final("large-rate")[0][30:]) > 1
    with pytest.raises(TrainingDivergedError):
        final("exploding")


def test_the_overfitting_that_weight_decay_holds_down():
    losses, _ = final("overfitting")
    assert losses[-1] > 4 * min(losses)
    assert final("weight-decay")[0][-1] < losses[-1] / 3
