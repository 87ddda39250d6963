"""What the JSON files of a run folder must be, and reading them.

A run folder may come from a stranger: each file is read as carefully as a model file. What is
declared here is checked once, on reading, so that what uses it need not look again. Names that are
not declared are let through, for later versions; all but what is `Required` may be missing, for
older versions did not write it.
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
from multilayer.runs.earlier_documents import upgraded_results, upgraded_settings

_LARGEST_DOCUMENT_BYTES = 1 << 26

_Plain = str | bool | float | None  # what names that nobody knows yet may have, alone or as a list


class DataDocument(TypedDict, total=False):
    """What settings.json says of the data; one set of names for every kind.

    `class_names` are empty where no classes are predicted. `num_rows` have a target; a network
    learns from `num_train_rows` of them, and `num_validation_rows` are those that any network is
    measured on while it is trained. `validation_rows` are numbers of at most 2,000 of these in
    the file, and `validation_members` the network that held each of them out, where they differ.
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
    """settings.json; its settings and its data have declarations of their own."""

    format_version: Required[Count]
    recipe: str
    settings: Required[dict[str, Any]]
    data: Required[DataDocument]
    versions: dict[str, str]


class Score(TypedDict, total=False):
    """A score with its 95% interval and that of the best constant answer; null where not known."""

    name: Required[str]
    value: Required[float | None]
    low: Required[float | None]
    high: Required[float | None]
    baseline: float | None


class ResultsDocument(TypedDict, total=False):
    """results.json.

    `num_parameters` are those of one network. `members` are the numbers of the networks that the
    model is made of, `num_members` of them; `num_diverged` others diverged.
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
    num_parameters: Count
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
    """A line of history.jsonl; losses of the epoch that diverged are null."""

    epoch: Required[Count]
    num_steps: Count
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    best_epochs: list[Count] | None
    seconds: float | None


class StudyDocument(TypedDict):
    """tune.json."""

    study: str
    storage: str | None
    fingerprint: dict[str, Any]


def read_settings(run: str | Path) -> dict[str, Any]:
    """What was trained on what: settings.json of a run folder, in today's form.

    Raises:
        RunFolderError: it is missing, damaged, not what it must be, or of a later version.
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
        raise ValueError("data.roles are missing, of a table")
    members = data.get("validation_members")
    if members is not None and len(members) != len(data.get("validation_rows", ())):
        raise ValueError("data.validation_members must be as many as data.validation_rows")


def read_results(run: str | Path) -> dict[str, Any]:
    """How a run ended: results.json of a run folder, in today's form; empty if there is none yet.

    Raises:
        RunFolderError: it is damaged, not what it must be, or of a later version.
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
    """What to add to a message about a run that left less than others: that it has diverged."""
    try:
        is_diverged = read_results(run).get("status") == "diverged"
    except RunFolderError:
        is_diverged = False
    return "; its training has diverged, `multilayer doctor` says more" if is_diverged else ""


def members_of_model(run: str | Path) -> list[int] | None:
    """Which of a run's networks its model is made of; None: not known, so all.

    Raises:
        RunFolderError: results.json is damaged.
    """
    return read_results(run).get("members")


def read_history(run: str | Path) -> list[dict[str, Any]]:
    """The lines of a run's history.jsonl, an epoch each; a run that was killed may have none.

    A last line that was cut off in the middle of writing is left out.

    Raises:
        RunFolderError: there is no such folder or file, or a line is damaged.
    """
    path = Path(run) / "history.jsonl"
    if not Path(run).is_dir():
        raise RunFolderError(f"there is no run folder {run}")
    if not path.exists():
        raise RunFolderError(
            f"{run} has no {path.name}: no epoch was finished, or it is no run{ending(run)}"
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
                f"line {number} of {path} is not that of an epoch: {_reason(error)}"
            ) from error
        epochs.append(epoch)
    return epochs


def read_study(folder: str | Path, name: str) -> dict[str, Any]:
    """What the study in a folder is of.

    Raises:
        RunFolderError: the file is missing, damaged, or not what it must be.
    """
    return _read(folder, name, StudyDocument)


def read_json(run: str | Path, name: str) -> dict[str, Any]:
    """Read a JSON file of a run folder, whatever is in it.

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
    return RunFolderError(f"{Path(run) / name} is not that of a run: {_reason(error)}")


def _reason(error: Exception) -> str:
    return escaped(getattr(error, "strerror", None) or error)
