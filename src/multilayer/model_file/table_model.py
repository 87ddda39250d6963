"""A network that answers for the rows of a table, and its file."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.container.contents import Container, check_finite
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.data.encoder import Encoder
from multilayer.data.frames import as_frame
from multilayer.data.schema import Schema
from multilayer.data.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import DataError, ModelFileError, SettingsError
from multilayer.model_file.conformal import ConformalScores
from multilayer.model_file.finiteness import check_answers

KIND = "table"
_KEYS = {
    "schema", "encoder", "targets", "network", "num_members", "temperature", "uniform_share",
    "clips", "num_conformal_rows", "details",
}  # fmt: skip

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TableModel:
    """A population of networks with all that is needed between a raw row and its answer.

    Tables are taken in any form that `as_frame` knows; columns are found by name. Answers are
    computed in float64, so that a row's answer does not depend on the rows beside it.

    Args:
        schema: what the columns are.
        encoder: makes a network's inputs of a table's rows.
        targets: what the outputs stand for.
        network: the population; its members' answers are averaged.
        temperature: logits are divided by this.
        uniform_share: so much of each class's probability is spread over all classes.
        conformal: scores of held-out rows, for intervals and sets; None: there were none.
        clips: numbers are kept to the range of the training rows.
        details: how it came about; kept in the file for people.
    """

    schema: Schema
    encoder: Encoder
    targets: Targets
    network: Network
    temperature: float = 1.0
    uniform_share: float = 0.0
    conformal: ConformalScores | None = None
    clips: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    def predict(self, X: Any) -> NDArray[Any]:
        """The answer for each row.

        Args:
            X: a table, (num_rows, …).

        Returns:
            Classes (num_rows,); labels 0 and 1, (num_rows, num_labels); or numbers, (num_rows,),
            of several targets (num_rows, num_targets).

        Raises:
            TableError: columns are missing or hold what they must not.
        """
        if self.targets.is_classification:
            return self.targets.decode_classes(self.probabilities(X).argmax(axis=1))
        if self.targets.task == "multilabel":
            return (self.probabilities(X) > 0.5).astype(np.int64)
        numbers = self.numbers(X)
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def probabilities(self, X: Any) -> Array:
        """Probabilities of the classes, (num_rows, num_classes), or of each label's yes.

        Raises:
            SettingsError: the targets are numbers.
            TableError: columns are missing or hold what they must not.
        """
        mean: Array = self.member_probabilities(self.member_outputs(X)).mean(axis=0)
        return mean

    def numbers(self, X: Any) -> Array:
        """Numbers predicted, (num_rows, num_targets).

        Raises:
            SettingsError: the targets are not numbers.
            TableError: columns are missing or hold what they must not.
        """
        mean: Array = self.member_numbers(self.member_outputs(X)).mean(axis=0)
        return mean

    def intervals(self, X: Any, coverage: float = 0.9) -> tuple[Array, Array]:
        """Where each row's numbers lie, with probability `coverage`; see `ConformalScores`.

        Returns:
            Lower and upper ends, each (num_rows, num_targets).

        Raises:
            SettingsError: the targets are not numbers, or the coverage is out of range.
            DataError: the model was fitted without held-out rows, or with too few.
            TableError: columns are missing or hold what they must not.
        """
        return self.intervals_of(self.member_numbers(self.member_outputs(X)), coverage)

    def sets(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Which classes hold the true one, with probability `coverage`; see `ConformalScores`.

        Returns:
            (num_rows, num_classes).

        Raises:
            SettingsError: it does not predict one of several classes, or the coverage is out of
                range.
            DataError: the model was fitted without held-out rows.
            TableError: columns are missing or hold what they must not.
        """
        if not self.targets.is_classification:
            raise SettingsError(f"sets are of classes; the task is {self.targets.task}")
        return self.sets_of(self.member_probabilities(self.member_outputs(X)), coverage)

    def member_outputs(self, X: Any, source: str = "the table", first_row: int = 1) -> Array:
        """What each member's last layer says, (num_members, num_rows, num_outputs).

        Args:
            X: a table.
            source: what errors call it.
            first_row: number of the first row, for errors.

        Raises:
            TableError: columns are missing or hold what they must not.
        """
        inputs = self.encoder.encode(as_frame(X), source, first_row)
        outputs: Array = self._exact_network.logits(torch.from_numpy(inputs)).numpy()
        check_answers(outputs, axis=1)
        return outputs

    def member_probabilities(self, outputs: Array) -> Array:
        """Probabilities that each member's outputs mean, of their shape.

        Raises:
            SettingsError: the targets are numbers.
        """
        if self.targets.task == "regression":
            raise SettingsError("probabilities are of classes; this model predicts numbers")
        tempered = outputs / self.temperature
        if self.targets.task == "multilabel":
            probabilities: Array = 0.5 * (1 + np.tanh(0.5 * tempered))
            uniform = 0.5
        else:
            tempered -= tempered.max(axis=-1, keepdims=True)
            probabilities = np.exp(tempered)
            probabilities /= probabilities.sum(axis=-1, keepdims=True)
            uniform = 1 / outputs.shape[-1]
        return (1 - self.uniform_share) * probabilities + self.uniform_share * uniform

    def member_numbers(self, outputs: Array) -> Array:
        """Numbers that each member's outputs mean, of their shape.

        Raises:
            SettingsError: the targets are not numbers.
        """
        if self.targets.task != "regression":
            raise SettingsError(f"numbers are of a regression; the task is {self.targets.task}")
        return self.targets.decode_numbers(outputs, clip=self.clips)

    def intervals_of(self, numbers: Array, coverage: float) -> tuple[Array, Array]:
        """As `intervals`, from each member's numbers, (num_members, num_rows, num_targets)."""
        return self._held_out_scores().intervals(self._as_scored(numbers), coverage)

    def sets_of(self, probabilities: Array, coverage: float) -> NDArray[np.bool_]:
        """As `sets`, from each member's probabilities, (num_members, num_rows, num_classes)."""
        return self._held_out_scores().sets(self._as_scored(probabilities), coverage)

    def _as_scored(self, answers: Array) -> Array:
        """Answers of each member, or the mean where the mean is what was scored."""
        if len(self._held_out_scores().of_members) == len(answers):
            return answers
        mean: Array = answers.mean(axis=0, keepdims=True)
        return mean

    def _held_out_scores(self) -> ConformalScores:
        if self.conformal is None:
            raise DataError(
                "this model was fitted without held-out rows, which intervals and sets need"
            )
        return self.conformal

    @cached_property
    def _exact_network(self) -> Network:
        return Network.of(self.network.spec, self.network.parameters.double())

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what can be made again need not be kept."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def save_table_model(model: TableModel, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelFileError: a weight is not a finite number, or a class is neither text, a number nor
            a boolean; nothing is written.
        OutputError: it cannot be written.
    """
    scores = () if model.conformal is None else model.conformal.of_members
    try:
        targets = model.targets.to_json()
    except DataError as error:
        raise ModelFileError(f"{path} cannot hold this model: {error}") from error
    document = {
        "schema": model.schema.to_json(),
        "encoder": model.encoder.to_json(),
        "targets": targets,
        "network": asdict(model.network.spec),
        "num_members": model.network.num_members,
        "temperature": model.temperature,
        "uniform_share": model.uniform_share,
        "clips": model.clips,
        "num_conformal_rows": [len(of_member) for of_member in scores],
        "details": model.details,
    }
    arrays = {name: view.numpy() for name, view in model.network.named_parameters()}
    arrays |= {f"conformal.{member}": of_member for member, of_member in enumerate(scores)}
    check_finite(path, arrays)
    write_container(path, KIND, document, arrays)


def load_table_model(path: str | Path) -> TableModel:
    """Read a model file.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return table_model_of(read_container(path, KIND))


