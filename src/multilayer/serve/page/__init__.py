"""The page, its files, and what it is told of a model."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from multilayer.drawing import html
from multilayer.serve.limits import Limits
from multilayer.serve.models import Models
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel

_FOLDER = Path(__file__).parent
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = {path.name: path for path in _FOLDER.iterdir() if path.suffix in _TYPES} | {
    "report.css": Path(html.__file__).parent / "templates" / "style.css"
}


@cache
def page_file(name: str) -> tuple[bytes, str]:
    """Content and type of a file of the page.

    Raises:
        RefusalError: there is no such file.
    """
    if name not in _FILES:
        raise RefusalError(404, f"there is no file {name[:60]!r}")
    return _FILES[name].read_bytes(), _TYPES[_FILES[name].suffix]


def schema_document(served: ServedModel, models: Models, limits: Limits) -> dict[str, Any]:
    """What a form needs to know of a model."""
    model = served.model
    targets = model.targets
    shape = model.image_shape
    num_held_out = 0 if model.conformal is None else model.conformal.num_rows
    return {
        "name": served.name,
        "version": served.version,
        "models": [one.name for one in models.all()],
        "summary": served.summary,
        "task": targets.task,
        "targets": list(targets.names),
        "labels": list(targets.classes),
        "classes": [str(label) for label in targets.classes],
        "lowest": list(targets.scale.lowest),
        "highest": list(targets.scale.highest),
        "image": None if shape is None else {"height": shape[0], "width": shape[1]},
        "columns": [asdict(column) for column in served.columns],
        "example": served.example,
        "num_held_out": num_held_out,
        "has_coverage": num_held_out > 0 and targets.task != "multilabel",
        "max_rows": limits.max_rows,
        "max_body_bytes": limits.max_body_bytes,
    }
