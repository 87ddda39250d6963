"""A model as an ONNX graph from raw columns or images to the answers."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import onnx
from onnx import TensorProto, helper

from multilayer.encoding.encoder import Encoder
from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.errors import DataError, OutputError
from multilayer.export.column_forms import columns_described
from multilayer.export.onnx_answers import class_answers, label_answers, number_answers
from multilayer.export.onnx_columns import Inputs, column_inputs
from multilayer.export.onnx_graph import IR_VERSION, ML_DOMAIN, ML_OPSET, OPSET, Graph, axes
from multilayer.export.onnx_network import mixed, network_outputs
from multilayer.model.mixing import kind_of_outputs
from multilayer.model.predictor import Predictor

# Of a file in the format of Protocol Buffers, less what describes the graph.
_MOST_BYTES = 2**31 - 2**26


def onnx_model(
    model: Predictor, name: str, coverages: Sequence[float], model_version: str = ""
) -> bytes:
    """The content of an ONNX file.

    Args:
        model: to be exported.
        name: of the model.
        coverages: of the intervals or sets among the outputs.
        model_version: the beginning of the SHA-256 sum of the model file, if there is one.

    Raises:
        DataError: a column has no name that ONNX can take, or there are too few held-out rows.
        OutputError: the file would be larger than 2 GB.
    """
    encoder, targets = model.encoder, model.targets
    _check_size(model)
    names = _output_names(model, coverages)
    graph = Graph((*encoder.column_names, *names), encoder.answer_dtype)
    inputs = (
        _image_inputs(graph, encoder)
        if isinstance(encoder, ImageEncoder)
        else _table_inputs(graph, encoder)
    )
    outputs = network_outputs(graph, model.spec, model.parameters, inputs)
    if model.mixture is not None:
        others = [
            network_outputs(graph, spec, parameters, inputs, f"{number}/")
            for number, (spec, parameters) in enumerate(model.mixture.others, 1)
        ]
        kind = kind_of_outputs(targets.task)
        outputs = mixed(graph, [outputs, *others], model.mixture, kind)
    if targets.is_classification:
        described = class_answers(graph, model, outputs, coverages, names)
    elif targets.task == "multilabel":
        described = label_answers(graph, model, outputs, names)
    else:
        described = number_answers(graph, model, outputs, coverages, names)
    made = helper.make_model(
        helper.make_graph(graph.nodes, name, graph.inputs, graph.outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, ML_OPSET)],
        ir_version=IR_VERSION,
        producer_name="multilayer",
        producer_version=version("multilayer"),
        doc_string=f"{model!r:.400}",
    )
    told = _metadata(model, coverages, described)
    helper.set_model_props(made, {"name": name, "version": model_version, **told})
    onnx.checker.check_model(made)
    content: bytes = made.SerializeToString()
    return content


def _check_size(model: Predictor) -> None:
    others = () if model.mixture is None else model.mixture.others
    populations = (model.parameters, *(parameters for _, parameters in others))
    num_bytes = sum(array.nbytes for parameters in populations for array in parameters.values())
    if num_bytes > _MOST_BYTES:
        raise OutputError(
            f"the networks have {num_bytes / 1e9:.1f} GB of parameters, and a file of ONNX at most "
            "2 GB; export to torch or numpy"
        )


def _output_names(model: Predictor, coverages: Sequence[float]) -> list[str]:
    """Names that no column has."""
    if model.targets.is_classification:
        wanted = ["label", "probabilities", *(f"set_{coverage:g}" for coverage in coverages)]
    elif model.targets.task == "multilabel":
        wanted = ["labels", "probabilities"]
    else:
        wanted = ["prediction", *["quantiles"] * bool(model.targets.scale.quantiles)]
        wanted += [f"{end}_{coverage:g}" for coverage in coverages for end in ("lower", "upper")]
    taken, names = {*model.encoder.column_names}, []
    for name in wanted:
        while name in taken:
            name = f"predicted_{name}"
        names.append(name)
        taken.add(name)
    return names


def _table_inputs(graph: Graph, encoder: Encoder) -> Inputs:
    for category in encoder.categories:
        if any("\0" in text for text in category.categories):
            raise DataError(
                f"a category of column {category.name!r} holds a zero byte, which text in ONNX "
                "cannot; train without the column (--drop)"
            )
    for name in encoder.column_names:
        if not name or "\0" in name:
            raise DataError(
                f"a column is called {name!r}, and ONNX needs a name for each input; rename it "
                "and train again"
            )
    return column_inputs(graph, encoder)


def _image_inputs(graph: Graph, encoder: ImageEncoder) -> Inputs:
    images = graph.add_input("images", TensorProto.UINT8, ["rows", *encoder.image_shape])
    flat = graph("Reshape", images, axes(0, encoder.num_inputs))
    return Inputs(None, graph("Cast", flat, to=graph.element_type), None, 0)


def _metadata(
    model: Predictor, coverages: Sequence[float], outputs: dict[str, str]
) -> dict[str, str]:
    targets = model.targets
    document: dict[str, Any] = {
        "targets": list(targets.names),
        "classes": list(targets.classes),
        "outputs": outputs,
        "coverages": list(coverages),
        "opset": {"ai.onnx": OPSET, ML_DOMAIN: ML_OPSET},
    }
    if isinstance(model.encoder, ImageEncoder):
        height, width = model.encoder.image_shape
        document["images"] = f"uint8, (rows, {height}, {width}), 0 to 255"
    else:
        document["columns"] = columns_described(model.encoder)
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in document.items()}
    return {"task": targets.task, "multilayer_version": version("multilayer"), **texts}
