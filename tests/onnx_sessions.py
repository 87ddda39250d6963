"""Exported graphs, run by onnxruntime on the rows of a frame."""

from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl


def session_of(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def inputs_of(session: onnxruntime.InferenceSession, frame: pl.DataFrame) -> dict[str, Any]:
    """The columns of a frame as the graph takes them; see `export.column_forms`."""
    return {one.name: _column(frame[one.name], one.type)[:, None] for one in session.get_inputs()}


def _column(series: pl.Series, kind: str) -> np.ndarray:
    values = series.to_list()
    if kind == "tensor(string)":
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    return np.array([number_of(value) for value in values], dtype=np.float64)


def number_of(value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, date):
        moment = np.datetime64(value) - np.datetime64("1970-01-01")
        return float(moment / np.timedelta64(1, "D"))
    if isinstance(value, str) and ":" in value:
        clock = time.fromisoformat(value)
        return (clock.hour * 60 + clock.minute) / 1440
    return float(value.replace("$", "").replace(",", "") if isinstance(value, str) else value)


def answers_of_file(path: Path, frame: pl.DataFrame) -> dict[str, np.ndarray]:
    session = session_of(path.read_bytes())
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs_of(session, frame)), strict=True))
