"""A network trained on pictures, from the data set to a run folder."""

import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

import torch

from multilayer.data.images import KNOWN_DATASETS, ImageSplit, load_images
from multilayer.data.splits import split_rows
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.scores import evaluate
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import EpochRecord, train
from multilayer.errors import SettingsError, TrainingDivergedError
from multilayer.lab.evaluation import wilson_interval
from multilayer.lab.run_folder import RunFolder
from multilayer.model_file.image_model import ImageModel, save_model
from multilayer.report.pictures import save_first_layer, save_learning_curves


class ImageRun:
    """Trains on pictures and leaves a run folder.

        run = ImageRun("fashion-mnist", recipe("chapter"), output="runs/first")
        for epoch in run.epochs():
            print(epoch.epoch, epoch.train_loss)
        results = run.finish()

    Args:
        data: "fashion-mnist", "digits", or the path of an MNIST-like folder.
        settings: the network's hidden part and how it is trained.
        output: the run folder, empty or not there yet; None: the next free one under runs/.
        recipe_name: which recipe the settings began as; only written down.
        data_dir: where to look for the data set first.

    Raises:
        SettingsError: the settings select an epoch and hold no rows out to select by.
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
    ) -> None:
        if settings.selection != "last" and not settings.validation_fraction:
            raise SettingsError(
                f"selection by {settings.selection!r} would choose by the test rows; "
                "hold rows out with a validation_fraction, for example 0.1"
            )
        self.settings, self.recipe_name = settings, recipe_name
        self.dataset = load_images(data, data_dir)
        height, width = self.dataset.image_shape
        spec = NetworkSpec(
            height * width,
            len(self.dataset.class_names),
            settings.hidden_widths,
            settings.activation,
            input_scale=1 / 255,
        )
        self.network = Network.initialized(spec, [settings.seed], settings.initialization)
        self.history: list[dict[str, Any]] = []
        self._status = "unfinished"
        self._test = as_examples(self.dataset.test)
        self._train, self._validation = self._divide()
        self.folder = RunFolder(
            output, f"{self.dataset.name}-{recipe_name}", self.network.parameters.nbytes
        )
        self.folder.write_json("settings.json", self._description(data, data_dir))

    def epochs(self, stop: Event | None = None) -> Iterator[EpochRecord]:
        """Train; each record is also added to history.jsonl.

        Args:
            stop: when set, training ends after the current batch.

        Raises:
            TrainingDivergedError: the loss is no longer finite. The history says where, and
                results.json that the run ended so.
        """
        try:
            for record in train(
                self.network, self._train, self.settings, validation=self._validation, stop=stop
            ):
                self._note(as_history_line(record))
                yield record
        except TrainingDivergedError as error:
            self._note({"epoch": error.epoch, "num_steps": error.step, "train_loss": None})
            self.folder.write_json("results.json", {"status": "diverged", **self._facts()})
            raise
        was_stopped = stop is not None and stop.is_set()
        self._status = "interrupted" if was_stopped else "finished"

    def finish(self) -> dict[str, Any]:
        """Score the network on the test rows and write what is left of the run folder.

        Returns:
            The content of results.json.
        """
        scores = evaluate(self.network, self._test)
        assert scores.accuracy is not None
        accuracy = scores.accuracy[0]
        results = {
            "status": self._status,
            "test_loss": scores.loss[0],
            "test_accuracy": accuracy,
            "test_accuracy_interval": wilson_interval(
                round(accuracy * len(self._test)), len(self._test)
            ),
            **self._facts(),
        }
        model = ImageModel(
            self.network,
            self.dataset.image_shape,
            self.dataset.class_names,
            {"data": self.dataset.name, "settings": asdict(self.settings), "results": results},
        )
        save_model(model, self.folder.path / "model.safetensors")
        if self.history:
            save_learning_curves(self.history, self.folder.path / "curves.png")
        save_first_layer(
            self.network.weights[0][0].numpy(),
            self.dataset.image_shape,
            self.folder.path / "first_layer.png",
        )
        self.folder.write_json("results.json", results)
        return results

    def _divide(self) -> tuple[Examples, Examples]:
        """The rows to train on, and those to watch."""
        split = self.dataset.train
        if not self.settings.validation_fraction:
            return as_examples(split), self._test
        kept, held_out = split_rows(
            split.labels, self.settings.validation_fraction, self.settings.seed
        )
        return (
            as_examples(ImageSplit(split.images[kept], split.labels[kept])),
            as_examples(ImageSplit(split.images[held_out], split.labels[held_out])),
        )

    def _note(self, line: dict[str, Any]) -> None:
        self.history.append(line)
        self.folder.append_line("history.jsonl", line)

    def _description(self, data: str | Path, data_dir: str | Path | None) -> dict[str, Any]:
        is_known = str(data) in KNOWN_DATASETS
        return {
            "recipe": self.recipe_name,
            "settings": asdict(self.settings),
            "data": {
                "name": self.dataset.name,
                "load": str(data) if is_known else str(Path(data).expanduser().absolute()),
                "data_dir": None
                if data_dir is None
                else str(Path(data_dir).expanduser().absolute()),
                "source": self.dataset.source,
                "num_train_rows": len(self._train),
                "num_validation_rows": len(self._validation),
                "validation_rows": (
                    "held out from the training rows"
                    if self.settings.validation_fraction
                    else "the test rows, as in the book"
                ),
                "num_test_rows": len(self._test),
                "image_shape": self.dataset.image_shape,
                "class_names": self.dataset.class_names,
            },
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "num_epochs": sum(line["train_loss"] is not None for line in self.history),
            "train_seconds": sum(line.get("seconds", 0.0) for line in self.history),
            "num_parameters": self.network.spec.num_parameters,
            "num_train_rows": len(self._train),
            "num_test_rows": len(self._test),
            "seed": self.settings.seed,
            "num_threads": torch.get_num_threads(),
            "versions": {
                "multilayer": version("multilayer"),
                "torch": torch.__version__,
                "numpy": version("numpy"),
                "python": platform.python_version(),
            },
        }


def as_examples(split: ImageSplit) -> Examples:
    """Pictures as rows of bytes, one byte a pixel."""
    return Examples(
        torch.from_numpy(split.images.reshape(len(split), -1)), torch.from_numpy(split.labels)
    )


def as_history_line(record: EpochRecord) -> dict[str, Any]:
    """A record of a population of one, as history.jsonl has it."""
    line: dict[str, Any] = {
        "epoch": record.epoch,
        "num_steps": record.num_steps,
        "train_loss": record.train_loss[0],
    }
    if record.validation is not None:
        line["validation_loss"] = record.validation.loss[0]
        if record.validation.accuracy is not None:
            line["validation_accuracy"] = record.validation.accuracy[0]
    line["seconds"] = record.seconds
    if record.is_interrupted:
        line["is_interrupted"] = True
    return line
