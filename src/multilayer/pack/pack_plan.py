"""What a pack is going to train, in words, from its settings alone. No PyTorch needed."""

from multilayer.engine.settings import TrainingSettings
from multilayer.pack.pack_document import value_in_words
from multilayer.recipes.recipes import recipe

LEAST_PROGRESS = 1e-3  # of the mixture's loss, as a share of it
DRAWS_WITHOUT_PROGRESS = 10  # after which a pack ends


def plan_in_words(settings: TrainingSettings, *, is_of_images: bool) -> list[str]:
    """How many draws there are, what is drawn and what is not, and when it ends; a line each.

    Args:
        settings: of the pack.
        is_of_images: whether the rows are images.
    """
    most, folds = settings.num_draws, settings.num_folds
    draws = "1 draw" if most == 1 else f"up to {most} draws"
    if settings.time_limit and most > 1:
        draws = f"as many draws as its time allows, at most {most},"
    networks = f"{folds} networks, one for each fold" if folds else "one network"
    known = recipe("pack", "images" if is_of_images else "classification").drawn
    fixed = [
        f"{name} {value_in_words(getattr(settings, name))}"
        for name in known
        if name not in settings.drawn
    ]
    drawn = "nothing is drawn: they differ in their seeds alone"
    if settings.drawn:
        drawn = f"drawn for each but the first: {', '.join(settings.drawn)}"
        drawn += f"; as it is set: {', '.join(fixed)}" if fixed else ""
    lines = [f"pack: {draws} of {networks}, mixed by what they add on held-out rows"]
    if most > 1:
        time = "its time is over, when " if settings.time_limit else ""
        hardly = (
            f"{DRAWS_WITHOUT_PROGRESS} in a row lower the mixture's loss by less than "
            f"{LEAST_PROGRESS:.1%}"
        )
        lines += [drawn, f"ends when {time}all draws are trained, or {hardly}"]
    return lines
