"""What a run on a table writes down of itself: settings.json, and the facts of results.json."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.engine.fingerprints import versions
from multilayer.fit.population_fit import PopulationFit
from multilayer.fit.large_table import LargeTable
from multilayer.fit.moved_data import file_digest
from multilayer.fit.table_source import ColumnRoles, TableSource

_MOST_ROWS_NAMED = 2_000  # validation rows whose numbers are kept, to look at the model with


def description(
    fit: PopulationFit,
    source: TableSource | LargeTable,
    data: str | Path,
    roles: ColumnRoles,
    validation: str | Path | None,
) -> dict[str, Any]:
    """The content of settings.json: all that is needed to run again, or to go on.

    Args:
        fit: with settings and targets.
        source: the rows.
        data: the file that they are of.
        roles: what its columns are for.
        validation: a file of rows to be measured on; None: there is none.

    Raises:
        TableError: a file cannot be read.
    """
    named = named_rows(fit.held_out_numbers())
    return {
        "recipe": fit.recipe_name,
        "settings": asdict(fit.settings),
        "versions": {**versions(), **{name: version(name) for name in ("numpy", "polars")}},
        "data": {
            "load": _absolute(data),
            "sha256": source.sha256 if isinstance(source, LargeTable) else file_digest(data),
            "validation": None if validation is None else _absolute(validation),
            "validation_sha256": None if validation is None else file_digest(validation),
            "num_rows": source.num_rows,
            "num_rows_without_target": source.num_without_target,
            "task": fit.targets.task,
            "roles": roles.to_json(),
            "schema": source.schema.to_json(),
            "validation_rows": named,
            "validation_members": fit.members_holding_out(named),
            "memory_limit": source.memory_limit if isinstance(source, LargeTable) else None,
        },
    }


def facts(fit: PopulationFit, num_rows: int, seconds: Mapping[str, float]) -> dict[str, Any]:
    """What results.json says beside scores.

    Args:
        fit: with its history.
        num_rows: rows with a target.
        seconds: of the parts of the run, without the training.
    """
    network, history = fit.network, fit.history
    train_seconds = sum(line["seconds"] for line in history)
    return {
        "num_epochs": len(history),
        "best_epochs": history[-1].get("best_epochs") if history else None,
        "train_seconds": train_seconds,
        "part_seconds": {**seconds, "training and watching it": train_seconds},
        "num_members": network.num_members,
        "num_parameters": network.spec.num_parameters,
        "num_rows": num_rows,
        "seed": fit.settings.seed,
        "num_threads": torch.get_num_threads(),
        "versions": {
            "multilayer": version("multilayer"),
            "torch": torch.__version__,
            "numpy": version("numpy"),
            "polars": version("polars"),
            "python": platform.python_version(),
        },
    }


def named_rows(numbers: NDArray[np.int64]) -> list[int]:
    """The row numbers that are kept to look at the model with: at most 2,000, evenly spread."""
    named: list[int] = numbers[:: max(1, -(-len(numbers) // _MOST_ROWS_NAMED))].tolist()
    return named


def _absolute(path: str | Path) -> str:
    return str(path) if str(path) == "-" else str(Path(path).expanduser().absolute())
