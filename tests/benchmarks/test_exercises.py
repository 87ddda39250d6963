"""The exercises' pages are what their figures say, and the figures are kept piece by piece."""

import re

import numpy as np

from multilayer.experiments.study_figures import Figures


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
        score = 0.7 + len(what) / 2000 + self._spread * source.standard_normal()
        neuron = {"is_silent": seed == 1, "num_classes_said": 4, "by_class": [(1.0, 0.5, 2.0)] * 10}
        return {
            "score": score, "curve": np.linspace(score - 0.1, score, 10).tolist(),
            "num_parameters": 203_530, "num_scored_rows": 12_000, "is_diverged": False,
            "seconds_an_epoch": 0.5, "look": neuron,
        }  # fmt: skip
