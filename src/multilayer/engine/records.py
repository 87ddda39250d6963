"""What the training loop says of each epoch."""

from dataclasses import dataclass

from multilayer.engine.scores import Scores


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did; tuples hold one value for each member."""

    epoch: int  # from 1
    num_steps: int  # batches of this epoch that were trained on
    train_loss: tuple[float, ...]  # mean over the epoch's rows, each when its turn came
    validation: Scores | None
    seconds: float  # of this epoch, validation included
    is_interrupted: bool = False  # stopped before its last batch
    best_epoch: tuple[int, ...] | None = None  # so far, by the selection; None if that is the last
