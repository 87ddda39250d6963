import pytest

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.experiments.tune.search_space import SearchSpace, check_pinned, shape_of
from multilayer.recipes.recipes import recipe


def space_of(**pinned) -> SearchSpace:
    settings = {
        name: recipe(name, "classification", num_rows=1000, **pinned)
        for name in ("default", "fast")
    }
    return SearchSpace(settings, pinned)


def test_a_search_begins_with_a_short_fit_and_the_recipes_themselves():
    space = space_of()
    short, *recipes = space.first_params()
    assert short["max_epochs"] == 32
    for params, name in zip(recipes, ("default", "fast"), strict=True):
        chosen, changes = space.settings(params)
        settings = recipe(name, "classification", num_rows=1000)
        assert chosen == name
        for setting, value in changes.items():
            is_no_decay = setting == "weight_decay" and name == "fast"
            assert value == (5e-4 if is_no_decay else getattr(settings, setting))


def test_every_first_trial_lies_within_the_ranges():
    space = space_of()
    for params in space.first_params():
        for name, distribution in space.distributions().items():
            assert distribution._contains(distribution.to_internal_repr(params[name]))


def test_what_is_pinned_is_not_searched_and_holds():
    space = space_of(hidden_widths=(16,), dropout=0.3)
    assert set(space.distributions()) == {"recipe", "max_epochs", "learning_rate", "weight_decay"}
    name, changes = space.settings(space.first_params()[-1])
    settings = recipe(name, "classification", **changes)
    assert (settings.hidden_widths, settings.dropout) == ((16,), 0.3)


def test_a_single_recipe_is_none_to_choose():
    space = SearchSpace({"chapter": TrainingSettings()}, {})
    assert "recipe" not in space.distributions()
    assert space.settings(space.first_params()[0])[0] == "chapter"


@pytest.mark.parametrize("name", ["num_folds", "num_members", "selection", "loss"])
def test_what_the_search_decides_cannot_be_pinned(name):
    with pytest.raises(SettingsError, match=f"{name} is not for tune"):
        check_pinned({name: 3})


def test_an_activation_for_each_layer_needs_the_layers():
    check_pinned({"activation": "tanh"})
    check_pinned({"activation": "tanh,relu", "hidden_widths": (8, 8)})
    with pytest.raises(SettingsError, match="activation tanh,relu is one for each .* hidden_width"):
        check_pinned({"activation": "tanh,relu"})


def test_a_shape_is_what_members_must_share():
    params = space_of().first_params()[0]
    assert set(shape_of(params)) == {"recipe", "depth", "width", "max_epochs"}
