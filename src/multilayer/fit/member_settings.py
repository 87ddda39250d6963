"""The settings of each network of a population. Does not import PyTorch."""

from dataclasses import replace

from multilayer.engine.settings import TrainingSettings

SEED_STEP = 1 << 32  # so that populations of neighboring seeds share no member
IMAGE_SEED_STEP = 1  # kept so that runs on images repeat those of earlier versions


def settings_of_members(
    settings: TrainingSettings, num_members: int, step: int = SEED_STEP
) -> list[TrainingSettings]:
    """The settings of each network, with a seed of its own."""
    return [replace(settings, seed=settings.seed + member * step) for member in range(num_members)]
