"""A folder of exported files."""

from collections.abc import Mapping
from pathlib import Path

from multilayer.errors import OutputError
from multilayer.files import cannot_write, replace_atomically


def write_files(path: str | Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder that is empty or not there.

    Args:
        path: of the folder.
        files: content by name.

    Returns:
        Their paths.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    folder = Path(path)
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
