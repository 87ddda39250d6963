"""A folder of exported files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multilayer.errors import OutputError
from multilayer.files import cannot_write, replace_atomically
from multilayer.model.predictor import Predictor

# What is called so would be looked for as a file.
_FILE_SUFFIXES = (".onnx", ".pt", ".pth", ".safetensors", ".npz", ".py", ".json", ".zip")


def write_files(path: str | Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder that is empty or not there.

    Args:
        path: of the folder.
        files: content by name.

    Returns:
        Their paths.

    Raises:
        OutputError: the folder is not empty, is called as a file is, or cannot be written.
    """
    folder = Path(path)
    if folder.suffix.lower() in _FILE_SUFFIXES and not folder.is_dir():
        raise OutputError(
            f"{folder} would be a folder, as several files are written; name one without "
            f"{folder.suffix} (--output)"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise cannot_write(folder, error) from error
    if not is_empty:
        raise OutputError(f"the output folder {folder} is not empty; name another one (--output)")
    for name, content in files.items():
        with replace_atomically(folder / name) as file:
            file.write(content)
    return [folder / name for name in files]


def constants_of(model: Predictor) -> dict[str, Any]:
    """What makes inputs of columns, and answers of outputs, as JSON; see docs/model-file.md."""
    return {
        "encoder": {"kind": model.encoder.kind, **model.encoder.to_json()},
        "targets": model.targets.to_json(),
        "temperature": model.temperature,
        "uniform_share": model.uniform_share,
        "spread": None if model.spread is None else list(model.spread),
        "clips": model.clips,
    }
