"""Rows with labels, whatever they came from, for networks that are compared on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from multilayer.data.images import load_images
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.lab.image_rows import as_examples


@dataclass(frozen=True, eq=False)
class Problem:
    """Labelled rows to learn from.

    Args:
        name: in words, for titles and folders.
        examples: the rows; targets are classes.
        num_classes: how many there are.
        input_scale: what inputs are multiplied by.
        image_shape: height and width where a row is a picture.
        class_names: one for each class.
    """

    name: str
    examples: Examples
    num_classes: int
    input_scale: float = 1.0
    image_shape: tuple[int, int] | None = None
    class_names: tuple[str, ...] = ()

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each row."""
        labels: NDArray[np.int64] = self.examples.targets.numpy()
        return labels

    def first_rows(self, num_rows: int) -> "Problem":
        """The same problem with fewer rows."""
        return replace(self, examples=self.examples.at(slice(num_rows)))

    def network(self, members: Sequence[TrainingSettings], rows: Sequence[Tensor]) -> Network:
        """A population with first weights.

        Args:
            members: settings of each, of one shape.
            rows: row numbers that each is going to learn from.
        """
        spec = members[0].network_spec(
            self.examples.inputs.shape[1], self.num_classes, input_scale=self.input_scale
        )
        return Network.for_training(spec, members, self.examples.inputs, rows)


def load_problem(data: str | Path, data_dir: str | Path | None = None) -> Problem:
    """The training rows of a data set; its test rows are left alone.

    Args:
        data: as `load_images` takes it.
        data_dir: likewise.

    Raises:
        DataError: the data cannot be had or used.
    """
    dataset = load_images(data, data_dir)
    return Problem(
        dataset.name,
        as_examples(dataset.train),
        len(dataset.class_names),
        1 / 255,
        dataset.image_shape,
        dataset.class_names,
    )


def problem_of(
    name: str, inputs: NDArray[np.float32], labels: NDArray[np.int64], num_classes: int
) -> Problem:
    """A problem made of arrays, (num_rows, num_inputs) and (num_rows,)."""
    examples = Examples(torch.from_numpy(inputs), torch.from_numpy(labels))
    return Problem(name, examples, num_classes)
