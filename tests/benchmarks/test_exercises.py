"""The exercises' pages are what their figures say, and the figures are kept piece by piece."""

import re

import numpy as np
import pytest

from multilayer.experiments.study_figures import Figures
from multilayer.experiments.study_plan import StudyInterruptedError


class MadeUp(Figures):
    """Figures of no network, the better the later a thing was asked for."""

    can_measure = False

    def __init__(self, spread=0.001):
        self.used, self._source, self._spread = set(), np.random.default_rng(0), spread

    def get(self, things, measure, needs=()):
        self.used |= set(things)
        return [self.figure(thing) for thing in things]

    def origin(self, thing):
        from exercise_figures import Origin

        return Origin("2020-02-02", "abacus", 2, 1)

    def figure(self, thing):
        what, seed = thing
        if "turns" in what:
            names = (
                ["scratch", "API", "engine"]
                if what.startswith("784")
                else ["1024", "1025", "1026", "1028", "1032"]
                if what.startswith("products")
                else [str(int(what.split()[3][:-1]) + step) for step in (-1, 0, 1)]
            )
            rounds = int(re.search(r"(\d+) rounds", what)[1])
            times = {name: (0.01 + 1e-5 * self._source.random(rounds)).tolist() for name in names}
            return {"seconds": times, "num_threads": 1}
        if "gradients" in what:
            return {"norms": [1.0, 2.0, 3.0]}
        source = np.random.default_rng([len(what), seed])
        score = 0.7 + len(what) / 500 + self._spread * source.standard_normal()
        neuron = {"is_silent": seed == 1, "num_classes_said": 4, "by_class": [(1.0, 0.5, 2.0)] * 10}
        return {
            "score": score, "curve": np.linspace(score - 0.1, score, 10).tolist(),
            "num_parameters": 203_530, "num_scored_rows": 12_000, "is_diverged": False,
            "seconds_an_epoch": 0.5, "look": neuron,
        }  # fmt: skip


@pytest.fixture
def exercises():
    import exercises

    return exercises


@pytest.mark.parametrize("language", ["english", "russian"])
def test_the_pages_and_what_is_kept_agree(exercises, language):
    from exercise_figures import KeptFigures

    figures = KeptFigures(exercises.RECORDS)
    answers = [exercises.answer(name, figures) for name in exercises.SIZES]
    assert not any(one.result.is_interrupted for one in answers), "run benchmarks/exercises.py"
    path, page = exercises.PAGES[language]
    assert path.read_text() == page(answers), "run benchmarks/exercises.py"


@pytest.mark.parametrize(
    ("spread", "words"), [(0.0001, "Лучше, чем «256»"), (0.1, "Не удалось отличить от «256»")]
)
def test_the_words_follow_the_figures(exercises, spread, words):
    answer = exercises.answer("width", MadeUp(spread))
    english, russian = (
        next(part for part in page([answer]).split("## ") if part.startswith("1. "))
        for _, page in exercises.PAGES.values()
    )
    assert answer.result.paragraph in english
    assert words in russian
    assert f"--seeds {exercises.SIZES['width'].num_seeds} " in russian


def test_every_verdict_and_study_has_russian_words(exercises):
    from exercises_russian import page

    text = page([exercises.answer(name, MadeUp(0.01)) for name in exercises.SIZES])
    prose = re.sub(r"```.*?```|`[^`]*`|!?\[.*?\]\(.*?\)", "", text, flags=re.DOTALL)
    english = {
        "better",
        "worse",
        "undecided",
        "reference",
        "hidden",
        "rate",
        "batch",
        "seeds",
        "accuracy",
        "interval",
        "against",
        "parameters",
        "winner",
        "start",
        "with",
    }
    assert not english & set(re.findall(r"[a-z]+", prose))
    for verdict in ("лучше", "не решено", "точка отсчёта"):
        assert verdict in text


def measured(asked):
    return [{"score": seed + len(what) / 3} for what, seed in asked]


def test_what_is_missing_is_measured_in_pieces_and_kept(tmp_path):
    from exercise_figures import KeptFigures

    path, pieces = tmp_path / "new" / "figures.jsonl", []

    def measure(asked):
        pieces.append(list(asked))
        return measured(asked)

    things = [("deep, of ширина 2", seed) for seed in range(7)]
    first = KeptFigures(path, deadline=float("inf")).get(things, measure)
    assert [len(piece) for piece in pieces] == [5, 2]
    later = KeptFigures(path)
    more = [*things[::-1], ("wide", 0)]
    assert later.get(things[::-1], measure) == first[::-1]
    assert first[1]["score"] == 6.6667  # five digits
    with pytest.raises(StudyInterruptedError):
        later.get(more, measure)
    KeptFigures(path, deadline=float("inf")).get(more, measure)
    assert pieces[2:] == [[("wide", 0)]]
    assert KeptFigures(path).get(more, measure)[0] == first[-1]


def test_a_figure_without_what_is_needed_is_measured_again(tmp_path):
    from exercise_figures import KeptFigures

    path, thing = tmp_path / "figures.jsonl", ("a", 3)
    KeptFigures(path, float("inf")).get([thing, ("a", 4)], measured)
    with pytest.raises(StudyInterruptedError):
        KeptFigures(path).get([thing], measured, ["curve"])
    figures = KeptFigures(path, float("inf"))
    figures.get([thing], lambda asked: [{"score": 1.0, "curve": [0.5, 1.0]}], ["curve"])
    assert KeptFigures(path).get([thing], measured, ["curve"]) == [
        {"score": 1.0, "curve": [0.5, 1.0]}
    ]
    assert KeptFigures(path).get([("a", 4)], measured) == [{"score": 4.3333}]


def test_a_stop_between_two_pieces_keeps_the_first(tmp_path):
    from exercise_figures import KeptFigures

    path, things = tmp_path / "figures.jsonl", [("a", seed) for seed in range(8)]

    def stopped(asked):
        if len(asked) < 5:
            raise StudyInterruptedError
        return measured(asked)

    with pytest.raises(StudyInterruptedError):
        KeptFigures(path, float("inf")).get(things, stopped)
    assert len(KeptFigures(path).get(things[:5], measured)) == 5
