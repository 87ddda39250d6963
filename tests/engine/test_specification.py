from dataclasses import fields
from typing import get_args

import pytest

from multilayer.engine.parameter_slots import SlotKind
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


@pytest.mark.parametrize("make", [NetworkSpec, TrainingSettings])
def test_an_activation_is_one_for_all_layers_or_one_for_each(make):
    args = (4, 2) if make is NetworkSpec else ()
    made = make(*args, hidden_widths=(3, 5), activation="relu, tanh")
    assert made == make(*args, hidden_widths=(3, 5), activation=("relu", "tanh"))
    assert made.activation == "relu,tanh"
    assert make(*args, hidden_widths=(3, 5), activation=["selu", "selu"]).activation == "selu"
    for wrong, message in (
        ("relu,rellu", "unknown activation 'rellu'"),
        ("relu,tanh,relu", "one name, or one for each of 2 hidden layers; it is 'relu,tanh,relu'"),
        ("relu,", "unknown activation ''"),
        ((), "unknown activation ''"),
        (("relu", 3), "unknown activation"),
        (3, "unknown activation 3"),
    ):
        with pytest.raises(SettingsError, match=message):
            make(*args, hidden_widths=(3, 5), activation=wrong)


def test_the_activations_of_a_shape_are_one_for_each_layer_and_in_its_file():
    spec = NetworkSpec(4, 2, (3, 5), "relu,tanh")
    assert spec.activations == ("relu", "tanh")
    assert NetworkSpec(4, 2, (3, 5), "tanh").activations == ("tanh", "tanh")
    assert NetworkSpec(4, 2, ()).activations == ()
    assert NetworkSpec.from_json(spec.to_json()) == spec
    assert NetworkSpec(4, 2, (3, 5), "tanh").to_json()["activation"] == "tanh"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0), ("learning_rate", -0.1), ("learning_rate", float("nan")),
        ("learning_rate", float("inf")), ("learning_rate", "0.1"), ("momentum", 1),
        ("momentum", -0.1), ("batch_size", 0), ("batch_size", 2.0), ("max_epochs", 0),
        ("seed", -1), ("seed", True), ("validation_fraction", 1), ("optimizer", "sdg"),
        ("initialization", "xavier"), ("loss", "mse"), ("activation", "swish"),
        ("scale_layer", 1), ("batch_norm", "yes"), ("beta_2", 1), ("one_hot_limit", -1),
        ("bias_rate_factor", 0), ("embedding_frequency", 0), ("embedding_frequency", "1"),
        ("embedding_width", 1), ("embedding_components", 1), ("label_smoothing", 1),
        ("num_members", 0),
        ("quantiles", (0.5, 1)), ("quantiles", (0.1, "0.5")), ("augment", ("shift", "turn")),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name) as caught:
        TrainingSettings(**{name: value})
    assert repr(value[-1] if isinstance(value, tuple) else value) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_momentum_without_sgd_is_refused():
    with pytest.raises(SettingsError, match=r"momentum .* 0.9 with 'adam'"):
        TrainingSettings(optimizer="adam", momentum=0.9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_smoothing": 0.1, "loss": "huber"}, "label_smoothing 0.1 needs classes"),
        ({"batch_norm": True, "initialization": "data"}, "another initialization than 'data'"),
        (
            {"numeric_embedding": "piecewise", "embedding_frequency": 2},
            "belongs to the numeric_embedding 'periodic'; it was 2 with 'piecewise'",
        ),
        ({"num_folds": 1}, "num_folds must be 0 or at least 2"),
        ({"num_folds": 5, "num_members": 2}, "they are 5 and 2"),
        ({"quantiles": ()}, "one or more"),
        ({"embedding_limit": 9}, "embedding_limit 9 needs category_statistics"),
        ({"augment": ("flip", "flip")}, "each may stand there once"),
        ({"quantiles": (0.5, 0.1)}, r"rising; they are \(0.5, 0.1\)"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        TrainingSettings(**changes)


def test_a_table_makes_features_of_numbers_passed_columns_and_categories():
    spec = TrainingSettings(numeric_embedding=True, scale_layer=True).network_spec(
        10, 3, num_numeric=4, category_sizes=(12, 9)
    )
    assert (spec.embedded_numbers, spec.num_passthrough) == (4, 4)
    assert spec.num_features == 4 * 4 + 4 + 2 * 8
    assert spec.widths == (10, 256, 3)
    assert spec.slots["linear_0.weight"].shape == (36, 256)
    assert spec.slots["categories.weight"].shape == (21, 8)
    embedding = 4 * (16 + 16 + 16 * 3 + 3) + 21 * 8
    assert spec.num_parameters == embedding + 36 + 37 * 256 + 257 * 3
    settings = TrainingSettings(category_statistics=True, num_folds=3)
    spec = settings.network_spec(10, 3, category_sizes=(12, 9), num_statistics=2)
    assert spec.num_features == 8 + 2 * (8 + 2)
    assert spec.slots["categories.statistics"].shape == (4 * 21, 2)
    assert settings.network_spec(10, 3, num_statistics=2) == NetworkSpec(10, 3)  # no categories
    plain = TrainingSettings().network_spec(10, 3, num_numeric=4)
    assert plain == NetworkSpec(10, 3, (256,))
    bins = TrainingSettings(numeric_embedding="piecewise", embedding_width=8).network_spec(
        10, 3, num_numeric=4
    )
    assert bins.num_features == 4 * 8 + 6
    assert bins.slots["numbers.edges"].shape == (4, 1, 17)
    assert bins.slots["numbers.edges"].kind == "state"
    assert bins.slots["numbers.weight"].shape == (4, 16, 7)


def test_a_numeric_embedding_is_still_switched_on_and_off():
    assert TrainingSettings(numeric_embedding=True) == TrainingSettings(
        numeric_embedding="periodic"
    )
    assert TrainingSettings(numeric_embedding=False) == TrainingSettings()
    for given in (1, 0, None, "fourier"):
        with pytest.raises(SettingsError, match="numeric_embedding"):
            TrainingSettings(numeric_embedding=given)


def test_a_file_names_an_embedding_that_earlier_versions_do_not_know():
    periodic = NetworkSpec(3, 2, embedded_numbers=2)
    assert not {name for name in periodic.to_json() if name.startswith("number_")}
    bins = NetworkSpec(3, 2, embedded_numbers=2, number_embedding="piecewise", number_width=8)
    assert bins.to_json()["number_embedding"] == "piecewise"
    for spec in (periodic, bins):
        assert NetworkSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(7, 3, (5, 4)),
        NetworkSpec(
            7, 3, (5, 4), embedded_numbers=2, category_sizes=(10, 4), scale_layer=True,
            batch_norm=True, learned_activation=True, category_statistics=2, statistic_versions=3,
        ),
    ],
)  # fmt: skip
def test_the_slots_of_a_kind_lie_together_and_cover_the_flat_vector(spec):
    slots = sorted(spec.parameter_slots, key=lambda slot: slot.start)
    assert [slot.start for slot in slots] == [0, *(slot.stop for slot in slots[:-1])]
    assert slots[-1].stop == spec.num_parameters
    kinds = [slot.kind for slot in slots]
    assert kinds == sorted(kinds, key=get_args(SlotKind).index)


