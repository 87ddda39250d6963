"""Convert model files of format versions 1 to 3, which had two kinds, to the current keys."""

from typing import Any

from multilayer.container.contents import Container
from multilayer.encoding.targets import Targets

KINDS = ("images", "table")
_KEYS = {
    "images": {"network", "num_members", "image_shape", "class_names", "details"},
    "table": {
        "schema", "encoder", "targets", "network", "num_members", "temperature", "uniform_share",
        "clips", "num_conformal_rows", "details",
    },
}  # fmt: skip


def document_of_old(container: Container) -> dict[str, Any]:
    """The metadata of a file of an earlier version, with the current keys.

    Raises:
        ModelFileError: keys are missing or unknown.
        TypeError, ValueError: a value is invalid.
    """
    container.check_keys(_KEYS[container.kind])
    document = container.document
    if container.kind == "table":
        return {**document, "encoder": {**document["encoder"], "kind": "table"}}
    names = document["class_names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("the names of the classes must be text")
    return {
        "schema": None,
        "encoder": {"kind": "images", "image_shape": document["image_shape"]},
        "targets": Targets.of_class_names(names).to_json(),
        "network": document["network"],
        "num_members": document["num_members"],
        "temperature": 1.0,
        "uniform_share": 0.0,
        "clips": False,
        "num_conformal_rows": [],
        "details": document["details"],
    }
