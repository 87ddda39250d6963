"""The page, its files, and what it is told of a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from multilayer.drawing import html
from multilayer.serve.limits import Limits
from multilayer.serve.models import Models
from multilayer.serve.page_files import PageFiles
from multilayer.serve.served_model import ServedModel

_FILES = PageFiles(
    Path(__file__).parent, {"report.css": Path(html.__file__).parent / "templates" / "style.css"}
)
page_file = _FILES.content


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
