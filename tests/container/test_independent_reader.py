"""A reader written from docs/model-file.md alone: it shares no line with the package."""

import hashlib
import json
from math import prod

import numpy as np
import pytest

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.model.model import Model
from multilayer.model.model_file import save_model

WIDTHS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
          "I8": "i1", "U8": "u1"}  # fmt: skip


def read(path):
    """Document and arrays of a model file since version 2."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length <= 1_000_000
    assert (8 + length) % 64 == 0
    assert content[8:35] == b'{"__metadata__":{"sha256":"'
    unsigned = content[:35] + b"0" * 64 + content[99:]
    assert content[35:99].decode() == hashlib.sha256(unsigned).hexdigest()
    header = json.loads(content[8 : 8 + length])
    metadata, data, arrays, place = header.pop("__metadata__"), content[8 + length :], {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        dtype = np.dtype(WIDTHS[entry["dtype"]])
        assert begin == place
        assert end - begin == prod(entry["shape"]) * dtype.itemsize
        arrays[name] = np.frombuffer(data[begin:end], dtype).reshape(entry["shape"])
        place = end
    assert place == len(data)
    text = metadata["multilayer"] if "multilayer" in metadata else arrays.pop("document").tobytes()
    document = json.loads(text)
    if document["format_version"] >= 3:
        fill_lists_in(document, arrays)
    return document, arrays


def fill_lists_in(document, arrays):
    for number, (*keys, last) in enumerate(document.pop("lists", [])):
        holder = document
        for key in keys:
            holder = holder[key]
        assert holder[last] is None
        values = arrays.pop(f"lists.{number}")
        if values.dtype == np.float64:
            holder[last] = values.tolist()
            continue
        ends = arrays.pop(f"lists.{number}.ends").tolist()
        texts = zip([0, *ends], ends, strict=False)
        holder[last] = [values[begin:end].tobytes().decode() for begin, end in texts]


def label(document, arrays, images):
    """Probabilities of a network with ReLU."""
    rows = images.reshape(len(images), -1) * document["network"]["input_scale"]
    num_layers = len(document["network"]["hidden_widths"]) + 1
    answers = 0
    for member in range(document["num_members"]):
        values = rows
        for number in range(num_layers):
            weight = arrays[f"linear_{number}.weight"][member]
            values = values @ weight + arrays[f"linear_{number}.bias"][member]
            if number < num_layers - 1:
                values = np.maximum(values, 0)
        odds = np.exp(values - values.max(1, keepdims=True))
        answers = answers + odds / odds.sum(1, keepdims=True)
    return answers / document["num_members"]


@pytest.mark.parametrize("num_classes", [3, 60_000])
def test_it_reads_a_file_and_labels_as_the_package_does(tmp_path, num_classes):
    """So many names of classes lie in an array."""
    network = Network.initialized(NetworkSpec(6, num_classes, (4,), input_scale=1 / 255), [0, 1])
    names = tuple(f"class {number}" for number in range(num_classes))
    model = Model.of_images(network, (2, 3), names)
    save_model(model, tmp_path / "model.safetensors")
    document, arrays = read(tmp_path / "model.safetensors")
    assert (document["format_version"], document["kind"]) == (4, "model")
    assert document["encoder"] == {"kind": "images", "image_shape": [2, 3]}
    assert document["targets"]["classes"] == list(names)
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 3), dtype=np.uint8)
    found = label(document, arrays, images)
    np.testing.assert_allclose(found, model.probabilities(images), atol=1e-5)
