"""A process's part in a study, from the data to the run folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multilayer.columns.target_values import Task
from multilayer.drawing.pictures import save_first_layer, save_learning_curves
from multilayer.engine.distributed import Stop
from multilayer.engine.specification import check_choice
from multilayer.errors import SettingsError, TrainingDivergedError
from multilayer.experiments.tune import search_space
from multilayer.experiments.tune.budget import DEFAULT_SECONDS, Budget, Clock
from multilayer.experiments.tune.documents import results_document, settings_document, trials_table
from multilayer.experiments.tune.finalists import NUM_FINALISTS, Finalist, fit_finalists
from multilayer.experiments.tune.folder import StudyFolder
from multilayer.experiments.tune.search import Progress, Search, check_space, queue_first_trials
from multilayer.experiments.tune.search_rows import (
    RecipeRows,
    SearchedImages,
    SearchedTable,
    SearchRows,
)
from multilayer.experiments.tune.search_space import SearchSpace, check_pinned
from multilayer.experiments.tune.storage import (
    JOURNAL,
    StudyPlace,
    check_url,
    import_optuna,
    open_study,
    shown_url,
    storage_errors,
)
from multilayer.experiments.tune.trials import Tally, check_trials, setting_importance, tally
from multilayer.experiments.tune.workers import Worker
from multilayer.files import write_text
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.image_rows import check_augment
from multilayer.images.datasets import require_target
from multilayer.metrics.scores import Score, scores_of
from multilayer.model.model import Model
from multilayer.model.model_file import save_model
from multilayer.runs.run_folder import RunFolder
from multilayer.stopwatch import Stopwatch

_OF_A_PROCESS = ("num_threads", "device")  # each that works on a study may have its own


@dataclass(frozen=True, eq=False)
class TuneResult:
    """What a study found.

    Attributes:
        model: the winner's networks, calibrated; also in the folder.
        params: what the winner was chosen with.
        scores: on the rows or test images that the search never saw, each with its 95% interval.
        results: content of results.json.
        folder: the run folder.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=120, noise=0.0, seed=0).write_csv("surface.csv")
        >>> from multilayer import tune
        >>> found = tune(
        ...     "surface.csv", "y", num_trials=2, output="runs/tuned", recipe="fast",
        ...     settings={"max_epochs": 2, "hidden_widths": (4,)},
        ... )
        >>> sorted(found.params)
        ['dropout', 'learning_rate', 'weight_decay']
        >>> found.folder.name
        'tuned'
    """

    model: Model
    params: dict[str, Any]
    scores: list[Score]
    results: dict[str, Any]
    folder: Path


class TuneRun:
    """Searches and chooses; see `multilayer.tune` for the arguments.

    Attributes:
        folder: where it leaves what it finds.
        place: where the study is.
        rows: the rows, divided.
        space: what is searched.
        is_new: the study begins with this run.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=120, noise=0.0, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, TuneRun
        >>> from multilayer.experiments.tune.budget import Budget
        >>> run = TuneRun(
        ...     "surface.csv", ColumnRoles(("y",)), "runs/tuned", budget=Budget(num_trials=2),
        ...     recipe="fast", settings={"max_epochs": 2, "hidden_widths": (4,)},
        ... )
        >>> for progress in run.search():
        ...     pass
        ...
        >>> for found in run.choose():
        ...     pass
        ...
        >>> run.folder.path.name
        'tuned'
    """

    def __init__(
        self,
        data: str | Path,
        roles: ColumnRoles | None = None,
        output: str | Path | None = None,
        *,
        budget: Budget,
        storage: str | None = None,
        study: str | None = None,
        task: Task | None = None,
        recipe: str | None = None,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        is_strict: bool = False,
        data_dir: str | Path | None = None,
    ) -> None:
        require_target(data, has_target=roles is not None)
        import_optuna()
        if budget.seconds is None and budget.num_trials is None:
            budget = Budget(DEFAULT_SECONDS)
        pinned = dict(settings or {})
        check_pinned(pinned)
        if recipe is not None:
            check_choice("recipe", recipe, ("chapter", "fast", "default"))
        url = None if storage is None else check_url(storage)
        if url is None and study is not None:
            raise SettingsError("the name of a study needs a storage; a journal has one alone")
        self.budget, self._seed = budget, seed
        self._watch = Stopwatch()
        with self._watch.part("reading and encoding the data"):
            self.rows: SearchRows
            if roles is None:
                check_augment(data, pinned.get("augment", ()))
                self.rows = SearchedImages.read(data, data_dir)
            else:
                self.rows = SearchedTable.read(data, roles, task, seed, is_strict=is_strict)
            kind = self.rows.kind
            recipes = search_space.RECIPES[kind] if recipe is None else (recipe,)
            self._rows_of = RecipeRows.of_recipes(self.rows, recipes, pinned, seed)
            for rows_of_recipe in self._rows_of.values():
                rows_of_recipe.check_saveable(Path(output or "") / "model.safetensors")
        self.space = SearchSpace(
            {name: rows.settings for name, rows in self._rows_of.items()},
            pinned,
            search_space.WIDTHS[kind],
        )
        check_space(self.space)
        fingerprint = {
            "data": self.rows.digest, "roles": None if roles is None else roles.to_json(),
            "task": self.rows.task,
            "recipes": list(recipes), "seed": seed, "ranges": search_space.VERSION,
            "settings": {name: pinned[name] for name in pinned if name not in _OF_A_PROCESS},
        }  # fmt: skip
        stem = f"tune-{self.rows.name}"
        whole = stem if roles is None else f"{stem}-{'-'.join(roles.target)}"
        name = study or ("tune" if url is None else whole)
        document = {
            "study": name,
            "storage": None if url is None else shown_url(url),
            "fingerprint": fingerprint,
        }
        self.folder = StudyFolder.open(output, stem, document)
        journal = self.folder.path / JOURNAL if url is None else None
        self.place = StudyPlace(url, journal, name)
        try:
            self._opened = open_study(self.place, fingerprint)
            self._study, self.is_new = self._opened.study, self._opened.is_new
            if self.is_new:
                with storage_errors(self.place):
                    queue_first_trials(self._study, self.space)
            else:
                check_trials(self._study, self.space.distributions(), self.place)
        except BaseException:
            self.folder.take_back()
            raise

    def close(self) -> None:
        """Let another process have the folder, and give connections back."""
        self._opened.close()
        if self.folder.own is not None:
            self.folder.own.release()

    @property
    def is_choosing(self) -> bool:
        """Whether this process makes the last choice; another one fills the folder if not."""
        return self.folder.own is not None

    def names(self) -> list[str]:
        """What is in the folder for people."""
        return sorted(path.name for path in self.folder.path.iterdir() if path.name[0] != ".")

    def tally(self) -> Tally:
        """How far the study is."""
        with storage_errors(self.place):
            return tally(self._study)

    def importance(self) -> dict[str, float] | None:
        """See `setting_importance`."""
        with storage_errors(self.place):
            return setting_importance(self._study)

    def search(self, stop: Stop | None = None) -> Iterator[Progress]:
        """Search until the budget is spent; trials that are cut short are queued again.

        Args:
            stop: when set, the search ends after the current batch.

        Raises:
            StorageError: the storage cannot be reached any more.
        """
        with self._watch.part("searching"), storage_errors(self.place):
            worker = Worker(self._study)
            # Processes with one seed would try the same.
            seed = self._seed if self.is_new else int(worker.name, 16) % (1 << 32)
            search = Search(
                self._study, self.space, self._rows_of.__getitem__, self.budget, seed,
                waits=self.is_choosing,
            )  # fmt: skip
            with worker:
                yield from search.run(worker, Clock(self.budget.seconds, stop))
        self.folder = self.folder.take_over()

    def choose(self, stop: Stop | None = None) -> Iterator[Finalist | TuneResult]:
        """Fit the best trials in folds, estimate the best of these, and leave the run folder.

        Yields:
            Each finalist, and at last what was found.

        Raises:
            SettingsError: no trial came to its end.
            TrainingDivergedError: none of the finalists can be trained in folds.
            OutputError: the folder cannot be written.
        """
        assert self.folder.own is not None, "another process makes the choice"
        best = self.tally().best
        if not best:
            raise SettingsError(
                f"no trial came to its end in the time given; the study is kept in {self.place}, "
                "and the same command with more time goes on"
            )
        finalists: list[Finalist] = []
        with self._watch.part("choosing in folds"):
            for finalist in fit_finalists(self.rows, self.space, best, self._seed, stop):
                finalists.append(finalist)
                yield finalist
        if len(finalists) < min(len(best), NUM_FINALISTS):
            return
        winner = min(finalists, key=lambda one: one.loss)
        if winner.model is None:
            raise TrainingDivergedError(
                "training", len(winner.fit.history) + 1, 1, winner.fit.settings.learning_rate
            )
        yield self._left(self.folder.own, finalists, winner, winner.model)

    def _left(
        self, folder: RunFolder, finalists: list[Finalist], winner: Finalist, model: Model
    ) -> TuneResult:
        with self._watch.part("estimating on rows set aside"):
            scores = self._estimate(model)
        document = settings_document(self.rows, winner)
        results = results_document(
            document["data"], self.rows, finalists, winner, scores, self.tally(), self.importance(),
            self._watch.seconds,
        )  # fmt: skip
        model.details["results"] = results
        save_model(model, folder.path / "model.safetensors")
        folder.write_lines("history.jsonl", winner.fit.history)
        save_learning_curves(winner.fit.history, folder.path / "curves.png")
        if model.image_shape is not None:
            weights = model.leading.weights[0][0].numpy()
            save_first_layer(weights, model.image_shape, folder.path / "first_layer.png")
        with storage_errors(self.place):
            trials = trials_table(self._study, list(self.space.distributions()))
        write_text(folder.path / "trials.csv", trials)
        folder.write_json("settings.json", document)
        folder.write_json("results.json", results)
        folder.release()
        return TuneResult(model, winner.trial.params, scores, results, folder.path)

    def _estimate(self, model: Model) -> list[Score]:
        rows = self.rows.set_aside
        features: Any = rows.features
        is_numbers = model.targets.task == "regression"
        answers = model.numbers(features) if is_numbers else model.probabilities(features)
        return scores_of(model.targets, answers, rows.encoded_targets(model.targets))
