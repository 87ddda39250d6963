"""Networks trained on images or on a table, from the data to a run folder."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.errors import TrainingDivergedError
from multilayer.runs.before_torch import rank_of_this_process
from multilayer.runs.checkpoints import CheckpointPlan
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.open_run import OpenRun
from multilayer.runs.run_folder import MODEL_FILE, RunFolder
from multilayer.runs.sources import RunSource, open_source
from multilayer.runs.written_documents import results_document, settings_document
from multilayer.stopwatch import without_times

if TYPE_CHECKING:
    from multilayer.engine.distributed import Stop
    from multilayer.engine.network import Network
    from multilayer.engine.records import EpochRecord
    from multilayer.fit.fit import Fit

_FLOAT_BYTES = 4


class Run:
    """Trains networks and leaves a run folder.

        run = Run(RunConfiguration("fashion-mnist", output="runs/first"))
        for epoch in run.epochs():
            print(epoch.epoch, epoch.train_loss)
        results = run.finish()

    Where several processes train together, the first one writes the folder; in the others `folder`
    is None.

    Args:
        configuration: what is trained on what.
        source: the data, opened and prepared; None: they are read here.

    Attributes:
        source: the data and the fit.
        settings: as they are used.
        spec: a network's shape.

    Raises:
        CheckpointError: data, settings or versions are not those of the run to resume.
        RunFolderError: another process fills the folder; or it is damaged, or its run has ended.
        SettingsError: a setting is unknown or out of range, or asks for what is not there.
        DataError: the data cannot be had, read or used.
        OutputError: the folder is not empty or cannot be written.
        ModelFileError: the model would be too large for its file.
    """

    def __init__(self, configuration: RunConfiguration, source: RunSource | None = None) -> None:
        rank = rank_of_this_process()
        if source is None:
            source = open_source(configuration)
            for _ in source.prepare():
                pass
        self.source, self.settings, self.spec = source, source.settings, source.spec
        output = configuration.output
        source.check(Path(output or "") / MODEL_FILE)
        self._status = "unfinished"
        self._data = source.description()
        self._open: OpenRun | None = None
        self._network: Network | None = None  # of the model
        if rank == 0:
            document = settings_document(configuration.recipe, source.settings, self._data)
            plan = CheckpointPlan.read(configuration.checkpoint_every)
            if configuration.is_resumed:
                assert output is not None
                self._open = OpenRun.taken_up(output, document, plan)
            else:
                num_networks = max(source.settings.num_members, source.settings.num_folds)
                num_bytes = _FLOAT_BYTES * source.spec.num_parameters * num_networks
                folder = RunFolder(output, f"{source.name}-{configuration.recipe}", num_bytes)
                self._open = OpenRun.begun(folder, document, plan)
            if self._open.state is not None:
                source.fit.resume(self._open.state)

    @property
    def folder(self) -> RunFolder | None:
        """The run folder; None in all processes of a group but the first."""
        return None if self._open is None else self._open.folder

    @property
    def path(self) -> Path:
        """The run folder's path, in the process that writes it."""
        assert self._open is not None
        return self._open.folder.path

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found damaged when the run was taken up again, a line each."""
        return () if self._open is None else self._open.notes

    @property
    def place(self) -> tuple[int, int] | None:
        """The epoch that a resumed run goes on in, and its batches done; None: the beginning."""
        return None if self._open is None else self._open.place

    @property
    def network(self) -> "Network":
        """The population, trained as far as the run has come."""
        return self.fit.network

    @property
    def history(self) -> list[dict[str, Any]]:
        """A line for each epoch so far, as in history.jsonl."""
        return self.fit.history

    @property
    def fit(self) -> "Fit":
        """The population and its training."""
        return self.source.fit

    def epochs(self, stop: "Stop | None" = None) -> "Iterator[EpochRecord]":
        """Train; each record is also added to history.jsonl.

        Args:
            stop: when set, training ends after the current batch.

        Raises:
            TrainingDivergedError: no network's loss is finite any more. The history says where,
                and results.json that the run ended so.
        """
        from multilayer.engine.distributed import Ranks

        opened = None if Ranks.current() is not None else self._open
        record = None
        try:
            with nullcontext() if opened is None else opened.keeper as keeper:
                for record in self.fit.epochs(stop, keeper):
                    self._append(self.history[-1])
                    yield record
        except TrainingDivergedError as error:
            line = {"epoch": error.epoch, "num_steps": error.step, "train_loss": None}
            self.history.append(line)
            self._append(line)
            self._write_results({"status": "diverged"})
            raise
        was_stopped = (stop is not None and stop.is_set()) or (record and record.is_interrupted)
        self._status = "interrupted" if was_stopped else "finished"

    def finish(self) -> dict[str, Any]:
        """Calibrate and score the networks, and write what is left of the run folder.

        Returns:
            The content of results.json.
        """
        results = self.score()
        self.draw()
        self.close()
        return results

    def score(self) -> dict[str, Any]:
        """Calibrate and score the networks; write the model file and results.json.

        Returns:
            The content of results.json.
        """
        with self.source.watch.part("calibrating and scoring"):
            model, scores = self.source.model_and_scores()
        self._network = model.network
        members = self.fit.finite_members()
        results = self._results({"status": self._status, "members": members, **scores})
        model.details["results"] = without_times(results)
        if self.folder is not None:
            from multilayer.model.model_file import save_model

            save_model(model, self.path / MODEL_FILE)
            if self.history:
                self.folder.sync("history.jsonl")
            self.folder.write_json("results.json", results)
        return results

    def draw(self) -> None:
        """Draw the learning curves, and of images the first layer, once `score` has been called."""
        if self.folder is not None:
            assert self._network is not None
            self.source.save_drawings(self.path, self._network)

    def close(self) -> None:
        """Let another process have the run folder, and what lies on the disk beside it."""
        if self.folder is not None:
            self.folder.release()
        self.source.close(is_finished=self._status == "finished")

    def _append(self, line: Mapping[str, Any]) -> None:
        if self.folder is not None:
            self.folder.append_line("history.jsonl", line)

    def _write_results(self, known: Mapping[str, Any]) -> None:
        if self.folder is not None:
            self.folder.write_json("results.json", self._results(known))

    def _results(self, known: Mapping[str, Any]) -> dict[str, Any]:
        return results_document(
            data=self._data,
            settings=self.settings,
            history=self.history,
            part_seconds=self.source.watch.seconds,
            num_parameters=self.source.spec.num_parameters,
            **known,
        )
