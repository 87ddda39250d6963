"""What a study leaves in its folder, beside the model: settings.json, results.json, trials.csv.

The first two are those of `multilayer train`, so that all that reads runs reads these too.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from multilayer.experiments.tune.finalists import Finalist
from multilayer.experiments.tune.search_rows import SearchRows
from multilayer.experiments.tune.trials import ACCURACY, BEST_EPOCH, DIVERGED, SECONDS, Tally
from multilayer.metrics.scores import Score
from multilayer.runs import written_documents

if TYPE_CHECKING:
    from optuna import Study


def settings_document(rows: SearchRows, winner: Finalist) -> dict[str, Any]:
    """Content of settings.json."""
    fit = winner.fit
    described = rows.description(fit)
    return written_documents.settings_document(fit.recipe_name, fit.settings, described)


def results_document(
    data: Mapping[str, Any],
    rows: SearchRows,
    finalists: Sequence[Finalist],
    winner: Finalist,
    scores: Sequence[Score],
    tally: Tally,
    importance: Mapping[str, float] | None,
    part_seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Content of results.json, with more.

    As of other runs, `test` are the scores on the test images and `validation` those of images held
    out in folds; of a table `validation` are the scores on the rows set aside.

    Args:
        data: what settings.json says of the data.
        rows: searched and set aside.
        finalists: the trials that folds chose between.
        winner: the one that they chose.
        scores: of its model on the rows set aside.
        tally: of all trials.
        importance: of the settings that were searched; None: not known.
        part_seconds: what each part of the study took.
    """
    is_table = rows.kind == "table"
    known = written_documents.results_document(
        "finished",
        data,
        winner.fit.settings,
        history=winner.fit.history,
        part_seconds=part_seconds,
        num_parameters=winner.fit.network.spec.num_parameters,
        validation=scores if is_table else winner.scores,
        test=() if is_table else scores,
        temperature=1.0 if winner.model is None else winner.model.temperature,
    )
    return {
        **known,
        "cross_validation": [score.to_json() for score in winner.scores],
        "trial": {"number": winner.trial.number, "params": winner.trial.params},
        "finalists": [
            {
                "trial": one.trial.number,
                "loss_in_search": one.trial.loss,
                "loss_in_folds": one.loss if np.isfinite(one.loss) else None,
            }
            for one in finalists
        ],
        "trials": {
            "complete": tally.num_complete,
            "pruned": tally.num_pruned,
            "diverged": tally.num_diverged,
        },
        "importance": None if importance is None else dict(importance),
        "part_seconds": dict(part_seconds),
        "num_rows_searched": len(rows.searched),
        "num_rows_set_aside": len(rows.set_aside),
        "versions": {**known["versions"], "optuna": version("optuna")},
    }


def trials_table(study: "Study", parameters: Sequence[str]) -> str:
    """All trials as CSV: what each tried, how it ended, and its loss."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "loss", ACCURACY, BEST_EPOCH, SECONDS, *parameters])
    trials = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get("retry_of") for trial in trials}
    for trial in trials:
        known = trial.user_attrs
        state = DIVERGED if known.get(DIVERGED) else trial.state.name.lower()
        state = "tried again" if trial.number in again else state
        loss = trial.value if trial.value is not None and np.isfinite(trial.value) else ""
        figures = [known.get(name, "") for name in (ACCURACY, BEST_EPOCH, SECONDS)]
        params = [trial.params.get(name, "") for name in parameters]
        writer.writerow([trial.number, state, loss, *figures, *params])
    return text.getvalue()
