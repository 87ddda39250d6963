"""Networks fitted to a table, from its file to a run folder."""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch

from multilayer.data.target_values import Task
from multilayer.engine.fingerprints import versions
from multilayer.engine.records import EpochRecord
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import TableError, TrainingDivergedError
from multilayer.estimators.fitting import TableFit
from multilayer.estimators.population_fit import history_line
from multilayer.lab.checkpoints import CheckpointPlan
from multilayer.lab.open_run import OpenRun
from multilayer.lab.run_folder import RunFolder
from multilayer.lab.stopwatch import Stopwatch, without_times
from multilayer.lab.table_scores import Score, scores_of
from multilayer.lab.table_source import ColumnRoles, read_rows
from multilayer.model_file.table_model import save_table_model
from multilayer.report.pictures import save_learning_curves

_MOST_ROWS_NAMED = 2_000  # validation rows whose numbers are kept, to look at the model with


class TableRun:
    """Fits a table and leaves a run folder.

        run = TableRun("houses.csv", ColumnRoles(("price",)), output="runs/houses")
        for epoch in run.epochs():
            print(epoch.epoch, epoch.train_loss)
        results = run.finish()

    Args:
        data: a file that `read_table` takes.
        roles: what its columns are for.
        output: the run folder, empty or not there yet; None: the next free one under runs/.
        task: None: as `infer_task` finds it.
        recipe_name: "fast", "default", "best" or "chapter".
        changes: settings that shall differ from the recipe's, by name.
        validation: a file of rows to be measured on; None: they are held out as the settings say.
        is_strict: a row without target is an error.
        checkpoint_every: how often the state is kept, as `CheckpointPlan.read` takes it; None:
            after each epoch, at most once in 30 seconds.
        is_resumed: `output` is the folder of a run that was killed or interrupted. It goes on bit
            for bit as if it had not been, from its newest whole checkpoint, or from the beginning
            if it has none; see `SavedRun` for the other arguments.

    Attributes:
        fit: the fit, with its settings, encoder and network.
        source: the rows and what was noticed when they were read.
        folder: the run folder.
        notes: what was found damaged when the run was taken up again, a line each.
        place: the epoch that a resumed run goes on in, and its batches done; None: the beginning.

    Raises:
        CheckpointError: data, settings or versions are not those of the run to resume.
        RunFolderError: another process fills the folder; or it is damaged, or its run has ended.
        SettingsError: the recipe or a setting is unknown or out of range.
        DataError: a file cannot be read or used.
        OutputError: the folder is not empty or cannot be written.
    """

    def __init__(
        self,
        data: str | Path,
        roles: ColumnRoles,
        output: str | Path | None = None,
        *,
        task: Task | None = None,
        recipe_name: str = "default",
        changes: Mapping[str, Any] | None = None,
        validation: str | Path | None = None,
        is_strict: bool = False,
        checkpoint_every: str | None = None,
        is_resumed: bool = False,
    ) -> None:
        plan = CheckpointPlan.read(checkpoint_every)
        self.data, self.roles = data, roles
        self._watch = Stopwatch()
        validation_source = None
        with self._watch.part("reading the data"):
            self.source = read_rows(data, roles, is_strict=is_strict)
            if validation is not None:
                validation_source = read_rows(
                    validation, roles, is_strict=is_strict, schema=self.source.schema
                )
        with self._watch.part("encoding, first weights"):
            self.fit = TableFit(
                self.source.rows,
                self.source.schema,
                task=task,
                target_names=roles.target,
                recipe_name=recipe_name,
                changes=changes,
                validation=None if validation_source is None else validation_source.rows,
            )
        self._status = "unfinished"
        document = self._description(validation)
        if is_resumed:
            assert output is not None
            opened = OpenRun.taken_up(output, document, plan, history_line)
        else:
            name = f"{Path(data).name.partition('.')[0] or 'table'}-{recipe_name}"
            folder = RunFolder(output, name, self.fit.network.parameters.nbytes)
            opened = OpenRun.begun(folder, document, plan)
        if opened.state is not None:
            self.fit.resume(opened.state)
        self.folder, self.notes, self.place = opened.folder, opened.notes, opened.place
        self._keeper = opened.keeper

    @property
    def settings(self) -> TrainingSettings:
        """As they are used."""
        return self.fit.settings

    @property
    def history(self) -> list[dict[str, Any]]:
        """A line an epoch."""
        return self.fit.history

    def epochs(self, stop: Event | None = None) -> Iterator[EpochRecord]:
        """Train; each record is also added to history.jsonl.

        Args:
            stop: when set, training ends after the current batch.

        Raises:
            TrainingDivergedError: no network's loss is finite any more.
        """
        record = None
        try:
            with self._keeper:
                for record in self.fit.epochs(stop, self._keeper):
                    self.folder.append_line("history.jsonl", self.history[-1])
                    yield record
        except TrainingDivergedError:
            self.folder.write_json("results.json", {"status": "diverged", **self._facts()})
            raise
        was_stopped = (stop is not None and stop.is_set()) or (record and record.is_interrupted)
        self._status = "interrupted" if was_stopped else "finished"

    def finish(self) -> dict[str, Any]:
        """Calibrate, score on the held-out rows, and write what is left of the run folder.

        Returns:
            The content of results.json.
        """
        with self._watch.part("calibrating and scoring"):
            model = self.fit.model()
            held_out = self.fit.held_out_answers(model)
            scores = [] if held_out is None else scores_of(model.targets, *held_out)
        results = {
            "status": self._status,
            "validation": [_as_json(score) for score in scores],
            "temperature": model.temperature,
            **self._facts(),
        }
        model.details["results"] = without_times(results)
        save_table_model(model, self.folder.path / "model.safetensors")
        if self.history:
            self.folder.sync("history.jsonl")
            save_learning_curves(self.history, self.folder.path / "curves.png")
        self.folder.write_json("results.json", results)
        self.folder.release()
        return results

    def _description(self, validation: str | Path | None) -> dict[str, Any]:
        rows = self.fit.held_out_numbers()
        named = rows[:: max(1, -(-len(rows) // _MOST_ROWS_NAMED))].tolist()
        return {
            "recipe": self.fit.recipe_name,
            "settings": asdict(self.settings),
            "versions": {**versions(), **{name: version(name) for name in ("numpy", "polars")}},
            "data": {
                "load": _absolute(self.data),
                "sha256": _digest(self.data),
                "validation": None if validation is None else _absolute(validation),
                "validation_sha256": None if validation is None else _digest(validation),
                "num_rows": len(self.source.rows),
                "num_rows_without_target": self.source.num_without_target,
                "task": self.fit.targets.task,
                "roles": asdict(self.roles),
                "schema": self.source.schema.to_json(),
                "validation_rows": named,
            },
        }

    def _facts(self) -> dict[str, Any]:
        network = self.fit.network
        train_seconds = sum(line["seconds"] for line in self.history)
        return {
            "num_epochs": len(self.history),
            "best_epochs": self.history[-1].get("best_epochs") if self.history else None,
            "train_seconds": train_seconds,
            "part_seconds": {**self._watch.seconds, "training and watching it": train_seconds},
            "num_members": network.num_members,
            "num_parameters": network.spec.num_parameters,
            "num_rows": len(self.source.rows),
            "seed": self.settings.seed,
            "num_threads": torch.get_num_threads(),
            "versions": {
                "multilayer": version("multilayer"),
                "torch": torch.__version__,
                "numpy": version("numpy"),
                "polars": version("polars"),
                "python": platform.python_version(),
            },
        }


def _as_json(score: Score) -> dict[str, Any]:
    """A score, with None in the place of what is not defined."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in asdict(score).items()
    }


def _digest(path: str | Path) -> str | None:
    """SHA-256 of a file's bytes; None for what cannot be read twice."""
    path = Path(path).expanduser()
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TableError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def _absolute(path: str | Path) -> str:
    return str(path) if str(path) == "-" else str(Path(path).expanduser().absolute())
