"""Write the networks of a model as a PyTorch module of one file, and its `state_dict`."""

import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.export.output_folder import constants_of, write_files
from multilayer.export.torch_source import module_source, state_of
from multilayer.model.mixing import kind_of_outputs
from multilayer.model.predictor import Predictor

PROGRAM, WEIGHTS, CONSTANTS = "network.py", "model.safetensors", "encoder.json"

_DOCSTRING = """Outputs of a trained network for encoded rows.

    import network
    model = network.load()
    outputs = model({example})  # (members, rows, {num_outputs})

{inputs}
{answers}
"""


def write_torch_folder(model: Predictor, path: str | Path) -> list[Path]:
    """Write the module, its weights and the constants of encoder and answers.

    Args:
        model: to be exported.
        path: of the folder, which is empty or not there.

    Returns:
        The files.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    mixture = model.mixture
    populations = [(model.spec, model.parameters), *(() if mixture is None else mixture.others)]
    state: dict[str, NDArray[Any]] = {}
    for number, (spec, parameters) in enumerate(populations):
        state |= state_of(
            spec, parameters, "members" if mixture is None else f"populations.{number}"
        )
    num_batches = {
        name.removesuffix("running_mean") + "num_batches_tracked": np.zeros((), np.int64)
        for name in state
        if name.endswith("running_mean")
    }
    source = module_source(
        _docstring(model),
        [replace(spec, one_hot_blocks=()) for spec, _ in populations],
        (1.0,) if mixture is None else mixture.weights,
        model.num_members,
        kind_of_outputs(model.targets.task),
    )
    constants = json.dumps(_constants(model), ensure_ascii=False, indent=1)
    return write_files(
        path,
        {
            PROGRAM: source.encode(),
            WEIGHTS: _safetensors({**state, **num_batches}),
            CONSTANTS: constants.encode(),
        },
    )


def _docstring(model: Predictor) -> str:
    if isinstance(model.encoder, ImageEncoder):
        example = "images.flatten(1)"
        num_pixels = model.encoder.num_inputs
        inputs = f"Images are bytes from 0 to 255, one row of {num_pixels} pixels each."
    else:
        example = "rows"
        inputs = (
            "A row has a float32 for each of `inputs` in encoder.json, in that order. A number x\n"
            "is scaled: with y = scale (x - median) it becomes y / sqrt(1 + (y / 3)²). So are -1\n"
            "or 1 for one of two categories (0 where missing), 0 or 1 for one-hot columns, and\n"
            "indicators of missing numbers, which `means` replace; median and scale are in the\n"
            "order of `inputs`. A column of codes has the place of the category, from 1, or 0."
        )
    scale = "deviations and means of the targets"
    answers = {
        "regression": f"The outputs are scaled numbers; {scale} are in encoder.json.",
        "multilabel": "Probabilities are the mean over members of sigmoid(outputs / temperature).",
    }.get(
        model.targets.task,
        "Probabilities are the mean over members of softmax(outputs / temperature).",
    )
    answers += "\nencoder.json holds that and all that docs/model-file.md tells of encoders."
    return _DOCSTRING.format(
        example=example, num_outputs=model.spec.num_outputs, inputs=inputs, answers=answers
    )


def _constants(model: Predictor) -> dict[str, Any]:
    names = () if isinstance(model.encoder, ImageEncoder) else model.encoder.input_names
    return {"inputs": list(names), **constants_of(model)}


def _safetensors(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A file of the format safetensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, array in arrays.items():
        kind = "I64" if array.dtype == np.int64 else "F32"
        end = start + array.nbytes
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    values = (array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays.values())
    return struct.pack("<Q", len(text)) + text + b"".join(values)
