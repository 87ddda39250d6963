"""Build an ONNX graph node by node."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

ML_DOMAIN = "ai.onnx.ml"
# Versions that onnxruntime 1.14 (2023) reads.
OPSET, ML_OPSET, IR_VERSION = 18, 3, 8

Operand = str | float | NDArray[Any]  # the name of a value, or a constant


class Graph:
    """A graph that grows; calling it adds a node and returns the name of its output.

    Args:
        inputs: names of the graph's inputs and outputs, which no value in between takes.
        dtype: of the computation; Python numbers become constants of it.
    """

    def __init__(
        self, names: Iterable[str], dtype: type[np.float32] | type[np.float64] = np.float64
    ) -> None:
        self.dtype: Any = dtype
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self._names = set(names)
        self._constants: dict[tuple[Any, ...], str] = {}

    def __call__(self, kind: str, *operands: Operand, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output.

        Args:
            kind: the operator.
            operands: its inputs.
            domain: of the operator.
            attributes: of the node.
        """
        return self.several(kind, operands, 1, domain, **attributes)[0]

    def several(
        self, kind: str, operands: Sequence[Operand], how_many: int, domain: str = "",
        **attributes: Any,
    ) -> list[str]:  # fmt: skip
        """Add a node with several outputs."""
        names = [one if isinstance(one, str) else self.constant(one) for one in operands]
        outputs = [self._new_name(kind) for _ in range(how_many)]
        self.nodes.append(helper.make_node(kind, names, outputs, domain=domain, **attributes))
        return outputs

    def constant(self, value: float | NDArray[Any]) -> str:
        """The name of a constant; equal ones are kept once. Numbers have the graph's dtype."""
        is_array = isinstance(value, np.ndarray)
        array = np.asarray(value, None if is_array else self.dtype, order="C")
        is_text = array.dtype.kind in "OU"
        content = tuple(array.ravel().tolist()) if is_text else array.tobytes()
        key = array.dtype.str, array.shape, content
        if key not in self._constants:
            self._constants[key] = self._add_initializer(array, "constant")
        return self._constants[key]

    def weights(self, name: str, array: NDArray[np.float32]) -> str:
        """Parameters, stored as float32 and computed with in the graph's dtype."""
        return self.as_dtype(self._add_initializer(np.ascontiguousarray(array), name))

    def as_dtype(self, name: str) -> str:
        """A float32 value in the graph's dtype."""
        return name if self.dtype is np.float32 else self("Cast", name, to=self.element_type)

    @property
    def element_type(self) -> int:
        """ONNX's number of the graph's dtype."""
        return int(helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype)))

    def concat(self, names: Sequence[str], axis: int) -> str:
        """Values side by side; a single one as it is."""
        return names[0] if len(names) == 1 else self("Concat", *names, axis=axis)

    def add_input(self, name: str, element_type: int, shape: Sequence[str | int]) -> str:
        """Declare an input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, element_type, shape))
        return name

    def add_output(
        self, value: str, name: str, element_type: int, shape: Sequence[str | int]
    ) -> None:
        """Declare that a value is an output of the graph under a name."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, element_type, shape))

    def repeated(
        self, times: int, values: Sequence[str], step: Callable[..., Sequence[str]]
    ) -> list[str]:
        """Values after a step that is taken so many times.

        Args:
            times: how often.
            values: of the graph's dtype, in shapes that the step keeps.
            step: adds the nodes of a step; given the names of the values, it returns those after.
        """
        outer, self.nodes = self.nodes, []
        number, is_on = self._new_name("number"), self._new_name("is_on")
        given = [self._new_name("value") for _ in values]
        new = [self("Identity", name) for name in [is_on, *step(*given)]]
        body = helper.make_graph(
            self.nodes,
            "step",
            [
                helper.make_tensor_value_info(number, onnx.TensorProto.INT64, []),
                helper.make_tensor_value_info(is_on, onnx.TensorProto.BOOL, []),
                *(helper.make_tensor_value_info(name, self.element_type, None) for name in given),
            ],
            [
                helper.make_tensor_value_info(new[0], onnx.TensorProto.BOOL, []),
                *(helper.make_tensor_value_info(name, self.element_type, None) for name in new[1:]),
            ],
        )
        self.nodes = outer
        operands: list[Operand] = [np.array(times, np.int64), np.array(True), *values]
        return self.several("Loop", operands, len(values), body=body)

    def _add_initializer(self, array: NDArray[Any], stem: str) -> str:
        name = self._new_name(stem)
        if array.dtype.kind in "OU":
            texts = [text.encode() for text in array.ravel().tolist()]
            tensor = helper.make_tensor(name, onnx.TensorProto.STRING, array.shape, texts)
        else:
            tensor = numpy_helper.from_array(array, name)
        self.initializers.append(tensor)
        return name

    def _new_name(self, stem: str) -> str:
        number = len(self._names)
        while (name := f"{stem}_{number}") in self._names:
            number += 1
        self._names.add(name)
        return name


def axes(*numbers: int) -> NDArray[np.int64]:
    """Axes or a shape, as ONNX takes them as input."""
    return np.array(numbers, np.int64)
