"""Check that the data that a run folder names are those that the run was trained on.

An untrusted run folder may name any local file. Its rows are shown only if the folder records the
file's SHA-256, which only someone with its content can know. On other data than the run's, results
would be wrong.
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
    """Check a table's SHA-256 against settings.json.

    Args:
        run: the folder.
        origin: the `data` of its settings.json.
        is_shown: rows will be shown, so that settings.json must have the SHA-256.
        is_validation: check the file of validation rows.

    Raises:
        RunFolderError: it has changed since the run, or its SHA-256 is needed and missing.
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
    """Check the SHA-256 of images against settings.json; see `check_table_of_run`.

    Raises:
        RunFolderError: they have changed since the run, or the SHA-256 is needed and missing.
    """
    recorded = origin.get("sha256")
    if recorded is None:
        _check_is_not_shown(run, origin["load"], is_shown)
    elif dataset.sha256() != recorded:
        raise _changed(run, origin["load"])


def format_of_run(run: str | Path, data: str | Path) -> "TableFormat":
    """The table format to read a file with.

    Args:
        run: a run folder, or a model file.
        data: a table's file.

    Returns:
        The run's format for its own training or validation file; the default for any other.
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
            f"{run}/settings.json has no SHA-256 of {data}, so its rows are not shown; name the "
            "data on the command line"
        )


def _changed(run: str | Path, data: str | Path) -> RunFolderError:
    return RunFolderError(
        f"{data} has changed since the run {run}: its SHA-256 is not the one in settings.json"
    )
