"""The data of a run, prepared for training: images, a table in memory, or a table on disk.

`RunSource` is all that `Run` knows of its data. Loading PyTorch takes longer than reading images,
so both happen at the same time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilayer.engine.machine import check_machine
from multilayer.engine.settings import IMAGE_SEED_STEP, TrainingSettings, settings_of_members
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError
from multilayer.fit.image_rows import check_augment, holds_out, prepare_images, settled_images
from multilayer.images.datasets import ImageDataset, load_images
from multilayer.metrics.intervals import wilson_interval
from multilayer.metrics.scores import Score, absent_classes, loss_and_accuracy, scores_of
from multilayer.reading.table_files import table_name
from multilayer.runs.before_torch import begin_loading, rank_of_this_process
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.written_documents import image_data, table_data
from multilayer.stopwatch import Stopwatch

if TYPE_CHECKING:
    from multilayer.engine.network import Network
    from multilayer.fit.fit import Fit
    from multilayer.fit.large_table import LargeTable
    from multilayer.fit.table_passes import Preparation
    from multilayer.fit.table_source import TableSource
    from multilayer.model.model import Model


class RunSource(ABC):
    """Data of one kind, and the fit of networks to them.

    Attributes:
        configuration: the run's arguments.
        watch: times the parts of the run but the training.
        settings: the resolved settings.
        name: of the data, for folder names.
        notes: warnings about the data, a sentence each.
        spec: the network's shape, once the data are prepared.
        examined: the data for `doctor`; None if they are not in memory.
        encoded_rows: the folder of encoded rows, until the run has finished; None: in memory.
    """

    notes: tuple[str, ...] = ()
    settings: TrainingSettings
    name: str
    spec: NetworkSpec
    examined: "ImageDataset | Fit | None" = None
    encoded_rows: Path | None = None

    def __init__(self, configuration: RunConfiguration) -> None:
        self.configuration = configuration
        self.watch = Stopwatch()

    def prepare(self) -> "Iterator[Preparation]":
        """Prepare the data for training; yields the progress."""
        return iter(())

    @cached_property
    def fit(self) -> "Fit":
        """The population and its training, once the data are prepared."""
        raise NotImplementedError

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """The `data` of settings.json.

        Raises:
            TableError: a file cannot be read.
        """

    def check(self, path: Path) -> None:  # noqa: B027 (nothing to check is the default)
        """Check that the networks can be trained and saved, before the run folder is created.

        Args:
            path: of the model file, for messages.

        Raises:
            TableError: the target is constant.
            ModelFileError: the model would be too large for its file.
        """

    def model_and_scores(self) -> "tuple[Model, dict[str, Any]]":
        """The trained model, and its scores on validation rows as `results_document` takes them."""
        model = self.fit.model()
        known: dict[str, Any] = {"temperature": model.temperature}
        held_out = self.fit.held_out_answers(model) if self.fit.data.calibrates else None
        if held_out is not None:
            known["validation"] = scores_of(model.targets, *held_out)
            known["absent_classes"] = absent_classes(model.targets, held_out[1])
        return model, known

    def save_drawings(self, folder: Path, network: "Network") -> None:  # noqa: ARG002
        """Draw the learning curves, if there is an epoch.

        Args:
            folder: for the pictures.
            network: of the model.
        """
        from multilayer.drawing.pictures import save_learning_curves

        if self.fit.history:
            save_learning_curves(self.fit.history, folder / "curves.png")

    def close(self, *, is_finished: bool) -> None:  # noqa: B027 (nothing to let go of)
        """Release encoded rows on disk; remove them if the run has finished."""


class ImageSource(RunSource):
    """Images in memory.

    Args:
        configuration: of a run on images.

    Attributes:
        dataset: the images.

    Raises:
        SettingsError: the settings select an epoch but hold no rows out, or ask for a device,
            threads or memory that the machine lacks.
        DataError: the data cannot be loaded or used.
    """

    def __init__(self, configuration: RunConfiguration) -> None:
        super().__init__(configuration)
        settings = configuration.image_settings()
        if settings.selection != "last" and not holds_out(settings):
            raise SettingsError(
                f"selection by {settings.selection!r} would use the test set; hold rows out with "
                "validation_fraction, for example 0.1, or num_folds"
            )
        check_augment(configuration.data, settings.augment)
        if settings.device != "cpu":  # checking it needs PyTorch
            import_module("multilayer.engine.machine").choose_device(settings.device)
        begin_loading("multilayer.engine.training")
        with self.watch.part("reading the data"):
            self.dataset = load_images(configuration.data, configuration.data_dir)
        self.examined = self.dataset
        self.name = self.dataset.name
        self.settings, self._held_out, self.notes = settled_images(self.dataset, settings)
        settings = self.settings
        height, width = self.dataset.image_shape
        self.spec = settings.network_spec(
            height * width, len(self.dataset.class_names), input_scale=1 / 255
        )
        num_networks = settings.num_folds or settings.num_members
        check_machine(self.spec, settings_of_members(settings, num_networks, IMAGE_SEED_STEP))

    def prepare(self) -> "Iterator[Preparation]":
        """Of a pack, see whether there can be one, and plan its time, which changes settings."""
        if self.settings.num_draws:
            planned = self.fit.settings
            self.settings, self._held_out, self.notes = settled_images(self.dataset, planned)
        return super().prepare()

    @cached_property
    def fit(self) -> "Fit":
        """See `RunSource`; PyTorch is loaded here."""
        from multilayer.pack.fit_of import fit_of

        asked = self.configuration
        return fit_of(
            lambda settings: prepare_images(
                self.dataset, settings or self.settings, self.configuration.recipe
            ),
            began=asked.began,
            is_resumed=asked.is_resumed,
        )

    def description(self) -> dict[str, Any]:
        """See `RunSource`."""
        asked = self.configuration
        return image_data(self.dataset, asked.data, asked.data_dir, self._held_out)

    def model_and_scores(self) -> "tuple[Model, dict[str, Any]]":
        """See `RunSource`; with scores on the test images too."""
        model, known = super().model_and_scores()
        test = self.dataset.test
        model.details["data"] = self.dataset.name
        labels = test.labels
        loss, accuracy = loss_and_accuracy(model.probabilities(test.images), labels)
        interval = wilson_interval(round(accuracy * len(labels)), len(labels))
        frequencies = np.bincount(labels) / len(labels)
        present = frequencies[frequencies > 0]
        scores = [
            Score("accuracy", accuracy, interval[0], interval[1], float(frequencies.max())),
            Score("log loss", loss, np.nan, np.nan, float(-(present @ np.log(present)))),
        ]
        return model, {**known, "test": scores}

    def save_drawings(self, folder: Path, network: "Network") -> None:
        """Draw the learning curves, and the first layer's weights as images."""
        from multilayer.drawing.pictures import save_first_layer

        super().save_drawings(folder, network)
        weights = network.weights[0][0].numpy()
        whose = "of the network with the largest share of the mixture"
        save_first_layer(
            weights, self.dataset.image_shape, folder / "first_layer.png",
            whose=whose if self.settings.num_draws else "",
        )  # fmt: skip


