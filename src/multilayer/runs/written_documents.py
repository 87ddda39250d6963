"""The content of settings.json and results.json, for images and tables.

`run_documents` declares their schemas. PyTorch is loaded only for results.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.fingerprints import versions
from multilayer.engine.settings import TrainingSettings
from multilayer.fit.moved_data import file_digest, unpacked_digest
from multilayer.images.datasets import KNOWN_DATASETS, ImageDataset
from multilayer.metrics.scores import Score
from multilayer.reading.table_files import table_name
from multilayer.runs.earlier_documents import FORMAT_VERSION

if TYPE_CHECKING:
    from multilayer.fit.column_roles import ColumnRoles
    from multilayer.fit.fit import Fit
    from multilayer.fit.large_table import LargeTable
    from multilayer.fit.table_source import TableSource

_MOST_ROWS_NAMED = 2_000  # validation rows whose numbers are recorded, to inspect the model with


def settings_document(
    recipe_name: str, settings: TrainingSettings, data: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of settings.json: all that is needed to repeat or resume the run.

    Args:
        recipe_name: see `recipe`.
        settings: the resolved settings.
        data: from `image_data` or `table_data`.
    """
    # Only versions that the bits of the training depend on: others refuse to resume.
    more = ("numpy", "polars") if data["kind"] == "table" else ()
    return {
        "format_version": FORMAT_VERSION,
        "recipe": recipe_name,
        "settings": asdict(settings),
        "versions": {**versions(), **{name: version(name) for name in more}},
        "data": dict(data),
    }


def image_data(
    dataset: ImageDataset,
    data: str | Path,
    data_dir: str | Path | None,
    held_out: Sequence[NDArray[np.int64]] | None,
) -> dict[str, Any]:
    """The `data` of settings.json for images.

    Args:
        dataset: the images.
        data: the name or path given.
        data_dir: where it was searched first.
        held_out: indices of the held-out training images, an array for each fold or one for all
            networks; None: the test set is the validation set.
    """
    is_known = str(data) in KNOWN_DATASETS
    parts = held_out or ()
    named = named_rows(np.sort(np.concatenate(parts))) if parts else []
    of_row = {row: member for member, rows in enumerate(parts) for row in rows.tolist()}
    return {
        "kind": "images",
        "name": dataset.name,
        "load": str(data) if is_known else _absolute(data),
        "data_dir": None if data_dir is None else _absolute(data_dir),
        "source": dataset.source,
        "sha256": dataset.sha256(),
        "unpacked_sha256": None,
        "task": "multiclass" if len(dataset.class_names) > 2 else "binary",
        "class_names": list(dataset.class_names),
        "num_rows": len(dataset.train),
        "num_rows_without_target": 0,
        "num_train_rows": len(dataset.train) - (len(parts[0]) if parts else 0),
        "num_validation_rows": sum(map(len, parts)) if parts else len(dataset.test),
        "num_test_rows": len(dataset.test),
        "validation_from": "folds" if len(parts) > 1 else "split" if parts else "test",
        "validation": None,
        "validation_sha256": None,
        "validation_rows": named,
        "validation_members": [of_row[row] for row in named] if len(parts) > 1 else None,
        "image_shape": list(dataset.image_shape),
        "roles": None,
        "schema": None,
        "memory_limit": None,
    }


