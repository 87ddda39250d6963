"""Searching for settings, in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multilayer.columns.target_values import Task
from multilayer.engine.distributed import Ranks
from multilayer.errors import RunFolderError, SettingsError
from multilayer.experiments.tune.budget import Budget
from multilayer.experiments.tune.tune_run import TuneResult, TuneRun
from multilayer.fit.column_roles import ColumnRoles


def tune(
    data: str | Path,
    target: str | Sequence[str] | ColumnRoles | None = None,
    *,
    seconds: float | None = None,
    num_trials: int | None = None,
    output: str | Path | None = None,
    storage: str | None = None,
    study: str | None = None,
    task: Task | None = None,
    recipe: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    data_dir: str | Path | None = None,
) -> TuneResult:
    """Search for good settings for a table or images, and leave a run folder with a model.

    A fifth of a table's rows is set aside first, for the estimate at the end; of images these are
    the test images. Trials are measured on a fifth of the others; the best three are fitted once
    more in five folds, and the networks of the best are the model. See
    `multilayer.experiments.tune.search_space` for what is searched.

    Args:
        data: a file that `read_table` takes; without a target images, as `load_images` takes them.
        target: column to predict, or several, or roles of more columns; None: data are images.
        seconds: to search; choosing takes some more. None: as long as the trials take, and ten
            minutes if their number is not given either.
        num_trials: of the study, those of an earlier call included. None: any number.
        output: the run folder. If it holds this study already, that goes on. None: the last of
            runs/tune-NAME-001, … if that has no result yet, or else the next one.
        storage: URL of a database to keep the study in; None: a journal in the run folder.
        study: its name there; None: tune-NAME-TARGET, of images tune-NAME.
        task: of a table; None: as `infer_task` finds it.
        recipe: to search about; None: "default" and "fast".
        settings: by name, that are as they are given and not searched.
        seed: of every draw.
        data_dir: of images: where to look for the data set first.

    Returns:
        What was found.

    Raises:
        MissingExtraError: Optuna is not installed.
        SettingsError: a setting is unknown or out of range, no trial came to its end, or this is
            one of several processes of a job.
        DataError: the data cannot be had, read or used.
        CheckpointError: the study to go on with is of something else.
        StorageError: the storage cannot be reached or used.
        OutputError: the folder cannot be written.
        RunFolderError: another process fills the folder, and makes the choice; this one helped.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=120, noise=0.0, seed=0).write_csv("surface.csv")
        >>> from multilayer import tune
        >>> found = tune(
        ...     "surface.csv", "y", num_trials=2, output="runs/tuned", recipe="fast",
        ...     settings={"max_epochs": 2, "hidden_widths": (4,)},
        ... )
        >>> [score.name for score in found.scores]
        ['RMSE', 'MAE', 'R²']
        >>> found.model.predict({"x1": [0.5], "x2": [0.5]}).shape
        (1,)
    """
    if Ranks.current() is not None:
        raise SettingsError(
            "multilayer.tune is for one process; have torchrun start `multilayer tune`, which "
            "divides each trial among its processes"
        )
    roles: ColumnRoles | None
    if target is None or isinstance(target, ColumnRoles):
        roles = target
    else:
        roles = ColumnRoles((target,) if isinstance(target, str) else tuple(target))
    run = TuneRun(
        data, roles, output, budget=Budget(seconds, num_trials), storage=storage, study=study,
        task=task, recipe=recipe, settings=settings, seed=seed,
        data_dir=data_dir,
    )  # fmt: skip
    try:
        for _ in run.search():
            pass
        if not run.is_choosing:
            raise RunFolderError(f"another process fills {run.folder.path} and makes the choice")
        *_, result = run.choose()
    finally:
        run.close()
    assert isinstance(result, TuneResult)
    return result
