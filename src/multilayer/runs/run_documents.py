"""Schemas of the JSON files of a run folder, and reading them.

A run folder may be untrusted: its files are validated once, on reading, against the declarations
here. Undeclared names are accepted, for later versions; all but `Required` ones may be missing, as
older versions did not write them.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Required, TypedDict

from multilayer.columns.schema import Schema
from multilayer.columns.target_values import Task
from multilayer.container.plain_json import parse_object
from multilayer.engine.settings import setting_types
from multilayer.errors import RunFolderError, escaped
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.declared_types import Count, check_type
from multilayer.ordinary_files import read_regular, whole_lines
from multilayer.pack.pack_document import PackDocument
from multilayer.runs.earlier_documents import upgraded_results, upgraded_settings

_LARGEST_DOCUMENT_BYTES = 1 << 26

_Plain = str | bool | float | None  # values of undeclared settings, alone or in a list


class DataDocument(TypedDict, total=False):
    """The data of a run in settings.json; the same names for images and tables.

    `class_names` are empty without classes. `num_rows` counts rows with a target,
    `num_train_rows` the training rows of one network, `num_validation_rows` the validation rows of
    all networks together. `validation_rows` holds the row numbers in the file of at most 2,000 of
    these, and `validation_members` the network that held each of them out, if they differ.
    """

    kind: Required[Literal["images", "table"]]
    name: Required[str]
    load: Required[str]
    data_dir: str | None
    source: str | None
    sha256: str | None
    unpacked_sha256: str | None
    task: Required[Task]
    class_names: list[str]
    num_rows: Count
    num_rows_without_target: Count
    num_train_rows: Count
    num_validation_rows: Count
    num_test_rows: Count
    validation_from: Required[Literal["split", "folds", "file", "test", "none"]]
    validation: str | None
    validation_sha256: str | None
    validation_rows: list[Count]
    validation_members: list[Count] | None
    image_shape: list[Count] | None
    roles: ColumnRoles | None
    schema: Schema | None
    memory_limit: Count | None


class SettingsDocument(TypedDict, total=False):
    """settings.json; its settings are declared by `TrainingSettings`."""

    format_version: Required[Count]
    recipe: str
    settings: Required[dict[str, Any]]
    data: Required[DataDocument]
    versions: dict[str, str]


class Score(TypedDict, total=False):
    """A score, its 95% interval, and the score of the best constant prediction; null if unknown."""

    name: Required[str]
    value: Required[float | None]
    low: Required[float | None]
    high: Required[float | None]
    baseline: float | None


class ResultsDocument(TypedDict, total=False):
    """results.json.

    `num_parameters` counts those of one network. `members` are the numbers of the networks in the
    model, `num_members` of them; `num_diverged` others diverged.

    Of a pack each of the members is a mixture of networks, one for each fold; `num_diverged` counts
    draws, and `num_epochs` the epochs of all its groups of draws. As draws differ, `best_epochs`
    and `num_parameters` are null; `pack` says more.
    """

    format_version: Required[Count]
    status: str
    validation: list[Score]
    test: list[Score]
    absent_classes: list[str]
    temperature: float
    num_epochs: Count
    best_epochs: list[Count] | None
    train_seconds: float
    part_seconds: dict[str, float]
    members: list[Count]
    num_members: Count
    num_diverged: Count
    num_parameters: Count | None
    pack: PackDocument | None
    num_rows: Count
    num_train_rows: Count
    num_validation_rows: Count
    num_test_rows: Count
    seed: int
    num_threads: Count
    versions: dict[str, str]
    test_loss: float | None
    test_accuracy: float | None
    test_accuracy_interval: list[float | None] | None


class HistoryLine(TypedDict, total=False):
    """A line of history.jsonl; the losses are null in an epoch that diverged."""

    epoch: Required[Count]
    num_steps: Count
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    validation_calibrated_loss: float | None
    wave: Count | None
    mixture_loss: float | None
    best_epochs: list[Count] | None
    seconds: float | None


class StudyDocument(TypedDict):
    """tune.json."""

    study: str
    storage: str | None
    fingerprint: dict[str, Any]


def read_settings(run: str | Path) -> dict[str, Any]:
    """Read settings.json of a run folder, upgraded to the current format.

    Raises:
        RunFolderError: it is missing, damaged, invalid, or of a later version.
    """
    document = read_json(run, "settings.json")
    kinds = setting_types()
    try:
        document = upgraded_settings(document)
        check_type(document, SettingsDocument, "")
        for name, value in document["settings"].items():
            kind = kinds[name][0] if name in kinds else _Plain | list[_Plain]
            check_type(value, kind, f"settings.{name}")
        _check_data(document["data"])
    except ValueError as error:
        raise _unfit(run, "settings.json", error) from error
    return document


def _check_data(data: dict[str, Any]) -> None:
    if data.get("kind") == "images" and len(data.get("image_shape") or "  ") != 2:
        raise ValueError("data.image_shape must be a height and a width")
    if data.get("kind") == "table" and data.get("roles") is None:
        raise ValueError("data.roles is missing; a table needs it")
    members = data.get("validation_members")
    if members is not None and len(members) != len(data.get("validation_rows", ())):
        raise ValueError("data.validation_members must be as long as data.validation_rows")


def read_results(run: str | Path) -> dict[str, Any]:
    """Read results.json of a run folder, upgraded to the current format; empty if missing.

    Raises:
        RunFolderError: it is damaged, invalid, or of a later version.
    """
    if not (Path(run) / "results.json").exists():
        return {}
    document = read_json(run, "results.json")
    num_members = 1
    if "format_version" not in document:
        with suppress(RunFolderError):
            num_members = int(read_settings(run)["settings"].get("num_members", 1))
    try:
        document = upgraded_results(document, num_members)
        check_type(document, ResultsDocument, "")
    except ValueError as error:
        raise _unfit(run, "results.json", error) from error
    return document


def ending(run: str | Path) -> str:
    """The end of a message about a missing file of a run, if the run has diverged; else empty."""
    try:
        is_diverged = read_results(run).get("status") == "diverged"
    except RunFolderError:
        is_diverged = False
    return "; its training diverged, see `multilayer doctor`" if is_diverged else ""


def members_of_model(run: str | Path) -> list[int] | None:
    """The numbers of the networks in a run's model; None if unknown: all of them.

    Raises:
        RunFolderError: results.json is damaged.
    """
    return read_results(run).get("members")


def read_history(run: str | Path) -> list[dict[str, Any]]:
    """Read history.jsonl of a run, a line an epoch. An incomplete last line is dropped.

    Raises:
        RunFolderError: there is no such folder or file, or a line is damaged.
    """
    path = Path(run) / "history.jsonl"
    if not Path(run).is_dir():
        raise RunFolderError(f"there is no run folder {run}")
    if not path.exists():
        raise RunFolderError(
            f"{run} has no {path.name}: no epoch was finished, or it is not a run "
            f"folder{ending(run)}"
        )
    try:
        lines = whole_lines(path)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {_reason(error)}") from error
    epochs = []
    for number, line in enumerate(lines, 1):
        try:
            epoch = parse_object(line)
            check_type(epoch, HistoryLine, "")
            for name in epoch.keys() - HistoryLine.__annotations__.keys():
                kind = float | None if name.startswith(("train_", "validation_")) else Any
                check_type(epoch[name], kind, name)
        except ValueError as error:
            raise RunFolderError(
                f"line {number} of {path} does not describe an epoch: {_reason(error)}"
            ) from error
        epochs.append(epoch)
    return epochs


def read_study(folder: str | Path, name: str) -> dict[str, Any]:
    """Read a study's JSON file `name` in a folder.

    Raises:
        RunFolderError: it is missing, damaged or invalid.
    """
    return _read(folder, name, StudyDocument)


def read_json(run: str | Path, name: str) -> dict[str, Any]:
    """Read a JSON file of a run folder without validating it.

    Raises:
        RunFolderError: the folder or the file is missing or damaged.
    """
    path = Path(run) / name
    if not path.parent.exists():
        raise RunFolderError(f"there is no run folder {run}")
    try:
        return parse_object(read_regular(path, _LARGEST_DOCUMENT_BYTES), has_paths=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunFolderError(f"{run} is not a finished run: it has no {name}") from error
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {_reason(error)}") from error


def _read(run: str | Path, name: str, kind: type) -> dict[str, Any]:
    document = read_json(run, name)
    try:
        check_type(document, kind, "")
    except ValueError as error:
        raise _unfit(run, name, error) from error
    return document


def _unfit(run: str | Path, name: str, error: ValueError) -> RunFolderError:
    return RunFolderError(f"{Path(run) / name} is not a valid file of a run: {_reason(error)}")


def _reason(error: Exception) -> str:
    return escaped(getattr(error, "strerror", None) or error)