@pytest.mark.parametrize(
    ("fields_given", "message"),
    [
        ({"embedded_numbers": 3, "category_sizes": (2, 2)}, "do not fit into 4 inputs"),
        ({"standardize_inputs": True, "category_sizes": (2,)}, "not for categories"),
        ({"embedded_numbers": -1}, "embedded_numbers must be a whole number of at least 0"),
        ({"number_embedding": "bins"}, "unknown number_embedding 'bins'"),
        ({"number_width": 1}, "number_width must be a whole number of at least 2"),
        ({"number_components": 2.0}, "number_components must be a whole number of at least 2"),
        ({"category_sizes": (0,)}, "category_sizes must be whole numbers of at least 1"),
        ({"category_statistics": 1}, "category_statistics need category_sizes"),
        ({"category_sizes": (2,), "embedding_limit": 1}, "embedding_limit needs category_statis"),
        ({"scale_layer": 1}, "scale_layer must be true or false; it is 1"),
        ({"input_scale": float("inf")}, "input_scale must be a finite number; it is inf"),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(fields_given, message):
    with pytest.raises(SettingsError, match=message):
        NetworkSpec(4, 2, **fields_given)


def test_every_setting_is_explained():
    assert list(setting_types()) == [field.name for field in fields(TrainingSettings)]
    assert all(explanation for _, explanation in setting_types().values())


@pytest.mark.parametrize("wrong", [{"hidden_widths": 128}, {"hidden_widths": "128"},
    {"hidden_widths": None}, {"augment": None}, {"augment": "shift"}, {"quantiles": 0.5}],
)  # fmt: skip
def test_settings_of_several_values_are_refused_as_one(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(SettingsError, match=f"{name} must be .*; it is {value!r}"):
        TrainingSettings(**wrong)
