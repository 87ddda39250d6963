"""What a run on pictures writes down of itself: settings.json, and the facts of results.json."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from multilayer.images.datasets import KNOWN_DATASETS, ImageDataset
from multilayer.engine.fingerprints import versions
from multilayer.engine.settings import TrainingSettings


def description(
    dataset: ImageDataset,
    settings: TrainingSettings,
    *,
    recipe_name: str,
    data: str | Path,
    data_dir: str | Path | None,
    num_train_rows: int,
    num_validation_rows: int,
) -> dict[str, Any]:
    """The content of settings.json: all that is needed to run again, or to go on.

    Args:
        dataset: what was loaded.
        settings: how it is trained on.
        recipe_name: which recipe the settings began as.
        data: what the data set was asked for by.
        data_dir: where it was looked for first.
        num_train_rows: rows that are trained on.
        num_validation_rows: rows that are watched.
    """
    is_known = str(data) in KNOWN_DATASETS
    return {
        "recipe": recipe_name,
        "settings": asdict(settings),
        "versions": versions(),
        "data": {
            "name": dataset.name,
            "load": str(data) if is_known else str(Path(data).expanduser().absolute()),
            "data_dir": None if data_dir is None else str(Path(data_dir).expanduser().absolute()),
            "source": dataset.source,
            "num_train_rows": num_train_rows,
            "num_validation_rows": num_validation_rows,
            "validation_rows": (
                "held out from the training rows"
                if settings.validation_fraction
                else "the test rows, as in the book"
            ),
            "num_test_rows": len(dataset.test),
            "image_shape": dataset.image_shape,
            "class_names": dataset.class_names,
            "sha256": dataset_digest(dataset),
        },
    }


def facts(
    dataset: ImageDataset,
    settings: TrainingSettings,
    *,
    history: Sequence[Mapping[str, Any]],
    part_seconds: Mapping[str, float],
    num_parameters: int,
    num_train_rows: int,
) -> dict[str, Any]:
    """What results.json says of every run, however it ended.

    Args:
        dataset: what was loaded.
        settings: how it was trained on.
        history: the lines of history.jsonl.
        part_seconds: what each part of the run took, apart from the training.
        num_parameters: of all members together.
        num_train_rows: rows that were trained on.
    """
    import torch

    train_seconds = sum(line.get("seconds", 0.0) for line in history)
    return {
        "num_epochs": sum(line["train_loss"] is not None for line in history),
        "train_seconds": train_seconds,
        "part_seconds": {**part_seconds, "training and watching it": train_seconds},
        "num_parameters": num_parameters,
        "num_train_rows": num_train_rows,
        "num_test_rows": len(dataset.test),
        "seed": settings.seed,
        "num_threads": torch.get_num_threads(),
        "versions": {
            "multilayer": version("multilayer"),
            "torch": torch.__version__,
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
    }


def dataset_digest(dataset: ImageDataset) -> str:
    """SHA-256 of all pictures and labels."""
    digest = hashlib.sha256()
    for split in (dataset.train, dataset.test):
        for values in (split.images, split.labels):
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
