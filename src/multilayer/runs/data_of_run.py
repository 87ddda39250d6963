"""Whether the data that a run folder names are those that the run was trained on.

A stranger's folder may name any file of ours. Only who knows the content of a file can have written
its SHA-256 down, so that its rows are shown to nobody who has not seen them. And of other data than
the run's, whatever is said of the run would be wrong.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.errors import RunFolderError, SettingsError
from multilayer.fit.moved_data import file_digest, is_there, unpacked_digest
from multilayer.images.datasets import ImageDataset
from multilayer.runs.run_documents import read_settings

if TYPE_CHECKING:
    from multilayer.reading.table_format import TableFormat


def check_table_of_run(
    run: str | Path, origin: Mapping[str, Any], *, is_shown: bool, is_validation: bool = False
) -> None:
    """Hold the content of a table to what settings.json says of it.

    Args:
        run: the folder.
        origin: what its settings.json says of the data.
        is_shown: rows of it are going to be shown: then settings.json must have its SHA-256.
        is_validation: it is the file of validation rows.

    Raises:
        RunFolderError: it has changed since the run, or it is not known whether it has.
        TableError: it cannot be read.
    """
    name = "validation" if is_validation else "load"
    path = Path(origin[name])
    recorded = origin.get("validation_sha256" if is_validation else "sha256")
    if recorded is None:
        _check_is_not_shown(run, path, is_shown)
    elif is_there(path) and file_digest(path) != recorded:
        raise _changed(run, path)


def check_images_of_run(
    run: str | Path, origin: Mapping[str, Any], dataset: ImageDataset, *, is_shown: bool
) -> None:
    """Hold a data set of pictures to what settings.json says of it; see `check_table_of_run`.

    Raises:
        RunFolderError: it has changed since the run, or it is not known whether it has.
    """
    recorded = origin.get("sha256")
    if recorded is None:
        _check_is_not_shown(run, origin["load"], is_shown)
    elif dataset.sha256() != recorded:
        raise _changed(run, origin["load"])


def format_of_run(run: str | Path, data: str | Path) -> "TableFormat":
    """How a file is written, if it is one that a run was trained or measured on.

    Args:
        run: a run folder, or a model file.
        data: a table's file.

    Returns:
        The run's format for its own files; nothing of it for any other.
    """
    from multilayer.reading.table_format import TableFormat

    if not (Path(run) / "settings.json").is_file():
        return TableFormat()
    origin = read_settings(run)["data"]
    if origin["kind"] != "table":
        return TableFormat()
    own = str(Path(data).expanduser().absolute())
    try:
        own_format = TableFormat(**origin["roles"].get("table_format", {}))
    except (TypeError, SettingsError) as error:
        raise RunFolderError(f"{run}/settings.json does not describe a table: {error}") from error
    if own_format == TableFormat() or own in (origin.get("load"), origin.get("validation")):
        return own_format
    names = ("sha256", "unpacked_sha256", "validation_sha256")
    known = {file_digest(data), unpacked_digest(data)} & {origin.get(name) for name in names}
    return own_format if known - {None} else TableFormat()


def _check_is_not_shown(run: str | Path, data: str | Path, is_shown: bool) -> None:
    if is_shown:
        raise RunFolderError(
            f"{run}/settings.json has no SHA-256 of {data}, so that its rows are not shown; name "
            "the data on the command line"
        )


def _changed(run: str | Path, data: str | Path) -> RunFolderError:
    return RunFolderError(
        f"{data} has changed since the run {run}, or is another one: it has not the SHA-256 that "
        "settings.json says"
    )
