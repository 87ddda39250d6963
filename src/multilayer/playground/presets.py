"""Setups to begin with, named after the chapter's sections and exercises."""

from dataclasses import dataclass, replace

from multilayer.playground.setup import Setup
from multilayer.playground.words import WORDS


@dataclass(frozen=True)
class Preset:
    """A setup with a name.

    Attributes:
        name: for links.
        section: of "Dive into Deep Learning", such as "5.1.1".
        setup: what it sets.
    """

    name: str
    section: str
    setup: Setup

    @property
    def title(self) -> tuple[str, str]:
        """In English and Russian."""
        return WORDS[f"preset.{self.name}.title"]

    @property
    def text(self) -> tuple[str, str]:
        """A line on what can be seen, in English and Russian."""
        return WORDS[f"preset.{self.name}.text"]


_CHAPTER = Setup(
    "fashion-mnist", hidden_widths=(256,), activations=("relu",), initialization="normal",
    learning_rate=0.1, batch_size=256, num_epochs=10,
)  # fmt: skip
_FEW = Setup("moons", 0.5, 100, (64, 64), ("relu",), "he", "adam", 0.01, 10, seed=3, num_epochs=200)

PRESETS: tuple[Preset, ...] = (
    Preset("linear", "5.1.1", Setup("xor", hidden_widths=(), num_epochs=30)),
    Preset(
        "hidden-layer", "5.1.1", Setup("xor", hidden_widths=(8,), activations=("relu",),
        num_epochs=60),
    ),
    Preset(
        "without-activation", "5.1.1", Setup("circles", activations=("identity",), num_epochs=30)
    ),
    Preset(
        "relu", "5.1.2", Setup("moons", 0.1, hidden_widths=(16,), activations=("relu",),
        num_epochs=60),
    ),
    Preset(
        "sigmoid", "5.1.2", Setup("moons", 0.1, hidden_widths=(16,), activations=("sigmoid",),
        num_epochs=60),
    ),
    Preset(
        "tanh", "5.1.2", Setup("moons", 0.1, hidden_widths=(16,), activations=("tanh",),
        num_epochs=60),
    ),
    Preset(
        "activation-by-layer", "5.1.2", Setup("spirals", hidden_widths=(16, 16, 16),
        activations=("relu", "tanh", "gelu"), initialization="glorot", optimizer="adam",
        learning_rate=0.01, num_epochs=100),
    ),
    Preset("from-scratch", "5.2.1", _CHAPTER),
    Preset(
        "concise", "5.2.2", Setup("fashion-mnist", hidden_widths=(256,), activations=("relu",),
        batch_size=256, num_epochs=10),
    ),
    Preset(
        "one-neuron", "5.2.4", Setup("digits", hidden_widths=(1,), activations=("relu",),
        num_epochs=30),
    ),
    Preset(
        "many-neurons", "5.2.4", Setup("digits", hidden_widths=(512,), activations=("relu",),
        num_epochs=30),
    ),
    Preset(
        "more-layers", "5.2.4", Setup("spirals", hidden_widths=(8, 8, 8), activations=("relu",),
        initialization="he", num_epochs=200),
    ),
    Preset(
        "large-rate", "5.2.4", Setup("moons", 0.1, hidden_widths=(16,), activations=("relu",),
        learning_rate=20.0, num_epochs=60),
    ),
    Preset(
        "small-rate", "5.2.4", Setup("moons", 0.1, hidden_widths=(16,), activations=("relu",),
        learning_rate=0.0005, num_epochs=60),
    ),
    Preset(
        "backpropagation", "5.3", Setup("moons", 0.1, 100, (3,), ("sigmoid",), "glorot",
        learning_rate=0.5, batch_size=4, weight_decay=0.001, num_epochs=60),
    ),
    Preset(
        "vanishing", "5.4.1", Setup("moons", 0.1, hidden_widths=(8,) * 6,
        activations=("sigmoid",), initialization="normal", num_epochs=60),
    ),
    Preset(
        "exploding", "5.4.1", Setup("surface", hidden_widths=(32,) * 6,
        activations=("identity",), initialization="he", learning_rate=1.0, num_epochs=10),
    ),
    Preset(
        "xavier", "5.4.2", Setup("moons", 0.1, hidden_widths=(8,) * 6, activations=("tanh",),
        initialization="glorot", num_epochs=60),
    ),
    Preset("overfitting", "5.5", _FEW),
    Preset("weight-decay", "3.7", replace(_FEW, weight_decay=1.0)),
    Preset(
        "dropout", "5.6", Setup("fashion-mnist", hidden_widths=(256, 256), activations=("relu",),
        batch_size=256, dropout=0.5, num_epochs=10),
    ),
    Preset(
        "regression", "5.7", Setup("surface", hidden_widths=(16, 16), optimizer="adam",
        learning_rate=0.01, num_epochs=100),
    ),
    Preset(
        "seeds", "5.4.2", Setup("spirals", hidden_widths=(16,), num_seeds=10, num_epochs=100)
    ),
)  # fmt: skip
