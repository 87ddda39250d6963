"""From the outputs of the networks to the answers, in ONNX; as `model.answers` computes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from multilayer.encoding.targets import Targets
from multilayer.export.onnx_graph import Graph, Operand, axes
from multilayer.export.onnx_search import SortedTables
from multilayer.model.answers import Answers
from multilayer.model.conformal import ConformalScores

_BISECTIONS = 60  # as in `model.conformal`
# Up to so many scores of all members together, prediction + score of all are put in order, which is
# faster for few rows; with more it would take too much memory.
_MOST_SORTED = 4096

Shape = list[str | int]
# The name of each output and what it holds.
Described = dict[str, str]


def class_answers(
    graph: Graph, model: Answers, outputs: str, coverages: Sequence[float], names: Sequence[str]
) -> Described:
    """Outputs of the graph for a classification: label, probabilities, sets.

    Args:
        graph: to add to.
        model: the temperature and what else is between outputs and answers.
        outputs: of the networks, (num_members, num_rows, num_classes).
        coverages: of the sets.
        names: of the outputs: label, probabilities, then the sets.
    """
    classes = model.targets.classes
    of_members = graph("Softmax", graph("Div", outputs, model.temperature), axis=-1)
    spread = np.array(model.spread or [1 / len(classes)] * len(classes), graph.dtype)
    of_members = _with_uniform_share(graph, of_members, model.uniform_share, spread)
    probabilities = _mean_of_members(graph, of_members)
    place = graph("ArgMax", probabilities, axis=-1, keepdims=0)
    labels, kind = class_labels(model.targets)
    graph.add_output(graph("Gather", labels, place), names[0], kind, ["rows"])
    shape: Shape = ["rows", len(classes)]
    graph.add_output(probabilities, names[1], graph.element_type, shape)
    described = {names[0]: "the most probable class", names[1]: "of the classes, in their order"}
    if coverages:
        assert model.conformal is not None
        sets = _Sets(graph, model.conformal, of_members, len(classes))
        for coverage, name in zip(coverages, names[2:], strict=True):
            graph.add_output(sets.of(coverage), name, TensorProto.BOOL, shape)
            described[name] = f"which classes are in the prediction set of coverage {coverage:g}"
    return described


def label_answers(graph: Graph, model: Answers, outputs: str, names: Sequence[str]) -> Described:
    """Outputs of the graph for several labels: 0 or 1, probabilities; see `class_answers`."""
    of_members = graph("Sigmoid", graph("Div", outputs, model.temperature))
    spread = np.array([0.5], graph.dtype)
    of_members = _with_uniform_share(graph, of_members, model.uniform_share, spread)
    probabilities = _mean_of_members(graph, of_members)
    labels = graph("Cast", graph("Greater", probabilities, 0.5), to=TensorProto.INT64)
    shape: Shape = ["rows", len(model.targets.names)]
    graph.add_output(labels, names[0], TensorProto.INT64, shape)
    graph.add_output(probabilities, names[1], graph.element_type, shape)
    return {names[0]: "1 where the label is there", names[1]: "of the labels, in their order"}


def number_answers(
    graph: Graph, model: Answers, outputs: str, coverages: Sequence[float], names: Sequence[str]
) -> Described:
    """Outputs of the graph for a regression: numbers, quantiles if there are some, interval ends.

    See `class_answers`; the lower and the upper ends of a coverage are two outputs.
    """
    scale, num_targets = model.targets.scale, len(model.targets.names)
    of_members = _decoded(graph, model, outputs)  # (num_members, num_rows, targets, of each)
    mean = _mean_of_members(graph, of_members)  # (num_rows, targets, of each)
    shape: Shape = ["rows", num_targets]
    names = list(names)
    num_each = scale.num_outputs_each
    weights = scale.central(np.tile(np.eye(num_each), num_targets))[:, :1].astype(graph.dtype)
    central = (
        graph("Squeeze", graph("MatMul", mean, weights), axes(-1))
        if num_each > 1
        else (graph("Squeeze", mean, axes(-1)))
    )
    name = names.pop(0)
    graph.add_output(central, name, graph.element_type, shape)
    described = {name: "the predicted numbers, one for each target"}
    if scale.quantiles:
        name = names.pop(0)
        graph.add_output(mean, name, graph.element_type, [*shape, num_each])
        described[name] = "of levels " + ", ".join(f"{level:g}" for level in scale.quantiles)
    if coverages:
        assert model.conformal is not None
        intervals = _Intervals(graph, model, of_members)
        for coverage in coverages:
            for end, value in zip(("lower", "upper"), intervals.of(coverage), strict=True):
                name = names.pop(0)
                graph.add_output(value, name, graph.element_type, shape)
                described[name] = f"{end} ends of the intervals of coverage {coverage:g}"
    return described


def class_labels(targets: Targets) -> tuple[NDArray[Any], int]:
    """The classes as ONNX can hold them, and the type: whole numbers as int64, others as text."""
    if all(type(label) is int and -(2**63) <= label < 2**63 for label in targets.classes):
        return np.array(targets.classes, np.int64), TensorProto.INT64
    return np.array([str(label) for label in targets.classes], object), TensorProto.STRING


def _with_uniform_share(
    graph: Graph, probabilities: str, share: float, spread: NDArray[Any]
) -> str:
    if not share:
        return probabilities
    return graph(
        "Add", graph("Mul", probabilities, 1 - share), (share * spread).astype(graph.dtype)
    )


def _mean_of_members(graph: Graph, of_members: str) -> str:
    return graph("ReduceMean", of_members, axes(0), keepdims=0)


def _decoded(graph: Graph, model: Answers, outputs: str) -> str:
    """`NumberScale.decode`, (num_members, num_rows, num_targets, num_outputs_each)."""
    scale, num_each = model.targets.scale, model.targets.scale.num_outputs_each
    means, deviations, lowest, highest = (
        np.array(values, graph.dtype)[:, None]
        for values in (scale.means, scale.deviations, scale.lowest, scale.highest)
    )
    numbers = graph("Reshape", outputs, axes(0, 0, len(scale.means), num_each))
    if scale.are_counts:
        numbers = graph("Exp", numbers)
    numbers = graph("Add", graph("Mul", numbers, deviations), means)
    if model.clips:
        numbers = graph("Max", graph("Min", numbers, highest), lowest)
    if num_each == 1:
        return numbers
    return graph.several("TopK", [numbers, axes(num_each)], 2, largest=0, sorted=1, axis=-1)[0]


def _as_scored(graph: Graph, scores: ConformalScores, of_members: str) -> str:
    """The members' answers, or their mean where the scores are of the mean."""
    if len(scores.of_members) > 1:
        return of_members
    return graph("ReduceMean", of_members, axes(0), keepdims=1)


