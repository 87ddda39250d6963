"""Train networks on images or a table, from the data to a run folder."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.errors import TrainingDivergedError
from multilayer.runs.before_torch import is_among_ranks, rank_of_this_process
from multilayer.runs.checkpoints import CheckpointPlan
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.open_run import OpenRun
from multilayer.runs.restart import job_of
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
    """Trains networks and writes a run folder.

    Of processes that train together rank 0 prepares the data and writes the folder; the others
    receive the encoded rows from it, and their `folder` is None.

    Args:
        configuration: data, settings and output.
        source: the data, opened and prepared; None: opened here.

    Attributes:
        source: the data and the fit.
        settings: the resolved settings.
        spec: the network's shape.

    Raises:
        CheckpointError: data, settings or versions differ from those of the run to resume.
        RunFolderError: another process writes into the folder; or it is damaged, or its run ended.
        SettingsError: a setting is unknown, out of range, or asks for what the machine lacks.
        DataError: the data cannot be loaded or used.
        OutputError: the folder is not empty or cannot be written.
        ModelFileError: the model would be too large for its file.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, Run, RunConfiguration
        >>> configuration = RunConfiguration(
        ...     "surface.csv", ColumnRoles(("y",)), "fast", {"max_epochs": 3}, output="runs/surface"
        ... )
        >>> run = Run(configuration)
        >>> num_epochs = sum(1 for epoch in run.epochs())
        >>> results = run.finish()
        >>> num_epochs, results["status"]
        (3, 'finished')
        >>> run.folder.names()
        ['curves.png', 'history.jsonl', 'model.safetensors', 'results.json', 'settings.json']
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
        self._rank, self._status = rank, "unfinished"
        self._data = source.description()
        self._open: OpenRun | None = None
        self._network: Network | None = None  # of the model
        if rank == 0:
            document = settings_document(configuration.recipe, source.settings, self._data)
            plan = CheckpointPlan.read(configuration.checkpoint_every)
            if configuration.is_resumed:
                assert output is not None
                self._open = OpenRun.resume(output, document, plan)
            else:
                num_networks = max(source.settings.num_members, source.settings.num_folds)
                num_bytes = _FLOAT_BYTES * source.spec.num_parameters * num_networks
                name = f"{source.name}-{configuration.recipe}"
                folder = RunFolder(output, name, num_bytes, job_of(configuration))
                self._open = OpenRun.create(folder, document, plan)
            if self._open.state is not None:
                source.fit.resume(self._open.state)
            if is_among_ranks():
                self._send()

    @property
    def folder(self) -> RunFolder | None:
        """The run folder; None in ranks other than 0."""
        return None if self._open is None else self._open.folder

    @property
    def path(self) -> Path:
        """The run folder's path; only in rank 0."""
        assert self._open is not None
        return self._open.folder.path

    @property
    def notes(self) -> tuple[str, ...]:
        """Damaged checkpoints found when the run was resumed, a line each."""
        return () if self._open is None else self._open.notes

    @property
    def place(self) -> tuple[int, int] | None:
        """The epoch, and its batches done, from which the run resumes; None: the start."""
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
            TrainingDivergedError: the loss of every network is NaN or infinite; recorded in
                history.jsonl and results.json.
        """
        record = None
        try:
            with nullcontext() if self._open is None else self._open.keeper as keeper:
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
        """Calibrate and score the networks, and write the rest of the run folder.

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
            The content of results.json; in ranks other than 0 the status alone.
        """
        if self._rank:
            return {"status": self._status}
        with self.source.watch.part("calibrating and scoring"):
            model, scores = self.source.model_and_scores()
        self._network = model.leading
        members = self.fit.model_members()
        known = {
            "status": self._status, "members": members, "pack": model.details.get("pack"),
            "second_seconds": self.fit.second_seconds,
        }  # fmt: skip
        results = self._results({**known, **scores})
        model.details["results"] = without_times(results)
        if self.folder is not None:
            from multilayer.model.model_file import save_model

            save_model(model, self.path / MODEL_FILE)
            if self.history:
                self.folder.sync("history.jsonl")
            self.folder.write_json("results.json", results)
        return results

    def draw(self) -> None:
        """Draw the learning curves, and for images the first layer; call `score` before."""
        if self.folder is not None:
            assert self._network is not None
            self.source.save_drawings(self.path, self._network)

    def close(self) -> None:
        """Release the run folder and the encoded rows on disk."""
        if self.folder is not None:
            self.folder.release()
        self.source.close(is_finished=self._status == "finished")

    def _send(self) -> None:
        """Let the other ranks have the data and the state."""
        from multilayer.runs.shared_training import share

        try:
            share(self.fit.task)
        except BaseException:
            self.close()
            raise

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
