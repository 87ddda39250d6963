"""A link holds a setup, and nonsense in it is one line that names the field."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.playground.setup import INITIALIZATIONS, PROBLEMS, Setup

rates = st.floats(1e-8, 100)


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    return Setup(
        draw(st.sampled_from(PROBLEMS)),
        draw(st.floats(0, 1)),
        draw(st.integers(20, 10_000)),
        draw(st.lists(st.integers(1, 64), max_size=6).map(tuple)),
        (draw(st.sampled_from(["relu", "tanh", "gelu"])),),
        draw(st.sampled_from(INITIALIZATIONS)),
        draw(st.sampled_from(["sgd", "adam"])),
        draw(rates),
        draw(st.integers(1, 5000)),
        draw(st.floats(0, 0.99)),
        draw(rates),
        draw(st.integers(0, 2**31 - 1)),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 10_000)),
        draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
    )


@given(setups())
def test_a_link_holds_everything(setup):
    assert Setup.from_query(setup.query()) == setup
    assert Setup.from_query("?" + setup.query()) == setup
    setup.training_settings()


def test_what_a_link_lacks_is_at_its_default():
    assert Setup.from_query("") == Setup()
    linear = Setup.from_query("problem=xor&hidden_widths=&learning_rate=0.5")
    assert linear == Setup("xor", hidden_widths=(), activations=(), learning_rate=0.5)
    assert linear.training_settings() == TrainingSettings(
        hidden_widths=(), initialization="linear", learning_rate=0.5, batch_size=32,
        validation_fraction=0.2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("learning_rat=1", "'learning_rat', which is no field of the playground.*'learning_rate'"),
        ("seed=1&seed=2", "the link names seed twice"),
        ("seed=one", "the link's seed must be a whole number; it is 'one'"),
        ("hidden_widths=8;8", "the link's hidden_widths must be whole numbers with commas"),
        ("hidden_widths=8,0", "hidden_widths must be whole numbers of at least 1; 0 in '8,0'"),
        ("learning_rate=nan", "learning_rate must be a number above 0; it is nan"),
        ("dropout=1", "dropout must be a number from 0 up to, not including, 1; it is 1.0"),
        ("problem=spiral", "unknown problem 'spiral'.*did you mean 'spirals'"),
        ("activations=relu,relu,relu", "activations must be one for each of 2 hidden layers"),
        ("activations=rellu", "unknown activation 'rellu'.*did you mean 'relu'"),
        ("initialization=data", "unknown initialization 'data'; known are: linear, normal"),
        ("noise=-1", "noise must be a number from 0 to 1; it is -1.0"),
        ("num_rows=1000000", "num_rows must be at most 10,000 on the page; it is 1,000,000"),
        ("num_seeds=0", "num_seeds must be a whole number of at least 1; it is 0"),
        ("problem=digits&noise=0.5", "the link's noise must be left out, as 'digits' has none"),
        ("hidden_widths=4096", "too large for the page: .* up to 1,024 are fine"),
        ("hidden_widths=8,8,8,8,8,8,8&activations=relu", "7 hidden layers; up to 6 are fine"),
        (
            "problem=fashion-mnist&hidden_widths=1024,1024&num_seeds=4",
            (
                "too large for the page: networks 4, hidden_widths 1024,1024, inputs 784: "
                "7,446,528 weights; up to 4,000,000 are fine, such as hidden_widths 256,256"
            ),
        ),
        ("target=" + "x" * 3000, "the link is longer than 2,000 characters"),
    ],
)
def test_nonsense_in_a_link_is_one_line_that_names_the_field(query, message):
    with pytest.raises(SettingsError, match=message) as caught:
        Setup.from_query(query)
    assert "\n" not in str(caught.value)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4))
def test_any_text_is_a_setup_or_a_settings_error(pairs):
    try:
        Setup.from_query(urlencode(pairs, errors="replace"))
    except SettingsError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("problem", 3), ("noise", "0.1"), ("num_rows", 100.5), ("hidden_widths", None),
        ("hidden_widths", "8,8"), ("activations", "relu"), ("activations", (3,)), ("seed", True),
        ("initialization", None), ("optimizer", []), ("learning_rate", None), ("target", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_by_its_name(field, value):
    with pytest.raises(SettingsError, match=field.rstrip("s")):
        Setup(**{"problem": "table" if field == "target" else "xor", field: value})
