"""Draws and packs end as it is said."""

import pytest

from multilayer.pack.ending_rules import draws_to_end, gets_no_better
from multilayer.pack.pack_state import WavePlan
from multilayer.pack.wave import GoingDraw, looks_of
from multilayer.recipes.recipes import recipe


def draw_with(curve, least_epochs=(8, 8)) -> GoingDraw:
    draw = GoingDraw.begun(0, recipe("pack", "regression"), len(least_epochs))
    draw.curve, draw.least_epochs = list(curve), list(least_epochs)
    return draw


def test_a_draw_falls_behind_the_median_of_four_at_the_same_look():
    curves = [(3.0, 1.0), (4.0, 2.0), (5.0, 3.0), (6.0,)]  # the last ended at its first look
    assert draws_to_end([draw_with((4.4,))], curves, 8, 64) == {}
    assert draws_to_end([draw_with((4.6,))], curves, 8, 64) == {0: "fell behind"}
    assert draws_to_end([draw_with((4.6,))], curves[:3], 8, 64) == {}
    two = [draw_with((9, 2.4), (16, 16)), draw_with((9, 2.6), (16, 16))]
    assert draws_to_end(two, curves, 16, 64) == {1: "fell behind"}


def test_a_draw_ends_when_none_of_its_networks_gets_better():
    late, early = draw_with((1.0,) * 4, (11, 2)), draw_with((1.0,) * 4, (10, 10))
    assert draws_to_end([late, early], [], 32, 64) == {1: "no better"}


def test_draws_are_looked_at_after_each_eighth():
    assert looks_of(64) == [8, 16, 24, 32, 40, 48, 56, 64]
    assert looks_of(3) == [1, 2, 3]
    assert draws_to_end([draw_with((9.0,), (1, 1))], [(1.0,)] * 9, 9, 64) == {}


@pytest.mark.parametrize(
    ("losses", "is_over"),
    [
        ([1.0], False),
        ([1.0] * 5, False),
        ([1.0] * 6, True),
        ([1.0, 0.9999, 0.9998, 0.9997, 0.9996, 0.9995], True),
        ([1.0, *[0.9] * 5], False),
        ([1.0, *[0.9] * 6], True),
        ([*[-1.0] * 5, -1.002], False),
        ([0.0] * 6, True),
    ],
)
def test_a_pack_ends_after_ten_draws_that_hardly_help(losses, is_over):
    waves = [WavePlan(0, 1, 8), *(WavePlan(2 * n + 1, 2, 8) for n in range(len(losses) - 1))]
    assert gets_no_better(losses, waves) == is_over
