from dataclasses import fields

import pytest

from multilayer.engine.settings import TrainingSettings, setting_types
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError


def test_the_chapters_network_has_203530_parameters():
    assert NetworkSpec(784, 10, (256,)).num_parameters == 203_530


def test_no_hidden_layer_is_the_linear_model():
    spec = NetworkSpec(784, 10, ())
    assert spec.widths == (784, 10)
    assert spec.num_parameters == 7850


@pytest.mark.parametrize("widths", [(0,), (-1,), (256, 0), (2.5,), (True,), ("256",)])
def test_widths_below_one_and_other_types_are_refused(widths):
    for make in (lambda: NetworkSpec(4, 2, widths), lambda: TrainingSettings(hidden_widths=widths)):
        with pytest.raises(
            SettingsError, match="hidden_widths must be whole numbers of at least 1"
        ):
            make()


def test_an_unknown_activation_is_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"unknown activation 'rellu'; known are: relu, leaky"):
        NetworkSpec(4, 2, activation="rellu")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0), ("learning_rate", -0.1), ("learning_rate", float("nan")),
        ("learning_rate", float("inf")), ("learning_rate", "0.1"), ("momentum", 1),
        ("momentum", -0.1), ("batch_size", 0), ("batch_size", 2.0), ("max_epochs", 0),
        ("seed", -1), ("seed", True), ("validation_fraction", 1), ("optimizer", "sdg"),
        ("initialization", "xavier"), ("loss", "mse"), ("activation", "swish"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name) as caught:
        TrainingSettings(**{name: value})
    assert repr(value) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_momentum_without_sgd_is_refused():
    with pytest.raises(SettingsError, match=r"momentum .* 0.9 with 'adam'"):
        TrainingSettings(optimizer="adam", momentum=0.9)


def test_every_setting_is_explained():
    assert list(setting_types()) == [field.name for field in fields(TrainingSettings)]
    assert all(explanation for _, explanation in setting_types().values())
