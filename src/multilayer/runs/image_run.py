"""A network trained on pictures, from the data set to a run folder.

Loading PyTorch takes longer than reading the data: the one is done while the other is.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.images.datasets import load_images
from multilayer.engine.machine import check_machine
from multilayer.engine.records import history_line
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError, TrainingDivergedError
from multilayer.runs.before_torch import begin_loading, rank_of_this_process
from multilayer.runs.checkpoints import CheckpointPlan
from multilayer.runs.image_artifacts import save_drawings, save_model_file
from multilayer.runs.written_documents import image_data, results_document, settings_document
from multilayer.fit.image_rows import as_examples, divide
from multilayer.metrics.image_scores import loss_and_accuracy
from multilayer.runs.open_run import OpenRun
from multilayer.runs.run_folder import RunFolder
from multilayer.stopwatch import Stopwatch
from multilayer.metrics.intervals import wilson_interval

import numpy as np

from multilayer.metrics.table_scores import Score

if TYPE_CHECKING:
    from multilayer.engine.distributed import Stop
    from multilayer.engine.network import Network
    from multilayer.engine.records import EpochRecord


class ImageRun:
    """Trains on pictures and leaves a run folder.

        run = ImageRun("fashion-mnist", recipe("chapter"), output="runs/first")
        for epoch in run.epochs():
            print(epoch.epoch, epoch.train_loss)
        results = run.finish()

    Where several processes train together, the first one writes the folder; in the others `folder`
    is None.

    Args:
        data: "fashion-mnist", "digits", or the path of an MNIST-like folder.
        settings: the network's hidden part and how it is trained.
        output: the run folder, empty or not there yet; None: the next free one under runs/.
        recipe_name: which recipe the settings began as; only written down.
        data_dir: where to look for the data set first.
        checkpoint_every: how often the state is kept, as `CheckpointPlan.read` takes it; None:
            after each epoch, at most once in 30 seconds.
        is_resumed: `output` is the folder of a run that was killed or interrupted. It goes on bit
            for bit as if it had not been, from its newest whole checkpoint, or from the beginning
            if it has none; see `SavedRun` for the other arguments.

    Attributes:
        history: a line for each epoch so far, as in history.jsonl.

    Raises:
        CheckpointError: data, settings or versions are not those of the run to resume.
        RunFolderError: another process fills the folder; or it is damaged, or its run has ended.
        SettingsError: the settings select an epoch and hold no rows out to select by, or ask for
            a device, threads or memory that are not there.
        DataError: the data cannot be had or used.
        OutputError: the folder is not empty or cannot be written.
    """

    def __init__(
        self,
        data: str | Path,
        settings: TrainingSettings,
        output: str | Path | None = None,
        *,
        recipe_name: str = "chapter",
        data_dir: str | Path | None = None,
        checkpoint_every: str | None = None,
        is_resumed: bool = False,
    ) -> None:
        plan = CheckpointPlan.read(checkpoint_every)
        if settings.num_folds:
            raise SettingsError(
                f"num_folds {settings.num_folds} is for tables; for pictures take num_members"
            )
        if settings.selection != "last" and not settings.validation_fraction:
            raise SettingsError(
                f"selection by {settings.selection!r} would choose by the test rows; "
                "hold rows out with a validation_fraction, for example 0.1"
            )
        if "flip" in settings.augment and data == "digits":
            raise SettingsError(
                "augment 'flip' would teach mirrored digits, which are other signs; take 'shift'"
            )
        self.settings, self.recipe_name = settings, recipe_name
        if settings.device != "cpu":  # the only question that PyTorch must be loaded for
            import_module("multilayer.engine.machine").choose_device(settings.device)
        rank = rank_of_this_process()
        begin_loading("multilayer.engine.training")
        self._watch = Stopwatch()
        with self._watch.part("reading the data"):
            self.dataset = load_images(data, data_dir)
        height, width = self.dataset.image_shape
        self.spec = settings.network_spec(
            height * width, len(self.dataset.class_names), input_scale=1 / 255
        )
        self._members = [
            replace(settings, seed=settings.seed + member) for member in range(settings.num_members)
        ]
        check_machine(self.spec, self._members)
        self.history: list[dict[str, Any]] = []
        self._status = "unfinished"
        self._train, self._validation, held_out = divide(self.dataset, settings)
        self._open: OpenRun | None = None
        self._data = image_data(self.dataset, data, data_dir, len(self._train), held_out)
        if rank == 0:
            document = settings_document(recipe_name, settings, self._data)
            if is_resumed:
                assert output is not None
                self._open = OpenRun.taken_up(output, document, plan, history_line)
                self.history.extend(self._open.history)
            else:
                num_bytes = 4 * self.spec.num_parameters * len(self._members)
                folder = RunFolder(output, f"{self.dataset.name}-{recipe_name}", num_bytes)
                self._open = OpenRun.begun(folder, document, plan)

    @property
    def folder(self) -> RunFolder | None:
        """The run folder; None in all processes of a group but the first."""
        return None if self._open is None else self._open.folder

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found damaged when the run was taken up again, a line each."""
        return () if self._open is None else self._open.notes

    @property
    def place(self) -> tuple[int, int] | None:
        """The epoch that a resumed run goes on in, and its batches done; None: the beginning."""
        return None if self._open is None else self._open.place

    @cached_property
    def network(self) -> "Network":
        """The population, trained as far as the run has come; member k has the seed seed + k."""
        from multilayer.engine.network import Network

        return Network.for_training(self.spec, self._members, as_examples(self._train).inputs)

    def epochs(self, stop: "Stop | None" = None) -> Iterator["EpochRecord"]:
        """Train; each record is also added to history.jsonl.

        Args:
            stop: when set, training ends after the current batch.

        Raises:
            TrainingDivergedError: the loss is no longer finite. The history says where, and
                results.json that the run ended so.
        """
        from multilayer.engine.distributed import Ranks
        from multilayer.engine.training import train

        opened = None if Ranks.current() is not None else self._open
        record = None
        try:
            with nullcontext() if opened is None else opened.keeper as keeper:
                for record in train(
                    self.network,
                    as_examples(self._train),
                    self._members,
                    validation=as_examples(self._validation),
                    stop=stop,
                    state=None if opened is None else opened.state,
                    keeper=keeper,
                ):
                    self._note(history_line(record))
                    yield record
        except TrainingDivergedError as error:
            self._note({"epoch": error.epoch, "num_steps": error.step, "train_loss": None})
            if self.folder is not None:
                self.folder.write_json("results.json", self._results("diverged"))
            raise
        was_stopped = (stop is not None and stop.is_set()) or (record and record.is_interrupted)
        self._status = "interrupted" if was_stopped else "finished"

    def finish(self) -> dict[str, Any]:
        """Score the network on the test rows and write what is left of the run folder.

        Returns:
            The content of results.json.
        """
        results = self.score()
        self.draw()
        self.close()
        return results

    def close(self) -> None:
        """Let another process have the run folder."""
        if self.folder is not None:
            self.folder.release()

    def score(self) -> dict[str, Any]:
        """Score the network on the test rows; write the model file and results.json.

        Returns:
            The content of results.json.
        """
        self._leave_out_diverged()
        with self._watch.part("scoring the test rows"):
            loss, accuracy = loss_and_accuracy(self.network, self.dataset.test)
        num_rows = len(self.dataset.test)
        num_diverged = len(self._members) - self.network.num_members
        interval = wilson_interval(round(accuracy * num_rows), num_rows)
        frequencies = np.bincount(self.dataset.test.labels) / num_rows
        present = frequencies[frequencies > 0]
        scores = (
            Score("accuracy", accuracy, *interval, float(frequencies.max())),
            Score("log loss", loss, np.nan, np.nan, float(-(present @ np.log(present)))),
        )
        results = self._results(self._status, scores, num_diverged)
        if self.folder is not None:
            save_model_file(self.folder.path, self.network, self.dataset, self.settings, results)
            if self.history:
                self.folder.sync("history.jsonl")
            self.folder.write_json("results.json", results)
        return results

    def _leave_out_diverged(self) -> None:
        from multilayer.engine.training import warn_of_diverged

        best_epochs = self.history[-1].get("best_epochs") if self.history else None
        learned = self.network.members_that_learned(best_epochs)
        if len(learned) < len(self._members):
            shared = self._members[0]
            warn_of_diverged(len(self._members), len(learned), shared.learning_rate)
            self.network = self.network.of_members(learned)

    def draw(self) -> None:
        """Draw the learning curves and the first layer's weights into the run folder."""
        if self.folder is not None:
            save_drawings(self.folder.path, self.network, self.dataset, self.history)

    def _note(self, line: dict[str, Any]) -> None:
        self.history.append(line)
        if self.folder is not None:
            self.folder.append_line("history.jsonl", line)

    def _results(
        self, status: str, test: Sequence[Score] = (), num_diverged: int = 0
    ) -> dict[str, Any]:
        return results_document(
            status,
            self._data,
            self.settings,
            history=self.history,
            part_seconds=self._watch.seconds,
            num_parameters=self.spec.num_parameters,
            num_diverged=num_diverged,
            test=test,
        )
