"""A table's model that answers through NumPy: ready at once, as it needs no PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.schema import Schema
from multilayer.container.contents import Container
from multilayer.container.reading import read_container
from multilayer.encoding.encoder import Encoder
from multilayer.encoding.targets import Targets
from multilayer.engine.specification import NetworkSpec, check_widths
from multilayer.errors import ModelFileError
from multilayer.model.conformal import ConformalScores
from multilayer.model.numpy_network import NumPyNetwork
from multilayer.model.table_answers import Array, TableAnswers

KIND = "table"
_KEYS = {
    "schema", "encoder", "targets", "network", "num_members", "temperature", "uniform_share",
    "clips", "num_conformal_rows", "details",
}  # fmt: skip
_CHUNK_ROWS = 512  # answered at once; their hidden values still fit the cache


@dataclass(frozen=True, eq=False)
class TablePredictor(TableAnswers):
    """What a model file of a table holds; it answers as `TableModel` does, to 1e-6.

    Args:
        spec: the networks' shape.
        parameters: of all members by the names of their slots, (num_members, …), float32. For the
            other arguments see `TableAnswers`.
    """

    spec: NetworkSpec
    parameters: Mapping[str, NDArray[np.float32]]

    @property
    def num_members(self) -> int:
        """Networks whose answers are averaged."""
        return len(next(iter(self.parameters.values())))

    def encoded_outputs(self, inputs: NDArray[np.float32]) -> Array:
        """See `TableAnswers`."""
        outputs = np.empty((self.num_members, len(inputs), self.spec.num_outputs))
        rows_at_once = self.spec.rows_at_once(_CHUNK_ROWS)
        for start in range(0, len(inputs), rows_at_once):
            rows = slice(start, start + rows_at_once)
            chunk = inputs[rows].astype(np.float64)
            for member, network in enumerate(self._networks):
                network.logits(chunk, outputs[member, rows])
        return outputs

    @cached_property
    def _networks(self) -> list[NumPyNetwork]:
        return [
            NumPyNetwork(
                self.spec,
                {name: of_all[member] for name, of_all in self.parameters.items()},
                np.float64,
            )
            for member in range(self.num_members)
        ]


def load_table_predictor(path: str | Path) -> TablePredictor:
    """Read a model file, to answer for the rows of tables with it.

    Raises:
        ModelFileError: the file is missing, damaged or not one of ours.
    """
    return table_predictor_of(read_container(path, KIND))


def table_predictor_of(container: Container) -> TablePredictor:
    """What a file holds, all of it checked.

    Raises:
        ModelFileError: it does not describe one.
    """
    container.check_keys(_KEYS)
    document = container.document
    try:
        spec = NetworkSpec.from_json(document["network"])
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
    width = len(targets.names) if targets.task == "regression" else 1
    layout = {slot.name: ("F32", (num_members, *slot.shape)) for slot in spec.parameter_slots} | {
        f"conformal.{member}": ("F64", (count, width)) for member, count in enumerate(counts)
    }
    container.check_arrays(layout)
    container.check_finite()
    scores = tuple(container.arrays[f"conformal.{member}"] for member in range(len(counts)))
    if any((np.diff(of_member, axis=0) < 0).any() for of_member in scores):
        raise ModelFileError(f"{container.path} holds conformal scores that do not ascend")
    return TablePredictor(
        schema,
        encoder,
        targets,
        replace(spec, one_hot_blocks=encoder.one_hot_blocks),
        {slot.name: container.arrays[slot.name] for slot in spec.parameter_slots},
        temperature=temperature,
        uniform_share=uniform_share,
        conformal=ConformalScores(scores) if scores else None,
        clips=document["clips"],
        details=document["details"],
    )


def _number(document: dict[str, Any], name: str, least: float, most: float) -> float:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}; it is {value!r}")
    return float(value)
