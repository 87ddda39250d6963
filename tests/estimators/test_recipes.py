import pytest

from multilayer.errors import SettingsError
from multilayer.estimators.recipes import recipe


def test_the_chapters_recipe_is_the_books():
    settings = recipe("chapter")
    assert settings.hidden_widths == (256,)
    assert (settings.activation, settings.optimizer, settings.loss) == (
        "relu", "sgd", "cross_entropy",
    )  # fmt: skip
    assert (settings.learning_rate, settings.batch_size, settings.max_epochs) == (0.1, 256, 10)
    assert settings.momentum == 0


def test_a_recipe_takes_changes_by_name():
    assert recipe("chapter", learning_rate=0.5, hidden_widths=(64, 32)).hidden_widths == (64, 32)


def test_unknown_recipes_and_settings_are_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"unknown recipe 'chaptre'; known are: chapter"):
        recipe("chaptre")
    with pytest.raises(SettingsError, match=r"unknown setting 'lr'; known are: hidden_widths, "):
        recipe("chapter", lr=0.1)