def table_model_of(container: Container) -> TableModel:
    """The model that a file holds.

    Raises:
        ModelFileError: it does not describe one.
    """
    container.check_keys(_KEYS)
    document = container.document
    try:
        spec = NetworkSpec(**document["network"])
        check_widths("num_members", (document["num_members"],))
        schema = Schema.from_json(document["schema"])
        encoder = Encoder.from_json(document["encoder"])
        targets = Targets.from_json(document["targets"])
        temperature = _number(document, "temperature", 1e-3, 1e3)
        uniform_share = _number(document, "uniform_share", 0, 1)
        counts = document["num_conformal_rows"]
        if not isinstance(counts, list):
            raise TypeError("num_conformal_rows must be a list")
        check_widths("num_conformal_rows", tuple(counts))
        if not isinstance(document["clips"], bool) or not isinstance(document["details"], dict):
            raise TypeError("clips must be true or false, details an object")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{container.path} does not describe a table's network: {error}"
        ) from error
    num_members = document["num_members"]
    if (
        (encoder.num_inputs, targets.num_outputs) != (spec.num_inputs, spec.num_outputs)
        or spec.category_sizes != encoder.category_sizes
        or spec.input_scale != 1  # codes of categories would be others
        or spec.embedded_numbers not in (0, encoder.num_numeric)
        or len(counts) not in (0, 1, num_members)
    ):
        raise ModelFileError(
            f"{container.path} describes a network that does not belong to its table"
        )
    width = targets.num_outputs if targets.task == "regression" else 1
    layout = {slot.name: ("F32", (num_members, *slot.shape)) for slot in spec.parameter_slots} | {
        f"conformal.{member}": ("F64", (count, width)) for member, count in enumerate(counts)
    }
    container.check_arrays(layout)
    container.check_finite()
    network = Network(spec, num_members)
    for name, view in network.named_parameters():
        view.copy_(torch.from_numpy(container.arrays[name]))
    scores = tuple(container.arrays[f"conformal.{member}"] for member in range(len(counts)))
    if any((np.diff(of_member, axis=0) < 0).any() for of_member in scores):
        raise ModelFileError(f"{container.path} holds conformal scores that do not ascend")
    return TableModel(
        schema, encoder, targets, network, temperature, uniform_share,
        ConformalScores(scores) if scores else None, document["clips"], document["details"],
    )  # fmt: skip


def _number(document: dict[str, Any], name: str, least: float, most: float) -> float:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}; it is {value!r}")
    return float(value)
