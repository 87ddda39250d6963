import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.recipes.recipes import recipe
from multilayer.runs.written_settings import read_settings


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("chapter", {}),
        ("", {}),
        ("hidden_widths=512", {"hidden_widths": (512,)}),
        ("hidden_widths=512,256,dropout=0.2", {"hidden_widths": (512, 256), "dropout": 0.2}),
        ("dropout=0.2,hidden_widths=512,256", {"hidden_widths": (512, 256), "dropout": 0.2}),
        ("hidden_widths=", {"hidden_widths": ()}),
        ("augment=shift,flip,dropout=0.2", {"augment": ("shift", "flip"), "dropout": 0.2}),
        ("chapter, activation = gelu", {"activation": "gelu"}),
        (
            "hidden_widths=8,4,activation=relu,tanh,dropout=0.2",
            {"hidden_widths": (8, 4), "activation": "relu,tanh", "dropout": 0.2},
        ),
        ("numeric_embedding=piecewise", {"numeric_embedding": "piecewise"}),
        ("numeric_embedding=yes", {"numeric_embedding": "periodic"}),
        ("numeric_embedding=False", {"numeric_embedding": "none"}),
        ("optimizer=adam,learning_rate=1e-3", {"optimizer": "adam", "learning_rate": 0.001}),
    ],
)
def test_settings_are_read(text, changes):
    if text == "":
        with pytest.raises(SettingsError, match="'' in '' must be a recipe or name=value"):
            read_settings(text)
    else:
        assert read_settings(text) == recipe(**changes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("droput=0.2", "unknown setting 'droput' in 'droput=0.2'; .* nearest first: dropout, "),
        ("dropout", "'dropout' in 'dropout' must be a recipe or name=value; .*: dropout, "),
        ("chaptr", "'chaptr' in 'chaptr' must be a recipe or name=value; .*: chapter, "),
        ("dropout=0.2,dropout=0.3", "sets dropout twice"),
        ("dropout=much", "dropout must be a number; it is 'much'"),
        ("batch_size=1.5", "batch_size must be a whole number; it is '1.5'"),
        ("hidden_widths=64,wide", "hidden_widths must be whole numbers .*; it is '64,wide'"),
        ("dropout=0.2,0.3", "'0.3' in .* must be a recipe or name=value"),
        ("activation=rleu", "unknown activation 'rleu'; known are: relu"),
        ("activation=relu,tanhh", "'tanhh' in .* must be a recipe or name=value"),
        ("activation=relu,tanh", "one for each of 1 hidden layers; it is 'relu,tanh'"),
        ("optimizer=adam,momentum=0.9", "momentum belongs to the optimizer 'sgd'"),
        ("augment=turn", "unknown augment 'turn'; known are: shift, flip"),
        ("seed=3", "seed cannot be set here: each is repeated over seeds"),
        ("loss=squared_error", "loss cannot be set here: it follows from the data"),
    ],
)
def test_what_is_wrong_is_said(text, complaint):
    with pytest.raises(SettingsError, match=complaint):
        read_settings(text)


def test_the_recipe_is_known():
    with pytest.raises(SettingsError, match="unknown recipe 'worst'"):
        read_settings("dropout=0.2", recipe="worst")


@given(st.text())
def test_any_text_is_settings_or_a_settings_error(text):
    try:
        assert isinstance(read_settings(text), TrainingSettings)
    except SettingsError as error:
        assert str(error)
