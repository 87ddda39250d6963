from typing import get_args

import pytest

from multilayer.errors import SettingsError
from multilayer.recipes.recipes import RecipeName, TaskName, recipe


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


@pytest.mark.parametrize("task", get_args(TaskName))
@pytest.mark.parametrize("name", [one for one in get_args(RecipeName) if one != "record"])
def test_every_recipe_but_the_record_is_for_every_task(name, task):
    settings = recipe(name, task, num_rows=1000, num_columns=20, seed=7)
    assert settings.seed == 7
    assert settings.loss == LOSSES_OF_TASKS[task]


LOSSES_OF_TASKS = {
    "images": "cross_entropy", "classification": "cross_entropy",
    "multilabel": "binary_cross_entropy", "regression": "squared_error",
}  # fmt: skip


def test_the_default_of_tables_is_realmlps_with_other_embeddings():
    settings = recipe("default", "regression")
    assert settings.hidden_widths == (256, 256, 256)
    assert (settings.activation, settings.learning_rate) == ("mish", 0.1)
    assert recipe("default", "classification").activation == "selu"
    assert recipe("default", "classification").learning_rate == 0.04
    assert (settings.scale_rate_factor, settings.bias_rate_factor) == (6, 0.1)
    assert (settings.numeric_embedding, settings.embedding_components) == ("piecewise", 32)
    assert (settings.category_statistics, settings.embedding_limit) == (True, 12)
    assert recipe("fast", "regression").numeric_embedding == "none"
    assert (settings.average_decay, recipe("fast", "regression").average_decay) == (0.98, 0)
    assert recipe("best", "regression").num_folds == 5


def test_what_goes_with_a_change_of_embeddings_is_changed_with_it():
    periodic = recipe("default", "regression", numeric_embedding="periodic")
    assert periodic.embedding_components == 16
    both = recipe("default", "regression", numeric_embedding="periodic", embedding_components=8)
    assert both.embedding_components == 8
    assert recipe("default", "regression", category_statistics=False).embedding_limit == 0


def test_where_there_are_rows_half_the_epochs_do_and_classes_get_more_dropout():
    of_classes = {
        n: recipe("default", "classification", num_rows=n) for n in (999, 1_000, 2_999, 3_000)
    }
    assert [of.max_epochs for of in of_classes.values()] == [256, 256, 256, 128]
    assert [of.dropout for of in of_classes.values()] == [0.15, 0.3, 0.3, 0.3]
    of_numbers = recipe("best", "regression", num_rows=3_000)
    assert (of_numbers.max_epochs, of_numbers.dropout) == (128, 0.15)
    assert recipe("fast", "classification", num_rows=3_000).max_epochs == 64
    assert recipe("default", "classification", num_rows=1_000, dropout=0.1).dropout == 0.1


def test_the_epoch_is_chosen_by_the_loss_that_is_left_after_calibration():
    assert recipe("default", "classification").selection == "calibrated_loss"
    assert recipe("fast", "multilabel").selection == "calibrated_loss"
    assert recipe("best", "regression").selection == "loss"
    assert recipe("chapter", "classification").selection == "last"


def test_large_and_wide_tables_are_given_less():
    assert recipe("default", "regression", num_rows=400_000).max_epochs == 128
    assert recipe("default", "regression", num_rows=2_000_000).max_epochs == 25
    settings = recipe("default", "regression", num_columns=501)
    assert settings.numeric_embedding == "none"
    assert "numeric_embedding" in recipe("pack", "regression").drawn
    assert "numeric_embedding" not in recipe("pack", "regression", num_columns=501).drawn
    assert recipe("default", "regression", num_rows=2_000_000, max_epochs=256).max_epochs == 256


def test_counts_are_learned_in_shorter_steps_unless_others_are_asked_for():
    assert recipe("default", "regression", loss="poisson").learning_rate == 0.02
    assert recipe("default", "regression", loss="poisson", learning_rate=0.3).learning_rate == 0.3
    assert recipe("default", "regression", loss="huber").learning_rate == 0.1


def test_a_loss_of_another_task_is_answered_with_the_tasks_own():
    with pytest.raises(SettingsError, match="the loss of classification is cross_entropy; it cann"):
        recipe("default", "classification", loss="huber")


def test_an_unknown_task_is_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"unknown task 'ranking'; known are: images, "):
        recipe("default", "ranking")


def test_tables_are_not_shifted():
    with pytest.raises(SettingsError, match="augment shift, flip shifts and mirrors pictures"):
        recipe("default", "classification", augment=("shift", "flip"))
    assert recipe("default", augment=["shift"]).augment == ("shift",)


def test_few_steps_have_no_schedule_which_would_begin_at_nothing():
    def few(epochs, task="classification", **changes):
        return recipe("default", task, num_rows=200, max_epochs=epochs, **changes)

    for task, fewest in (("classification", 300), ("regression", 32)):
        begins, ends = few(1, task), few(fewest - 1, task)
        assert (begins.schedule, begins.zero_last_layer) == ("constant", True)
        assert (ends.schedule, ends.zero_last_layer) == ("constant", True)
        assert (few(fewest, task).schedule, few(fewest, task).zero_last_layer) == (
            recipe("default", task).schedule, recipe("default", task).zero_last_layer
        )  # fmt: skip
    assert few(1, schedule="log_cosine").schedule == "log_cosine"
    assert recipe("chapter", "classification", num_rows=200, max_epochs=1).zero_last_layer is False


@pytest.mark.parametrize("number", [-1, True, "many"])
def test_numbers_of_rows_and_columns_are_whole(number):
    with pytest.raises(SettingsError, match="num_rows must be a whole number of at least 0"):
        recipe("default", "regression", num_rows=number)
    with pytest.raises(SettingsError, match="num_columns must be a whole number of at least 0"):
        recipe("default", "regression", num_columns=number)


def test_the_record_is_for_pictures_that_may_be_mirrored():
    assert recipe("record").augment == ("flip",)
    assert recipe("record", augment=("shift",)).augment == ("shift",)
    with pytest.raises(SettingsError, match="'record' mirrors pictures; for a table 'pack' is"):
        recipe("record", "classification", num_rows=100)
