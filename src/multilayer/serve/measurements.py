"""What a server measures: requests, latencies, and how far rows and answers drift from training."""

from typing import TYPE_CHECKING

import numpy as np

from multilayer.columns.missing import present_text, without_missing
from multilayer.columns.value_format import with_missing_told
from multilayer.serve.answers import Answered
from multilayer.serve.batching import Job
from multilayer.serve.metrics import Counter, Gauge, Histogram, as_text
from multilayer.serve.questions import Rows, frame_of
from multilayer.serve.served_model import ServedModel

if TYPE_CHECKING:
    import polars as pl

_FEW_ROWS = 64  # up to so many a loop is faster than polars


class Measurements:
    """The metrics of a server."""

    def __init__(self) -> None:
        self.requests = Counter("multilayer_requests_total", "Requests by route and status.")
        self.seconds = Histogram(
            "multilayer_request_seconds", "Seconds from the first byte to the answer."
        )
        self.refusals = Counter("multilayer_refusals_total", "Requests refused, by status.")
        self.waiting = Gauge("multilayer_waiting_requests", "Requests that wait for an answer.")
        self.loads = Counter("multilayer_model_loads_total", "Loads of models by outcome.")
        self.rows = Counter("multilayer_rows_total", "Rows answered.")
        self.missing = Counter("multilayer_missing_values_total", "Missing values by column.")
        self.unseen = Counter(
            "multilayer_unseen_values_total", "Categories not in the training rows, by column."
        )
        self.answer_sum = Counter(
            "multilayer_answer_sum",
            "Sum of predicted numbers, or of probabilities of each class; over rows: the mean.",
        )
        self.training_mean = Gauge(
            "multilayer_training_mean", "Mean or median of the target, or share of each class, "
            "in the training rows.",
        )  # fmt: skip
        self.model_info = Gauge("multilayer_model_info", "Models served, by version.")

    def served(self, served: ServedModel) -> None:
        """Note a model that was loaded."""
        name, targets = served.name, served.model.targets
        self.model_info.forget(model=name)
        self.training_mean.forget(model=name)
        self.model_info.set(1, model=name, version=served.version)
        if targets.task == "regression":
            scale = targets.scale
            means = scale.deviations if scale.are_counts else scale.means
            for target, mean in zip(targets.names, means, strict=True):
                self.training_mean.set(mean, model=name, answer=target)
        elif served.model.spread is not None:
            for label, share in zip(targets.classes, served.model.spread, strict=True):
                self.training_mean.set(share, model=name, answer=str(label))

    def answered(self, job: Job, answered: Answered) -> None:
        """Count rows, missing and unseen values, and answers."""
        name, rows = job.served.name, job.rows
        self.rows.add(rows.num_rows, model=name)
        if rows.num_rows == 0:
            return
        if rows.images is None:
            for column, count in missing_values(job.served, rows).items():
                self.missing.add(count, model=name, column=column)
            for column, (count, _) in answered.unseen.found.items():
                self.unseen.add(count, model=name, column=column)
        targets, of_each = answered.model.targets, answered.mean
        if targets.task == "regression":
            of_each = targets.scale.central(of_each)
        labels = targets.classes if targets.is_classification else targets.names
        for label, total in zip(labels, np.sum(of_each, axis=0).tolist(), strict=True):
            self.answer_sum.add(total, model=name, answer=str(label))

    def as_text(self) -> str:
        """In Prometheus' text format."""
        return as_text(
            one for one in vars(self).values() if isinstance(one, Counter)
        )  # gauges and histograms are counters too


def missing_values(served: ServedModel, rows: Rows) -> dict[str, int]:
    """Number of missing values of each column that the model needs, 0 included."""
    import polars as pl

    encoder = served.model.table_encoder
    names = encoder.column_names
    if rows.columns is not None and rows.num_rows <= _FEW_ROWS and not encoder.missing:
        return {
            name: sum(
                value is None or (type(value) is str and present_text(value) is None)
                for value in values
            )
            for name, values in rows.columns.items()
        }
    frame = frame_of(served, [rows]) if rows.answered is None else rows.answered
    frame = frame.select(names)
    frame = with_missing_told(frame, encoder.missing, names)
    present = [
        without_missing(pl.col(name)) if dtype == pl.String else pl.col(name)
        for name, dtype in frame.schema.items()
    ]
    return {name: int(count) for name, count in _null_counts(frame, present).items()}


def _null_counts(frame: "pl.DataFrame", values: "list[pl.Expr]") -> dict[str, int]:
    return frame.select(values).null_count().row(0, named=True)
