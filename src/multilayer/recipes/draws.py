"""What the settings of a pack's networks are drawn from.

The ranges lie around the recipe's own values and are those of published searches: of RealMLP
(Holzmüller et al., 2024) and of packs (Gorishniy et al., 2026).
"""

import math
from dataclasses import replace
from typing import Any

from numpy.random import Generator

from multilayer.encoding.splits import seeded_generator
from multilayer.engine.settings import SEED_STEP, TrainingSettings

# Small networks take a fifth of the recipe's time, and on some tables are better by themselves.
_WIDTHS_FOR_TABLES = (
    (64, 64), (128,), (128, 128), (128, 128), (128, 128, 128),
    (256, 256), (256, 256), (256, 256, 256), (384, 384), (512, 512),
)  # fmt: skip
_WIDTHS_FOR_IMAGES = ((1024, 1024), (1024, 1024, 1024), (1536, 1024), (2048, 1024))
_ACTIVATIONS_FOR_TABLES = ("selu", "mish", "gelu")
_ACTIVATIONS_FOR_IMAGES = ("gelu", "silu", "relu")
_EMBEDDINGS = ("none", "periodic", *("piecewise",) * 6)
_NUMS_OF_BINS = (16, 32, 48)
_EMBEDDING_LIMITS = (8, 12, 200, 200)
DRAWS_OF_A_WAVE = 2  # with five folds, ten networks, which divide evenly among two or five threads


def drawn_settings(
    settings: TrainingSettings, wave: int, place: int, *, is_of_images: bool
) -> TrainingSettings:
    """The settings of a network of a pack; they depend on the seed and the two numbers alone.

    Args:
        settings: of the pack; `drawn` says what is drawn.
        wave: which population, from 0. The first has the settings as they are.
        place: of the network in it, from 0. What members of a population may not differ in is
            drawn for the wave.
        is_of_images: whether the rows are images.
    """
    if wave == 0:
        return settings
    # All are drawn, so that one that is fixed does not change the others.
    shared = seeded_generator(settings.seed, f"pack/{wave}".encode())
    own = seeded_generator(settings.seed, f"pack/{wave}/{place}".encode())
    drawn = _drawn_for_all(shared, settings, is_of_images) | _drawn_for_one(own, settings)
    chosen: dict[str, Any] = {name: drawn[name] for name in settings.drawn}
    embedding = chosen.get("numeric_embedding", settings.numeric_embedding)
    # What the embedding does not have is at its default.
    if "embedding_frequency" in chosen and embedding != "periodic":
        chosen["embedding_frequency"] = TrainingSettings.embedding_frequency
    if "embedding_components" in chosen and embedding != "piecewise":
        chosen["embedding_components"] = TrainingSettings.embedding_components
    if not settings.category_statistics:
        chosen.pop("embedding_limit", None)
    return replace(settings, **chosen)


def _drawn_for_all(
    source: Generator, settings: TrainingSettings, is_of_images: bool
) -> dict[str, Any]:
    widths = _WIDTHS_FOR_IMAGES if is_of_images else _WIDTHS_FOR_TABLES
    activations: tuple[str, ...] = _ACTIVATIONS_FOR_IMAGES
    if not is_of_images:
        activations = (settings.activation, *_ACTIVATIONS_FOR_TABLES)
    return {
        "hidden_widths": widths[int(source.integers(len(widths)))],
        "activation": activations[int(source.integers(len(activations)))],
        "numeric_embedding": _EMBEDDINGS[int(source.integers(len(_EMBEDDINGS)))],
        "embedding_components": _NUMS_OF_BINS[int(source.integers(len(_NUMS_OF_BINS)))],
        "embedding_limit": _EMBEDDING_LIMITS[int(source.integers(len(_EMBEDDING_LIMITS)))],
        "scale_rate_factor": _around(settings.scale_rate_factor, 0.3, 1.7, source),
        "bias_rate_factor": _around(settings.bias_rate_factor, 0.5, 3, source),
        "input_dropout": _up_to(2 * settings.input_dropout, source),
    }


def _drawn_for_one(source: Generator, settings: TrainingSettings) -> dict[str, Any]:
    return {
        "learning_rate": _around(settings.learning_rate, 0.4, 2.5, source),
        "weight_decay": _around(settings.weight_decay, 0.1, 5, source),
        "dropout": _up_to(min(0.5, max(0.3, 1.7 * settings.dropout)), source),
        "embedding_frequency": _around(TrainingSettings.embedding_frequency, 0.2, 10, source),
    }


def _around(value: float, low: float, high: float, source: Generator) -> float:
    """The value times a number from low to high, whose logarithm is uniform."""
    return float(f"{value * math.exp(source.uniform(math.log(low), math.log(high))):.4g}")


def _up_to(most: float, source: Generator) -> float:
    return round(float(source.uniform(0, most)), 3)


def seed_of_member(settings: TrainingSettings, draw: int, member: int, num_members: int) -> int:
    """The seed of a draw's network; those of the first draw are those of a plain population."""
    return settings.seed + (draw * num_members + member) * SEED_STEP