def table_data(
    fit: "Fit",
    source: "TableSource | LargeTable",
    data: str | Path,
    roles: "ColumnRoles",
    validation: str | Path | None = None,
    *,
    set_aside: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """The `data` of settings.json for a table.

    Args:
        fit: with settings and targets.
        source: the rows.
        data: their file.
        roles: what its columns are for.
        validation: the file of validation rows, if any.
        set_aside: row numbers of validation rows that the fit has not seen; None: those that it
            held out.

    Raises:
        TableError: a file cannot be read.
    """
    own, limit = getattr(source, "sha256", None), getattr(source, "memory_limit", None)
    named = named_rows(fit.held_out_numbers() if set_aside is None else set_aside)
    num_validation_rows = fit.num_validation_rows if set_aside is None else len(set_aside)
    if fit.settings.num_folds and set_aside is None:
        origin = "folds"
    elif fit.has_own_validation:
        origin = "file"
    else:
        origin = "split" if num_validation_rows else "none"
    return {
        "kind": "table",
        "name": table_name(data),
        "load": _absolute(data),
        "data_dir": None,
        "source": None,
        "sha256": own or file_digest(data),
        "unpacked_sha256": unpacked_digest(data),
        "task": fit.targets.task,
        "class_names": [str(label) for label in fit.targets.classes],
        "num_rows": source.num_rows,
        "num_rows_without_target": source.num_without_target,
        "num_train_rows": fit.num_rows - (fit.num_held_out or 0),
        "num_validation_rows": num_validation_rows,
        "num_test_rows": 0,
        "validation_from": origin,
        "validation": None if validation is None else _absolute(validation),
        "validation_sha256": None if validation is None else file_digest(validation),
        "validation_rows": named,
        "validation_members": None if set_aside is not None else fit.members_holding_out(named),
        "image_shape": None,
        "roles": roles.to_json(),
        "schema": source.schema.to_json(),
        "memory_limit": limit,
    }


def results_document(
    status: str,
    data: Mapping[str, Any],
    settings: TrainingSettings,
    *,
    history: Sequence[Mapping[str, Any]],
    part_seconds: Mapping[str, float],
    num_parameters: int,
    members: Sequence[int] | None = None,
    validation: Sequence[Score] = (),
    test: Sequence[Score] = (),
    absent_classes: Sequence[str] = (),
    temperature: float = 1.0,
    pack: Mapping[str, Any] | None = None,
    second_seconds: float = 0.0,
) -> dict[str, Any]:
    """The content of results.json, however the run ended.

    Args:
        status: "finished", "interrupted" or "diverged".
        data: the `data` of settings.json.
        settings: the resolved settings.
        history: the lines of history.jsonl.
        part_seconds: time taken by each part of the run but the training.
        num_parameters: of one network.
        members: the numbers of the networks in the model, without diverged ones; None: all.
        validation: scores on the validation rows.
        test: scores on the test rows.
        absent_classes: classes without validation rows.
        temperature: the model's logits are divided by it.
        pack: see `PackDocument`; None for other runs, and before the end of one.
        second_seconds: that the training of a second network took (`refit`).
    """
    import torch

    train_seconds = sum(line.get("seconds") or 0.0 for line in history) + second_seconds
    last = history[-1] if history else {}
    by_name = {score.name: score.to_json() for score in test}
    accuracy, loss = by_name.get("accuracy"), by_name.get("log loss")
    num_networks = max(settings.num_members, settings.num_folds)
    kept = list(range(num_networks) if members is None else members)
    num_networks = max(num_networks, len(kept))  # with the second network of a refit
    return {
        "format_version": FORMAT_VERSION,
        "status": status,
        "validation": [score.to_json() for score in validation],
        "test": list(by_name.values()),
        "absent_classes": list(absent_classes),
        "temperature": temperature,
        "num_epochs": sum(line.get("train_loss") is not None for line in history),
        "best_epochs": last.get("best_epochs"),
        "train_seconds": train_seconds,
        "part_seconds": {**part_seconds, "training and validation": train_seconds},
        "members": kept,
        "num_members": len(kept),
        "num_diverged": (
            num_networks - len(kept) if pack is None else pack["ends"].get("diverged", 0)
        ),
        "num_parameters": None if settings.num_draws else num_parameters,
        "pack": None if pack is None else dict(pack),
        **{
            name: data[name]
            for name in ("num_rows", "num_train_rows", "num_validation_rows", "num_test_rows")
        },
        "seed": settings.seed,
        "num_threads": torch.get_num_threads(),
        "versions": {
            **versions(),
            **{name: version(name) for name in ("numpy", "polars")},
            "python": platform.python_version(),
        },
        # The names of the scores before `test`, for one more release.
        "test_loss": None if loss is None else loss["value"],
        "test_accuracy": None if accuracy is None else accuracy["value"],
        "test_accuracy_interval": (
            None if accuracy is None else [accuracy["low"], accuracy["high"]]
        ),
    }


def named_rows(numbers: NDArray[np.int64]) -> list[int]:
    """At most 2,000 of the row numbers, evenly spread."""
    named: list[int] = numbers[:: max(1, -(-len(numbers) // _MOST_ROWS_NAMED))].tolist()
    return named


def _absolute(path: str | Path) -> str:
    return str(path) if str(path) == "-" else str(Path(path).expanduser().absolute())
