"""A setup in training, and the messages that show it."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.fit.fit import Fit
from multilayer.playground.backpropagation_trace import OptimizerState, TracedValue, trace_step
from multilayer.playground.code import TABLE, as_book, as_command, as_python, as_scratch
from multilayer.playground.messages import packed
from multilayer.playground.problems import make_problem
from multilayer.playground.session import CHANGES_OF_CODE_ALONE, CHANGES_THAT_GO_ON
from multilayer.playground.setup import Setup
from multilayer.playground.sketch import MOST_POINTS, shown_neurons
from multilayer.playground.stepwise import StepwiseTraining
from multilayer.playground.views import (
    MOST_CLASSES,
    HeldOutRows,
    Plane,
    drawn_weights,
    layer_views,
    weight_pictures,
)

_MOST_NOTES = 8  # on a table
_SHOWN_ROWS, _SHOWN_COLUMNS = 6, 8  # of a value of backpropagation


class Live:
    """Networks in training, and what is shown of the first of them.

    Args:
        setup: problem, network and training.
        table: the reader's own file, for the problem "table".

    Raises:
        MultilayerError: the data cannot be had or learned from, or the network is too large.
    """

    def __init__(self, setup: Setup, table: Path | None) -> None:
        self.setup, self.problem, self._table = setup, make_problem(setup, table), table
        data = self.problem.prepared
        fit, held_out = Fit(data), data.held_out
        self.training = StepwiseTraining(
            fit.network,
            self.problem.examples,
            data.members,
            validation=None if held_out is None else held_out.examples,
            rows=data.row_numbers(),
            validation_rows=None if held_out is None else held_out.row_tensors(),
        )
        spec = data.spec
        self._network = fit.network.member(0)
        self._shown = shown_neurons([weight.shape[0] for weight, _ in spec.linear_layers]
                                    + [spec.num_outputs])  # fmt: skip
        self._plane = None
        if self.problem.points is not None and len(self.problem.class_names) <= MOST_CLASSES:
            self._plane = Plane(self.problem, spec.num_parameters)
        self._held_out_rows = HeldOutRows(self.problem)

    def change(self, setup: Setup) -> bool:
        """Go on with another setup, if it is of the same networks and rows; whether it is."""
        names = [field.name for field in fields(setup)]
        changed = {name for name in names if getattr(setup, name) != getattr(self.setup, name)}
        if not changed <= {*CHANGES_THAT_GO_ON, *CHANGES_OF_CODE_ALONE}:
            return False
        self.setup = setup
        if changed & {*CHANGES_THAT_GO_ON}:
            self.training.change(
                [
                    replace(member, **{name: getattr(setup, name) for name in CHANGES_THAT_GO_ON})
                    for member in self.training.members
                ]
            )
        return True

    def opening(self) -> bytes:
        """The message that shows the problem and the network's shape."""
        problem, spec = self.problem, self._network.spec
        header: dict[str, Any] = {
            "kind": "problem",
            "query": self.setup.query(),
            "task": problem.task,
            "classes": problem.class_names[:100],
            "columns": problem.column_names[:100],
            "inputs": problem.input_names[:100],
            "target": problem.target_name,
            "notes": problem.notes,
            "table_notes": [*map(self._without_folder, problem.table_notes[:_MOST_NOTES])],
            "num_more_notes": max(0, len(problem.table_notes) - _MOST_NOTES),
            "image_shape": problem.image_shape,
            "widths": [weight.shape[0] for weight, _ in spec.linear_layers] + [spec.num_outputs],
            "shown": self._shown,
            "num_parameters": spec.num_parameters,
            "num_rows": len(problem.examples),
            "num_held_out": 0 if problem.held_out is None else len(problem.held_out),
            "limits": None if self._plane is None else self._plane.limits,
            "scale": None,
        }
        if problem.task == "numbers":
            scale, targets = problem.prepared.targets.scale, problem.targets
            header["scale"] = [scale.means[0], scale.deviations[0]]
            header["reach"] = [float(targets.min()), float(targets.max())]
        return packed(header, self._points() if self._plane else self._pictures())

    def _without_folder(self, note: str) -> str:
        return note if self._table is None else note.replace(f"{self._table.parent}/", "")

    def frame(self, number: int, *, is_playing: bool) -> bytes:
        """The message that shows where the training is.

        Args:
            number: of the frame, which the page sends back once it has drawn it.
            is_playing: whether it goes on by itself.
        """
        training, network = self.training, self._network
        curves = training.curves
        with training.on_processor(), torch.inference_mode():
            layers, loss = layer_views(network, training.shown_rows(), training.settings)
            arrays: dict[str, NDArray[Any]] = {
                "curve": curves.points,
                "weights": drawn_weights(network, self._shown),
                **self._held_out_rows.answers(network),
            }
            if self._plane is not None:
                arrays["region"] = self._plane.region(network)
                arrays["maps"] = self._plane.maps(network, self._shown)
            shape = self.problem.image_shape
            if shape is not None and shape[0] * shape[1] == network.weights[0].shape[1]:
                arrays["filters"] = weight_pictures(network, shape)
        train, held_out, accuracy = curves.last[:, 0].tolist()
        header = {
            "kind": "frame",
            "number": number,
            "is_playing": is_playing,
            "epoch": training.epoch - 1,
            "batch": training.num_batches_done,
            "num_batches": training.num_batches,
            "steps": training.num_steps,
            "batch_loss": training.batch_loss,
            "shown_loss": loss,
            "train_loss": train,
            "held_out_loss": held_out,
            "accuracy": accuracy,
            "every": curves.every,
            "layers": layers,
        }
        return packed(header, arrays)

    def code(self) -> dict[str, str]:
        """What is set as code, by the name of the form."""
        forms = {"scratch": as_scratch, "book": as_book, "command": as_command, "python": as_python}
        table = TABLE if self._table is None else self._table.name
        return {name: form(self.setup, self.problem, table) for name, form in forms.items()}

    def trace(self) -> dict[str, Any]:
        """The next step of the first network, value by value."""
        training, state = self.training, None
        if self.setup.optimizer == "adam":
            kept = training.optimizer_state()
            state = OptimizerState(
                kept["first_moment"], kept["second_moment"], int(kept["num_steps"])
            )
        parameters = training.network.parameters
        values = trace_step(self.setup, self.problem, parameters, training.next_rows(), state)
        return {"steps": training.num_steps, "values": [*map(_shown, values)]}

    def _points(self) -> dict[str, NDArray[Any]]:
        problem = self.problem
        assert problem.points is not None
        numbers = [problem.training_numbers, problem.held_out_numbers]
        targets = [problem.targets, problem.held_out_targets]
        places = np.concatenate([problem.points[rows] for rows in numbers])
        is_held_out = np.repeat([0, 1], [*map(len, numbers)])
        values = np.concatenate([of.reshape(len(of), -1)[:, 0] for of in targets])
        chosen = slice(None, None, -(-len(places) // MOST_POINTS))
        return {
            "points": places[chosen].astype(np.float32),
            "values": values[chosen].astype(np.float32),
            "is_held_out": is_held_out[chosen].astype(np.uint8),
        }

    def _pictures(self) -> dict[str, NDArray[Any]]:
        if self.problem.image_shape is None:
            return {}
        pictures, classes = self._held_out_rows.pictures
        return {"pictures": pictures, "picture_classes": classes}


def _shown(value: TracedValue) -> dict[str, Any]:
    """A value of backpropagation with those of its numbers that the page has place for."""
    numbers = np.atleast_1d(value.values)
    numbers = numbers.reshape(-1, numbers.shape[-1]) if numbers.ndim > 1 else numbers[None]
    place = (0, 0) if value.place is None else (0, *value.place)[-2:]
    first = [
        max(0, at + 1 - most) for at, most in zip(place, (_SHOWN_ROWS, _SHOWN_COLUMNS), strict=True)
    ]
    rows = slice(first[0], first[0] + _SHOWN_ROWS)
    return {
        "symbol": value.symbol,
        "phase": value.phase,
        "layer": value.layer,
        "name": value.name,
        "formula": value.formula,
        "shape": value.shape,
        "numbers": numbers[rows, first[1] : first[1] + _SHOWN_COLUMNS].tolist(),
        "first": first,
        "place": None if value.place is None else place,
        "code": value.code,
        "line": value.line,
        "by_hand": value.by_hand,
    }
