"""What is drawn follows from the seed and the place alone."""

from itertools import chain

import pytest

from multilayer.engine.settings import of_members
from multilayer.recipes.draws import drawn_settings, seed_of_member
from multilayer.recipes.recipes import recipe


def draws_of(settings, task="classification", num_waves=6):
    is_of_images = task == "images"
    return [
        [drawn_settings(settings, wave, place, is_of_images=is_of_images) for place in range(2)]
        for wave in range(num_waves)
    ]


@pytest.mark.parametrize("task", ["images", "classification", "multilabel", "regression"])
def test_the_first_is_the_recipe_and_others_are_drawn_again_alike(task):
    settings = recipe("pack", task, seed=5)
    draws = draws_of(settings, task)
    assert draws[0][0] == settings
    assert draws == draws_of(settings, task)
    assert draws != draws_of(recipe("pack", task, seed=6), task)
    drawn = [tuple(getattr(one, name) for name in settings.drawn) for wave in draws for one in wave]
    assert len(set(drawn)) == len(drawn) - 1  # but for the two of the first wave
    for wave in draws:
        of_members(wave, 2)  # what members of a population may not differ in is drawn for both


def test_a_setting_that_is_set_is_not_drawn_and_the_others_are_drawn_as_before():
    free, fixed = recipe("pack", "regression"), recipe("pack", "regression", dropout=0.1)
    assert set(free.drawn) - set(fixed.drawn) == {"dropout"}
    for one, other in zip(chain(*draws_of(free)), chain(*draws_of(fixed)), strict=True):
        assert other.dropout == 0.1
        assert one.learning_rate == other.learning_rate
        assert one.hidden_widths == other.hidden_widths


def test_many_columns_are_never_embedded():
    settings = recipe("pack", "regression", num_columns=600)
    assert {one.numeric_embedding for one in chain(*draws_of(settings))} == {"none"}


def test_frequencies_and_bins_are_drawn_where_there_are_some():
    draws = list(chain(*draws_of(recipe("pack", "regression"), num_waves=80)))[2:]
    of_kind = {
        kind: {one.embedding_frequency for one in draws if one.numeric_embedding == kind}
        for kind in ("none", "periodic", "piecewise")
    }
    assert of_kind["none"] == of_kind["piecewise"] == {0.1}
    assert len(of_kind["periodic"]) > 10
    bins = {(one.numeric_embedding, one.embedding_components) for one in draws}
    assert bins == {
        ("none", 16), ("periodic", 16), *(("piecewise", number) for number in (16, 32, 48)),
    }  # fmt: skip
    piecewise = recipe("pack", "regression", numeric_embedding="piecewise")
    assert {one.embedding_frequency for one in chain(*draws_of(piecewise))} == {0.1}


def test_seeds_of_all_networks_differ_and_those_of_the_first_draw_are_a_populations():
    settings = recipe("pack", "regression", seed=9)
    seeds = [seed_of_member(settings, draw, m, 5) for draw in range(20) for m in range(5)]
    assert len(set(seeds)) == 100
    assert seeds[:5] == [9 + (m << 32) for m in range(5)]