class TableRunSource(RunSource):
    """What tables in memory and on disk have in common."""

    fit: "Fit"
    rows: "TableSource | LargeTable"

    def __init__(self, configuration: RunConfiguration) -> None:
        super().__init__(configuration)
        self.name = table_name(configuration.data)

    def description(self) -> dict[str, Any]:
        """See `RunSource`."""
        asked = self.configuration
        assert asked.roles is not None
        return table_data(self.fit, self.rows, asked.data, asked.roles, asked.validation)

    def check(self, path: Path) -> None:
        """See `RunSource`."""
        from multilayer.fit.table_source import require_varied, warn_of

        self.fit.check_saveable(path)
        require_varied(self.fit.targets)
        warn_of(self.fit.targets.notes)


class TableInMemory(TableRunSource):
    """A table in memory.

    Args:
        configuration: of a run on a table without a memory limit.

    Raises:
        SettingsError: the recipe or a setting is unknown or out of range.
        DataError: a file cannot be read or used.
    """

    rows: "TableSource"

    def __init__(self, configuration: RunConfiguration) -> None:
        from multilayer.fit.prepare import prepare
        from multilayer.fit.table_source import read_rows, warn_of
        from multilayer.pack.fit_of import fit_of

        super().__init__(configuration)
        asked, roles = configuration, configuration.roles
        assert roles is not None
        validation = None
        with self.watch.part("reading the data"):
            self.rows = read_rows(asked.data, roles, is_strict=asked.is_strict)
            warn_of(self.rows.notes)
            if asked.validation is not None:
                validation = read_rows(
                    asked.validation, roles, is_strict=asked.is_strict, schema=self.rows.schema,
                    number_types=self.rows.number_types,
                )  # fmt: skip
                warn_of(validation.notes)
        with self.watch.part("encoding, first weights"), self.rows.places.naming_files():
            self.fit = self.examined = fit_of(
                lambda settings: prepare(
                    self.rows.rows,
                    self.rows.schema,
                    task=asked.task,
                    target_names=roles.target,
                    recipe_name=asked.recipe,
                    changes=asked.changes,
                    settings=settings,
                    validation=None if validation is None else validation.rows,
                ),
                began=asked.began,
                is_resumed=asked.is_resumed,
            )
        self.spec, self.settings = self.fit.network.spec, self.fit.settings
        self.notes = tuple(self.rows.schema.warnings)