class _Sets:
    """`ConformalScores.sets`."""

    def __init__(
        self, graph: Graph, scores: ConformalScores, of_members: str, num_classes: int
    ) -> None:
        self._graph, self._scores = graph, scores
        scored = _as_scored(graph, scores, of_members)
        mean = _mean_of_members(graph, scored)
        most_probable = graph("ArgMax", mean, axis=-1, keepdims=1)
        self._is_best = graph("Equal", most_probable, np.arange(num_classes, dtype=np.int64)[None])
        tables = SortedTables(graph, [of_member[:, 0] for of_member in scores.of_members])
        rest = graph("Cast", graph("Sub", 1.0, scored), to=TensorProto.DOUBLE)
        counts = tables.count(rest, (-1, 1, 1), equal=False)
        self._num_better = graph("ReduceSum", counts, axes(0), keepdims=0)

    def of(self, coverage: float) -> str:
        """Whether each class is in the set, (num_rows, num_classes)."""
        rank = np.array(self._scores.rank(coverage), np.int64)
        return self._graph("Or", self._graph("Less", self._num_better, rank), self._is_best)


class _Intervals:
    """`intervals_of_numbers`."""

    def __init__(self, graph: Graph, model: Answers, of_members: str) -> None:
        assert model.conformal is not None
        self._graph, self._scores = graph, model.conformal
        self._are_counts = model.targets.scale.are_counts
        scored = _as_scored(graph, model.conformal, of_members)
        if self._are_counts:
            scored = graph("Sqrt", scored)
        ends = [
            graph("Gather", scored, np.array(place, np.int64), axis=3)
            for place in (0, model.targets.scale.num_outputs_each - 1)
        ]
        # The lower end is the upper end of what is mirrored: both are searched together.
        self._centres = graph("Concat", graph("Neg", ends[0]), ends[1], axis=1)

    def of(self, coverage: float) -> list[str]:
        """Lower and upper ends, (num_rows, num_targets)."""
        graph, rank = self._graph, self._scores.rank_of_interval(coverage)
        found = graph.several("Split", [self._smallest(rank)], 2, axis=0, num_outputs=2)
        low, high = graph("Neg", found[0]), found[1]
        middle = graph("Mul", graph("Add", low, high), 0.5)
        ends = [graph("Min", low, middle), graph("Max", high, middle)]
        if not self._are_counts:
            return ends
        positive = [graph("Max", end, 0.0) for end in ends]
        return [graph("Mul", end, end) for end in positive]

    def _smallest(self, rank: int) -> str:
        """`ConformalScores._smallest`, (2 num_rows, num_targets)."""
        graph, of_members, centres = self._graph, self._scores.of_members, self._centres
        if len(of_members) == 1:
            return graph("Squeeze", graph("Add", centres, of_members[0][rank - 1]), axes(0))
        if self._scores.num_rows <= _MOST_SORTED:
            return self._smallest_of_sorted(rank)
        least = np.min([of_member[0] for of_member in of_members], axis=0)
        most = np.max([of_member[-1] for of_member in of_members], axis=0)
        low = graph("Add", graph("ReduceMin", centres, axes(0), keepdims=0), least)
        high = graph("Add", graph("ReduceMax", centres, axes(0), keepdims=0), most)
        num_targets = of_members[0].shape[1]
        tables = SortedTables(
            graph, [of_member[:, j] for of_member in of_members for j in range(num_targets)]
        )
        return graph.repeated(
            _BISECTIONS,
            [low, high],
            lambda low, high: self._halved(tables, rank, low, high),
        )[1]

    def _smallest_of_sorted(self, rank: int) -> str:
        graph, num_rows = self._graph, self._scores.num_rows
        ends = []
        for member, scores in enumerate(self._scores.of_members):
            centres = graph("Gather", self._centres, np.array(member, np.int64), axis=0)
            ends.append(graph("Add", graph("Unsqueeze", centres, axes(-1)), scores.T[None]))
        of_all = graph.concat(ends, -1)  # (2 num_rows, num_targets, number of scores)
        is_low = 2 * rank <= num_rows
        num_taken = rank if is_low else num_rows - rank + 1
        operands: list[Operand] = [of_all, axes(num_taken)]
        in_order = graph.several("TopK", operands, 2, axis=-1, largest=int(not is_low), sorted=1)[0]
        return graph("Gather", in_order, np.array(num_taken - 1, np.int64), axis=2)

    def _halved(self, tables: SortedTables, rank: int, low: str, high: str) -> list[str]:
        graph, num_members = self._graph, len(self._scores.of_members)
        middle = graph("Mul", graph("Add", low, high), 0.5)
        beyond = graph("Sub", middle, self._centres)
        counts = tables.count(beyond, (num_members, 1, -1), equal=True)
        num_below = graph("ReduceSum", counts, axes(0), keepdims=0)
        is_enough = graph("GreaterOrEqual", num_below, np.array(rank, np.int64))
        return [graph("Where", is_enough, low, middle), graph("Where", is_enough, middle, high)]
