"""The formulas of a step in the chapter's notation, as plain text, with a layer's symbols."""

import re
from dataclasses import dataclass

from multilayer.playground.setup import Setup

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_FUNCTIONS = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU",
    "silu": "SiLU", "mish": "Mish", "softplus": "Softplus", "tanh": "tanh",
    "sigmoid": "sigmoid", "identity": "",
}  # fmt: skip
_NAMES = {
    "X": "inputs", "y": "targets", "Z": "pre_activation", "A": "activated", "M": "mask",
    "H": "hidden", "O": "outputs", "loss": "loss", "delta": "error", "dH": "hidden_gradient",
    "W.grad": "weight_gradient", "b.grad": "bias_gradient", "W.decayed": "decayed",
    "W.m": "first_moment", "b.m": "first_moment", "W.v": "second_moment",
    "b.v": "second_moment", "W.after": "weight_update", "b.after": "bias_update",
}  # fmt: skip


@dataclass(frozen=True)
class Followed:
    """A weight or bias whose update is followed by hand.

    Attributes:
        name: of its matrix or vector, such as "W1".
        place: its row and column.
        before: its value.
        gradient: of the loss.
        mean: Adam's m̂; None for gradient descent.
        square: Adam's v̂.
    """

    name: str
    place: tuple[int, ...]
    before: float
    gradient: float
    mean: float | None = None
    square: float | None = None


class Formulas:
    """Symbols and formulas of a setup's network, by the keys of its values.

    Args:
        setup: the network's.
        is_of_classes: whether the loss is cross entropy; else it is the squared error.
    """

    def __init__(self, setup: Setup, *, is_of_classes: bool) -> None:
        self._setup, self._is_of_classes = setup, is_of_classes
        self._last = len(setup.hidden_widths) + 1

    def name(self, key: str) -> str:
        """The key of `WORDS` for what a value is."""
        return f"trace.{_NAMES[re.sub('[0-9]', '', key)]}"

    def symbol(self, key: str) -> str:
        """Such as H⁽¹⁾ for "H1"."""
        if key in ("X", "O"):
            return key
        if key in ("y", "loss"):
            return {"y": "Y" if not self._is_of_classes else "y", "loss": "L"}[key]
        base, _, part = key.partition(".")
        kind, layer = base.rstrip("0123456789"), int(base.lstrip("deltaHZAMWb"))
        if kind == "delta":
            return _at("δ", layer)
        if kind == "dH":
            return f"∂L/∂{_at('H', layer)}"
        symbol = _at(kind, layer)
        return {"grad": f"∂L/∂{symbol}", "m": f"m({symbol})", "v": f"v({symbol})"}.get(part, symbol)

    def formula(self, key: str) -> str:
        """How a value is computed, such as "H⁽¹⁾ = ReLU(Z⁽¹⁾)"; "" for inputs and targets."""
        if key in ("X", "y"):
            return ""
        symbol = self.symbol(key)
        if key == "O":
            return f"O = {self._product(self._last)}"
        if key == "loss":
            mean = "−1/n · Σᵢ log softmax(Oᵢ)[yᵢ]" if self._is_of_classes else "mean of (O − Y)²"
            return f"L = {mean}"
        base, _, part = key.partition(".")
        kind, layer = base.rstrip("0123456789"), int(base.lstrip("deltaHZAMWb"))
        if part:
            return self._of_update(part, kind, layer, symbol)
        return {
            "Z": lambda: f"{symbol} = {self._product(layer)}",
            "A": lambda: f"{symbol} = {self._activated(layer)}",
            "M": lambda: f"{symbol} = 0, or 1/(1 − p), p = {self._setup.dropout:g}",
            "H": lambda: f"{symbol} = {self._hidden(layer)}",
            "dH": lambda: f"{symbol} = {_at('δ', layer + 1)} {_at('W', layer + 1)}ᵀ",
            "delta": lambda: self._delta(layer, symbol),
        }[kind]()

    def by_hand(self, followed: Followed, after: float) -> str:
        """The update of one weight with its numbers."""
        rate, decay = self._setup.learning_rate, self._setup.weight_decay
        row = ",".join(str(at + 1) for at in followed.place).translate(_LOWERED)
        kept = number(followed.before)
        if decay and followed.name[0] == "W":
            kept = f"(1 − {number(rate)} × {number(decay)}) × {in_brackets(followed.before)}"
        symbol = f"{followed.name[0].lower()}{row}"
        step = f"{number(rate)} × {in_brackets(followed.gradient)}"
        if followed.mean is not None and followed.square is not None:
            step = (
                f"{number(rate)} × {in_brackets(followed.mean)} / "
                f"(√{number(followed.square)} + 10⁻⁸)"
            )
        return f"{symbol} = {kept} − {step} = {number(after)}"

    def _before(self, layer: int) -> str:
        return "X" if layer == 1 else _at("H", layer - 1)

    def _product(self, layer: int) -> str:
        return f"{self._before(layer)} {_at('W', layer)} + {_at('b', layer)}"

    def _activated(self, layer: int) -> str:
        function = _FUNCTIONS[self._setup.activations[layer - 1]]
        return f"{function}({_at('Z', layer)})" if function else _at("Z", layer)

    def _hidden(self, layer: int) -> str:
        if self._setup.dropout:
            return f"{_at('A', layer)} ⊙ {_at('M', layer)}"
        return self._activated(layer)

    def _delta(self, layer: int, symbol: str) -> str:
        if layer == self._last:
            error = "(softmax(O) − Y) / n" if self._is_of_classes else "2 (O − Y) / n"
            return f"{symbol} = ∂L/∂O = {error}"
        factors = [f"∂L/∂{_at('H', layer)}"]
        if self._setup.dropout:
            factors.append(_at("M", layer))
        function = _FUNCTIONS[self._setup.activations[layer - 1]]
        if function:
            factors.append(f"{function}'({_at('Z', layer)})")
        return f"{symbol} = ∂L/∂{_at('Z', layer)} = {' ⊙ '.join(factors)}"

    def _of_update(self, part: str, kind: str, layer: int, symbol: str) -> str:
        gradient, rate = f"∂L/∂{_at(kind, layer)}", number(self._setup.learning_rate)
        if part == "grad":
            if kind == "b":
                return f"{symbol} = Σᵢ {_at('δ', layer)}ᵢ"
            return f"{symbol} = {self._before(layer)}ᵀ {_at('δ', layer)}"
        if part == "decayed":
            return f"{symbol} ← (1 − {rate} · {number(self._setup.weight_decay)}) {symbol}"
        if part == "m":
            return f"{symbol} ← 0.9 {symbol} + 0.1 {gradient}"
        if part == "v":
            return f"{symbol} ← 0.999 {symbol} + 0.001 ({gradient})²"
        if self._setup.optimizer == "sgd":
            return f"{symbol} ← {symbol} − {rate} {gradient}"
        hats = f"m({symbol}) / (1 − 0.9ᵗ)", f"v({symbol}) / (1 − 0.999ᵗ)"
        return f"{symbol} ← {symbol} − {rate} · {hats[0]} / (√({hats[1]}) + 10⁻⁸)"


def number(value: float) -> str:
    """Six digits, with a minus as formulas have it."""
    return f"{value:.6g}".replace("-", "−")


def in_brackets(value: float) -> str:
    """The same, in brackets where it is negative."""
    return f"({number(value)})" if number(value).startswith("−") else number(value)


def _at(symbol: str, layer: int) -> str:
    """A layer's symbol."""
    return f"{symbol}⁽{str(layer).translate(_RAISED)}⁾"
