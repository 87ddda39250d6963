"""The fit that settings ask for: of a population, of a network and its second, or of a pack."""

import warnings
from collections.abc import Callable
from functools import partial

from multilayer.engine.settings import TrainingSettings
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import PreparedData
from multilayer.fit.refit import Refit
from multilayer.pack.pack_fit import PackFit
from multilayer.pack.time_limit import Deadline
from multilayer.pack.time_plan import planned

_SECONDS_AFTER_TRAINING, _SHARE_AFTER_TRAINING = 1.0, 0.02  # of a time limit, for what follows


def fit_of(
    prepare: Callable[[TrainingSettings | None], PreparedData],
    *,
    began: float | None = None,
    is_resumed: bool = False,
) -> Fit:
    """Prepare data and make the fit that its settings ask for.

    Args:
        prepare: prepares the data, with settings or, with None, with those that were asked for.
        began: when the time of a time limit began, by `time.monotonic`; None: now.
        is_resumed: whether the settings are those of an earlier run, with its plan.

    Raises:
        SettingsError: a pack cannot be made of these data; or a time limit is too short.
    """
    deadline = Deadline(None, began)
    first = prepare(None)
    limit = first.settings.time_limit
    words = ""
    if limit:
        reserve = _SECONDS_AFTER_TRAINING + _SHARE_AFTER_TRAINING * limit
        deadline = Deadline(limit, began, reserve)
    if limit and not is_resumed:
        first, words = planned(first, partial(_quietly, prepare), deadline)
    if not first.settings.num_draws:
        return Refit(first) if first.settings.refit else Fit(first)
    return PackFit(first, deadline, words)


def _quietly(
    prepare: Callable[[TrainingSettings | None], PreparedData], settings: TrainingSettings
) -> PreparedData:
    """Prepare the data again, without its warnings, which were given before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return prepare(settings)
