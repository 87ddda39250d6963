"""What results.json and model files tell of a pack, and how people read it. No PyTorch needed."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Required, TypedDict

from multilayer.errors import escaped
from multilayer.fit.declared_types import Count, check_type

# Why a pack ended: all draws were trained; the last ones hardly made the mixture better; no time
# was left for another; or it was interrupted.
PackEnd = Literal["all draws", "no better", "time over", "interrupted"]

_ENDED = {
    "all draws": "all draws were trained",
    "no better": "the last draws hardly made the mixture better",
    "time over": "no time was left for more",
    "interrupted": "it was interrupted",
}
_HEADERS = ("draw", "share", "loss", "gain", "epochs")
NUM_COLUMNS = len(_HEADERS)  # of a table of the mixture, before those of drawn settings


class MixedDraw(TypedDict, total=False):
    """A draw in the mixture, by its number from 1.

    `share` is that of the mixture, `loss` its own on held-out rows, `gain` by how much the
    mixture's loss would be more without it, null if it is alone. `end` says how its training ended;
    `settings` are those that were drawn.
    """

    draw: Required[Count]
    share: Required[float]
    loss: Required[float]
    gain: float | None
    num_epochs: Count
    end: str
    settings: dict[str, Any]


class PackDocument(TypedDict, total=False):
    """How a pack ended, and its mixture, the largest share first.

    `num_draws` were tried, `ends` counts how their trainings ended, `ended` says why there were no
    more. `first_loss` is the held-out loss of the first draw, which has the recipe's own settings;
    null if it diverged. `loss` is that of the mixture, of `num_networks` networks with
    `num_parameters` parameters together.
    """

    num_draws: Required[Count]
    ends: dict[str, Count]
    ended: str | None
    first_loss: float | None
    loss: Required[float]
    num_networks: Count
    num_parameters: Count
    mixture: Required[list[MixedDraw]]


def pack_of_details(details: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model file tells of the pack that the model is of; None: it is of none.

    Raises:
        ValueError: that is damaged.
    """
    pack: dict[str, Any] | None = details.get("pack")
    if pack is not None:
        check_type(pack, PackDocument, "details.pack")
    return pack


def mixture_table(pack: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of a table of who is in the mixture, the settings that were drawn last."""
    mixture = pack["mixture"]
    names = list(dict.fromkeys(name for one in mixture for name in one.get("settings", {})))
    rows = []
    for one in mixture:
        settings, gain = one.get("settings", {}), one.get("gain")
        rows.append(
            [
                str(one["draw"]),
                f"{one['share']:.1%}",
                f"{one['loss']:.4g}",
                "–" if gain is None else f"{gain:.2g}",
                str(one.get("num_epochs", "–")),
                *(value_in_words(settings.get(name)) for name in names),
            ]
        )
    return [*_HEADERS, *(escaped(name).replace("_", " ") for name in names)], rows


def pack_in_words(pack: Mapping[str, Any]) -> list[str]:
    """How many draws were tried and how they ended, and how good the mixture is; two sentences."""
    num_draws, mixture = pack["num_draws"], pack["mixture"]
    ends = ", ".join(f"{number} {escaped(end)}" for end, number in pack.get("ends", {}).items())
    ended = _ENDED.get(str(pack.get("ended")), "")
    tried = f"{num_draws} draw{'' if num_draws == 1 else 's'} tried{f' ({ends})' if ends else ''}"
    networks = ""
    if "num_networks" in pack and "num_parameters" in pack:
        number = pack["num_networks"]
        networks = f", {number} network{'' if number == 1 else 's'} with "
        networks += f"{pack['num_parameters']:,} parameters"
    loss, first, own = pack["loss"], pack.get("first_loss"), "which has the recipe's own settings"
    if [one["draw"] for one in mixture] == [1]:
        good = f"draw 1 alone, {own}{networks}: loss {loss:.4g} on held-out rows"
    else:
        good = f"{len(mixture)} of them{networks}: loss {loss:.4g} on held-out rows; draw 1 alone, "
        less = change_in_words(first, loss)
        has = (
            "diverged" if first is None else f"{first:.4g}{f', the mixture {less}' if less else ''}"
        )
        good += f"{own}: {has}"
    return [f"{tried}; ended as {ended}" if ended else tried, good]


def change_in_words(before: float | None, after: float | None) -> str:
    """By how much a loss has changed, such as 5.4% less; empty where that cannot be said."""
    if before is None or after is None or not before or not math.isfinite(after - before):
        return ""
    less = (before - after) / abs(before)
    if abs(less) < 5e-4:
        return "as before"
    return f"{abs(less):.1%} {'less' if less >= 0 else 'more'}"


def value_in_words(value: Any) -> str:
    """A setting's value, as it is shown."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return escaped("-".join(map(str, value)) or "none")
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else escaped(str(value))
