"""Write a model as a folder that needs NumPy alone: a program of one file, and its numbers."""

import ast
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.missing import MISSING_SPELLINGS
from multilayer.columns.value_format import BOOLEAN_SPELLINGS
from multilayer.export.output_folder import constants_of, write_files
from multilayer.model.predictor import Predictor

PROGRAM, NUMBERS = "answer.py", "model.npz"
_PARTS = ("network.py", "columns.py", "answers.py")  # the last has the docstring


def write_numpy_folder(model: Predictor, path: str | Path) -> list[Path]:
    """Write the program and its numbers.

    Args:
        model: to be exported.
        path: of the folder, which is empty or not there.

    Returns:
        The files.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = dict(model.parameters)
    others = () if model.mixture is None else model.mixture.others
    for number, (_, parameters) in enumerate(others, 1):
        arrays |= {f"{number}/{name}": values for name, values in parameters.items()}
    scores = () if model.conformal is None else model.conformal.of_members
    arrays |= {f"conformal.{member}": of_member for member, of_member in enumerate(scores)}
    text = json.dumps(_document(model), ensure_ascii=False)
    arrays["document"] = np.frombuffer(text.encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return write_files(path, {PROGRAM: _program().encode(), NUMBERS: content.getvalue()})


def _program() -> str:
    """The modules of `program` as one: their docstring, imports, then what they define."""
    imports, bodies = set(), []
    for name in _PARTS:
        text = Path(__file__).with_name("program").joinpath(name).read_text(encoding="utf-8")
        lines = text.splitlines()
        nodes = ast.parse(text).body
        docstring, *others = nodes
        imported = [node for node in others if isinstance(node, ast.Import | ast.ImportFrom)]
        imports |= {ast.unparse(node) for node in imported}
        start = others[len(imported)].lineno - 1
        bodies.append("\n".join(lines[start:]).replace("Array = Any  # numpy.ndarray\n", ""))
        if name == _PARTS[-1]:
            head = "\n".join(lines[: docstring.end_lineno])
    ours = {line for line in imports if "multilayer" in line}
    parts = [
        head,
        "\n".join(sorted(imports - ours, key=lambda line: (line[0] == "f", line))),
        "Array = Any  # numpy.ndarray",
        *bodies,
    ]
    return "\n\n\n".join(part.strip() for part in parts) + "\n"


def _document(model: Predictor) -> dict[str, Any]:
    """What the program reads beside the arrays; see docs/model-file.md."""
    mixture = model.mixture
    networks = [model.spec, *(() if mixture is None else (spec for spec, _ in mixture.others))]
    scores = () if model.conformal is None else model.conformal.of_members
    defaults = {"number_embedding": "periodic", "category_statistics": 0, "embedding_limit": 0}
    return {
        **constants_of(model),
        "networks": [defaults | spec.to_json() for spec in networks],
        "weights": [1.0] if mixture is None else list(mixture.weights),
        "num_members": model.num_members,
        "num_conformal_rows": [len(of_member) for of_member in scores],
        "missing_spellings": list(MISSING_SPELLINGS),
        "boolean_spellings": BOOLEAN_SPELLINGS,
    }
