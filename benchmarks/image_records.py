"""What has been measured of the recipes for pictures: a line of JSON each, with the project."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
import reporting

from multilayer import TrainingSettings
from multilayer.engine.settings import setting_types

CACHE = platformdirs.user_cache_path("multilayer-benchmarks")
RECORDS = reporting.RECORDS / "images.jsonl"


@dataclass(frozen=True)
class Score:
    """Accuracy of each member, and of their mean probabilities; the members' mean loss."""

    accuracies: list[float]
    averaged: float
    loss: float


@dataclass(frozen=True)
class Measurement:
    """What came of a training.

    Attributes:
        text: what the settings were called.
        settings: of each member.
        validation: on the rows held out, after the last epoch.
        test: on the test rows; None where settings were tried.
        seconds: of the training, without scoring the epochs.
        num_threads: that it ran on; 0: as many as the machine has.
        measured: date and time.
    """

    text: str
    settings: list[dict]
    validation: Score
    test: Score | None
    seconds: float
    num_threads: int
    measured: str


def as_document(settings: TrainingSettings) -> dict:
    """Settings as JSON gives them back."""
    document: dict = json.loads(json.dumps(asdict(settings)))
    return document


def records(path: Path = RECORDS) -> list[Measurement]:
    """All measurements so far, the oldest first."""
    if not path.exists():
        return []
    return [read(json.loads(line)) for line in path.read_text().splitlines()]


def read(document: dict) -> Measurement:
    """A measurement from its line."""
    test = document["test"] and Score(**document["test"])
    return Measurement(**{**document, "validation": Score(**document["validation"]), "test": test})


def append(measurement: Measurement, path: Path = RECORDS) -> None:
    """Keep a measurement."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(measurement)) + "\n")


def as_settings(document: dict) -> TrainingSettings:
    """Settings from JSON; one that is newer than the measurement has its default."""
    return TrainingSettings(
        **{name: document[name] for name in setting_types() if name in document}
    )
