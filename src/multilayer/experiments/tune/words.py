"""What a search says of itself, in words and rows of tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from multilayer.experiments.tune.search import Progress
from multilayer.experiments.tune.trials import FEWEST_TRIALS, Tally, TrialSummary
from multilayer.stopwatch import in_words

MOST_SHOWN = 5


def counts(tally: Tally) -> str:
    """How many trials ended in which way: 24 trials, of which 9 pruned."""
    parts = [
        f"{number} {name}"
        for number, name in ((tally.num_pruned, "pruned"), (tally.num_diverged, "diverged"))
        if number
    ]
    of_which = f", of which {' and '.join(parts)}" if parts else ""
    return f"{tally.num_finished} trial{'s' if tally.num_finished != 1 else ''}{of_which}"


def status(progress: Progress) -> str:
    """Where the search is, in one line."""
    wanted = "" if progress.num_trials is None else f" of {progress.num_trials}"
    parts = [f"{progress.tally.num_finished}{wanted} trials"]
    if progress.group_size and progress.shape is not None:
        parts.append(
            f"{progress.group_size} together at epoch {progress.epoch} of {progress.max_epochs}"
        )
    elif progress.num_elsewhere:
        parts.append(f"{progress.num_elsewhere} in other processes")
    if progress.seconds_left is None:
        parts.append(in_words(progress.seconds))
    else:
        parts.append(f"{in_words(progress.seconds_left)} left")
    return ", ".join(parts)


def best_line(trial: TrialSummary) -> str:
    """A trial with its loss and what it tried, in one line."""
    accuracy = "" if trial.accuracy is None else f", accuracy {trial.accuracy:.4f}"
    return f"loss {trial.loss:.4f}{accuracy} with {params_in_words(trial.params)}"


def params_in_words(params: Mapping[str, Any]) -> str:
    """Parameters as they are spoken of, such as default, 3 × 256 neurons, 64 epochs."""
    parts = []
    if "recipe" in params:
        parts.append(str(params["recipe"]))
    if "depth" in params:
        parts.append(f"{params['depth']} × {params['width']} neurons")
    if "max_epochs" in params:
        parts.append(f"{params['max_epochs']} epoch{'s' * (params['max_epochs'] != 1)}")
    parts += [
        f"{name.replace('_', ' ')} {params[name]:.2g}"
        for name in ("learning_rate", "dropout", "weight_decay")
        if name in params
    ]
    return ", ".join(parts)


def best_headers(trials: Sequence[TrialSummary]) -> list[str]:
    """For `best_rows`."""
    accuracy = ["accuracy"] if trials and trials[0].accuracy is not None else []
    return ["settings", "trial", "loss", *accuracy]


def best_rows(trials: Sequence[TrialSummary]) -> list[list[str]]:
    """The first few trials, a row each."""
    return [
        [
            params_in_words(trial.params),
            str(trial.number),
            f"{trial.loss:.4f}",
            *([] if trial.accuracy is None else [f"{trial.accuracy:.4f}"]),
        ]
        for trial in trials[:MOST_SHOWN]
    ]


def importance_line(importance: Mapping[str, float] | None, tally: Tally) -> str:
    """What made the difference, or why that is not known."""
    if importance is None:
        return (
            f"what helped most is not known: {tally.num_complete} trials came to their end, and "
            f"less than {FEWEST_TRIALS} say nothing about it"
        )
    shares = ", ".join(
        f"{name.replace('_', ' ')} {share:.0%}" for name, share in importance.items()
    )
    return f"what made the difference between trials: {shares}"
