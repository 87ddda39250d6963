"""A keeper of a training's states that keeps all of them in memory."""

from multilayer.engine.state import TrainingState


class KeepAll:
    """Keeps the state after every batch and every epoch.

    Attributes:
        states: in their order.
    """

    def __init__(self) -> None:
        self.states: list[TrainingState] = []

    def is_due(self, *, is_epoch_over: bool) -> bool:
        """Always."""
        return True

    def keep(self, state: TrainingState) -> None:
        """Keep it."""
        self.states.append(state)
