"""Parts of a report that are computed in PyTorch; without it they are left out."""

from pathlib import Path
from typing import Any

from multilayer.drawing.html.content import Finding
from multilayer.fit.rows import Rows
from multilayer.images.datasets import ImageDataset
from multilayer.model.answers import Answers
from multilayer.model.predictor import Predictor

LEFT_OUT = (
    "Activations and gradients by layer and the doctor's findings are not shown: they need "
    "PyTorch, which is not installed."
)


def is_without_pytorch(model: Answers) -> bool:
    """Whether a model from `load_answers` is one without PyTorch."""
    return isinstance(model, Predictor)


def layers_in_pytorch(model: Answers, rows: Rows, loss: str) -> dict[str, Any]:
    """Fields of `RunContent` about the layers; none without PyTorch.

    Args:
        model: from `load_answers`.
        rows: to be passed through the networks.
        loss: of the run.
    """
    if is_without_pytorch(model):
        return {}
    from multilayer.fit.prepare import as_examples
    from multilayer.model.model import Model
    from multilayer.report.layer_parts import layer_parts

    assert isinstance(model, Model)
    return layer_parts(model.leading, as_examples(rows, model.encoder, model.targets), loss)


def findings_in_pytorch(
    model: Answers, path: Path, dataset: ImageDataset | None
) -> dict[str, list[Finding]]:
    """The doctor's findings; none without PyTorch.

    Args:
        model: from `load_answers`.
        path: of the run folder.
        dataset: the images of the run; None: a table.

    Raises:
        RunFolderError: the folder is not whole.
        DataError: the data cannot be had any more.
    """
    if is_without_pytorch(model):
        return {}
    from multilayer.diagnostics.doctor.examination import doctor

    return {
        "findings": [
            Finding(diagnosis.name, diagnosis.evidence, diagnosis.next_step)
            for diagnosis in doctor(path, dataset)
        ]
    }
