"""The settings of each network of a population. This needs no PyTorch."""

from dataclasses import replace

from multilayer.engine.settings import TrainingSettings

SEED_STEP = 1 << 32  # so that the members of one seed are not those of the next
IMAGE_SEED_STEP = 1  # as in all runs on images since the first


def settings_of_members(
    settings: TrainingSettings, num_members: int, step: int = SEED_STEP
) -> list[TrainingSettings]:
    """The settings of each network, with a seed of its own."""
    return [replace(settings, seed=settings.seed + member * step) for member in range(num_members)]
