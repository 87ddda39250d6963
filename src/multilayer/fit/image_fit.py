"""Networks fitted to images, with the interface of `PopulationFit`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from multilayer.engine.distributed import Stop
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord, history_line
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import StateKeeper, TrainingState
from multilayer.engine.training import train, warn_of_diverged
from multilayer.fit.image_rows import as_examples, members_of
from multilayer.images.datasets import ImageDataset, ImageSplit
from multilayer.model.model import Model


class ImageFit:
    """Trains networks on images.

    Args:
        dataset: that the images are of.
        settings: as they are used; member k has the seed seed + k.
        spec: a network's shape.
        learned: images to learn from.
        validation: images to be measured on.

    Attributes:
        network: the population, trained as far as the fit has come.
        history: a line an epoch.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        settings: TrainingSettings,
        spec: NetworkSpec,
        learned: ImageSplit,
        validation: ImageSplit,
    ) -> None:
        self.settings, self.history = settings, list[dict[str, Any]]()
        self._dataset = dataset
        self._members = members_of(settings)
        self._learned, self._validation = as_examples(learned), as_examples(validation)
        self._state: TrainingState | None = None
        self.network = Network.for_training(spec, self._members, self._learned.inputs)

    def resume(self, state: TrainingState) -> None:
        """See `PopulationFit.resume`."""
        self._state = state
        self.history[:] = map(history_line, state.history)

    def epochs(
        self, stop: Stop | None = None, keeper: StateKeeper | None = None
    ) -> Iterator[EpochRecord]:
        """See `PopulationFit.epochs`."""
        for record in train(
            self.network,
            self._learned,
            self._members,
            validation=self._validation,
            stop=stop,
            state=self._state,
            keeper=keeper,
        ):
            self.history.append(history_line(record))
            yield record

    def model(self) -> Model:
        """The model, once the epochs are over, of the networks that have learned."""
        best_epochs = self.history[-1].get("best_epochs") if self.history else None
        learned = self.network.members_that_learned(best_epochs)
        if len(learned) < self.network.num_members:
            warn_of_diverged(self.network.num_members, len(learned), self.settings.learning_rate)
        return Model.of_images(
            self.network.of_members(learned),
            self._dataset.image_shape,
            self._dataset.class_names,
            {"data": self._dataset.name, "settings": asdict(self.settings)},
        )
