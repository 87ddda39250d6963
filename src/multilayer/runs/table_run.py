"""Networks fitted to a table, from its file to a run folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any

from multilayer.columns.target_values import Task
from multilayer.engine.records import EpochRecord, history_line
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import TrainingDivergedError
from multilayer.fit.fitting import TableFit
from multilayer.fit.population_fit import PopulationFit
from multilayer.runs.checkpoints import CheckpointPlan
from multilayer.fit.large_table import LargeTable
from multilayer.runs.open_run import OpenRun
from multilayer.runs.run_folder import RunFolder
from multilayer.stopwatch import Stopwatch, without_times
from multilayer.runs.written_documents import results_document, settings_document, table_data
from multilayer.metrics.table_scores import absent_classes, scores_of
from multilayer.fit.table_source import ColumnRoles, TableSource, read_rows, require_varied, warn_of
from multilayer.model.model_file import save_model
from multilayer.drawing.pictures import save_learning_curves

MODEL_FILE = "model.safetensors"


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
        ModelFileError: the model would be too large for its file.
    """

    source: TableSource | LargeTable
    fit: PopulationFit

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
            self.source = source = read_rows(data, roles, is_strict=is_strict)
            warn_of(source.notes)
            if validation is not None:
                validation_source = read_rows(
                    validation, roles, is_strict=is_strict, schema=source.schema,
                    number_types=source.number_types,
                )  # fmt: skip
                warn_of(validation_source.notes)
        with self._watch.part("encoding, first weights"):
            self.fit = TableFit(
                source.rows,
                source.schema,
                task=task,
                target_names=roles.target,
                recipe_name=recipe_name,
                changes=changes,
                validation=None if validation_source is None else validation_source.rows,
            )
        self._begin(output, validation, plan, is_resumed)

    @classmethod
    def of_large(
        cls,
        table: LargeTable,
        output: str | Path | None = None,
        *,
        checkpoint_every: str | None = None,
        is_resumed: bool = False,
    ) -> "TableRun":
        """A run on a table that need not fit in memory, once it is prepared.

        Its encoded rows are removed when the run has finished; one that is interrupted leaves them.

        Args:
            table: has been prepared.
            output: as above, as the others are.
            checkpoint_every: likewise.
            is_resumed: likewise.

        Raises:
            CheckpointError: data, settings or versions are not those of the run to resume.
            RunFolderError: another process fills the folder, it is damaged, or its run has ended.
            OutputError: the folder is not empty or cannot be written.
        """
        plan = CheckpointPlan.read(checkpoint_every)
        run = cls.__new__(cls)
        run.data, run.roles, run.source, run.fit = table.data, table.roles, table, table.fit
        run._watch = Stopwatch()
        run._watch.seconds.update(table.seconds)
        run._begin(output, table.validation, plan, is_resumed)
        return run

    def _begin(
        self,
        output: str | Path | None,
        validation: str | Path | None,
        plan: CheckpointPlan,
        is_resumed: bool,
    ) -> None:
        self._status = "unfinished"
        self.fit.check_saveable(Path(output or "") / MODEL_FILE)
        require_varied(self.fit.targets)
        warn_of(self.fit.targets.notes)
        self._data = table_data(self.fit, self.source, self.data, self.roles, validation)
        document = settings_document(self.fit.recipe_name, self.fit.settings, self._data)
        if is_resumed:
            assert output is not None
            opened = OpenRun.taken_up(output, document, plan, history_line)
        else:
            name = f"{Path(self.data).name.partition('.')[0] or 'table'}-{self.fit.recipe_name}"
            folder = RunFolder(output, name, self.fit.network.parameters.nbytes)
            opened = OpenRun.begun(folder, document, plan)
        if opened.state is not None:
            self.fit.resume(opened.state)
        self.folder, self.notes, self.place = opened.folder, opened.notes, opened.place
        self._keeper = opened.keeper

    @property
    def encoded_rows(self) -> Path | None:
        """Where the rows of a large table are, until the run has finished; None: in memory."""
        return self.source.folder if isinstance(self.source, LargeTable) else None

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
        except TrainingDivergedError as error:
            line = {"epoch": error.epoch, "num_steps": error.step, "train_loss": None}
            self.history.append(line)
            self.folder.append_line("history.jsonl", line)
            self.folder.write_json("results.json", self._results("diverged"))
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
        results = self._results(
            self._status,
            num_diverged=self.fit.network.num_members - model.network.num_members,
            validation=scores,
            absent_classes=()
            if held_out is None
            else absent_classes(model.targets, held_out[1]),
            temperature=model.temperature,
        )
        model.details["results"] = without_times(results)
        save_model(model, self.folder.path / MODEL_FILE)
        if self.history:
            self.folder.sync("history.jsonl")
            save_learning_curves(self.history, self.folder.path / "curves.png")
        self.folder.write_json("results.json", results)
        self.folder.release()
        if isinstance(self.source, LargeTable):
            (self.source.remove if self._status == "finished" else self.source.release)()
        return results

    def _results(self, status: str, **of_model: Any) -> dict[str, Any]:
        return results_document(
            status,
            self._data,
            self.settings,
            history=self.history,
            part_seconds=self._watch.seconds,
            num_parameters=self.fit.network.spec.num_parameters,
            **of_model,
        )
