"""What has been measured so far: a line of JSON for each fit, kept with the project.

Runs append to it, so that one can be continued, and its parts made at different times and by
different people: fits of a bag at full size take hours.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import reporting

RECORDS = reporting.RECORDS / "tables.jsonl"


@dataclass(frozen=True)
class Fit:
    """Which fit it is.

    Args:
        table: name of the data set.
        rows: digest of the rows drawn, of the folds and of the target.
        side: "outer" to compare methods, "inner" to develop ours.
        fold: its number.
        method: a key of `methods.METHODS`.
        versions: of what the method is made of.
    """

    table: str
    rows: str
    side: str
    fold: int
    method: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Measurement:
    """What came of it.

    Args:
        fit: which one it was.
        score: AUC, log loss or root of the mean squared error, on the rows tested on.
        accuracy: share of right labels there; of numbers, the share of the variance explained.
        fit_seconds: of the whole fit, from a frame in memory.
        predict_seconds: of the predictions.
        num_threads: that the libraries of matrix products were held to.
        measured: date and time.
        processor: that it ran on; "" where that was not kept.
    """

    fit: Fit
    score: float
    accuracy: float
    fit_seconds: float
    predict_seconds: float
    num_threads: int
    measured: str
    processor: str = ""


def append(measurement: Measurement, path: Path = RECORDS) -> None:
    """Keep a measurement."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(measurement)) + "\n")


def latest(fits: Iterable[Fit], path: Path = RECORDS) -> list[Measurement]:
    """The last measurement of each of these fits that has one, in their order."""
    found: dict[str, Measurement] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            document = json.loads(line)
            measurement = Measurement(**{**document, "fit": Fit(**document["fit"])})
            found[_key(measurement.fit)] = measurement
    return [found[_key(fit)] for fit in fits if _key(fit) in found]


def _key(fit: Fit) -> str:
    return json.dumps(asdict(fit), sort_keys=True)