class TableOnDisk(TableRunSource):
    """A table on disk, which may be larger than memory.

    Args:
        configuration: of a run on a table with a memory limit.
        table: the same table if it is prepared already; None: `prepare` prepares it.

    Raises:
        SettingsError: the recipe or the task is unknown.
        TableError: the data cannot be read.
    """

    rows: "LargeTable"

    def __init__(self, configuration: RunConfiguration, table: "LargeTable | None" = None) -> None:
        from multilayer.fit.large_table import LargeTable

        super().__init__(configuration)
        asked = configuration
        if table is None:
            assert asked.roles is not None
            assert asked.memory_limit is not None
            self.rows = LargeTable(
                asked.data, asked.roles, asked.memory_limit, task=asked.task,
                recipe_name=asked.recipe, changes=asked.changes, validation=asked.validation,
                is_strict=asked.is_strict,
            )  # fmt: skip
        else:
            self.rows = table
            self._take_over()

    def prepare(self) -> "Iterator[Preparation]":
        """See `LargeTable.prepare`."""
        yield from self.rows.prepare()
        self._take_over()

    def _take_over(self) -> None:
        from multilayer.pack.fit_of import fit_of

        asked, data = self.configuration, self.rows.prepared
        self.fit = fit_of(
            lambda settings: data if settings is None else replace(data, settings=settings),
            began=asked.began,
            is_resumed=asked.is_resumed,
        )
        self.settings = self.fit.settings
        self.spec, self.encoded_rows = self.fit.network.spec, self.rows.folder
        self.notes = tuple(self.rows.schema.warnings)
        self.watch.seconds.update(self.rows.seconds)

    def close(self, *, is_finished: bool) -> None:
        """Remove the encoded rows, or keep them for resuming an unfinished run."""
        if is_finished:
            self.rows.remove()
        else:
            self.rows.release()


def open_source(configuration: RunConfiguration) -> RunSource:
    """Open the data of a run; call `prepare` next.

    Of processes that train together rank 0 opens them, and the others receive them from it.

    Raises:
        SettingsError: a setting is unknown, out of range, or asks for what the machine lacks.
        DataError: the data cannot be loaded or used.
    """
    if rank_of_this_process():
        from multilayer.runs.received_source import ReceivedSource

        return ReceivedSource(configuration)
    if configuration.roles is None:
        return ImageSource(configuration)
    if configuration.memory_limit is None:
        return TableInMemory(configuration)
    return TableOnDisk(configuration)
