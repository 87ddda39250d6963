"""A pipeline of scikit-learn behind FastAPI, as people write it; `serving.py` starts it.

    python benchmarks/serving_contender.py sklearn|onnx TRAIN.csv

Runs in an environment without multilayer.
"""

import socket
import sys
from typing import Any

import numpy as np
import pandas as pd
import uvicorn
from fastapi import FastAPI
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def fitted(path: str) -> tuple[Pipeline, pd.DataFrame]:
    """The pipeline, and its training rows."""
    rows = pd.read_csv(path)
    features = rows.drop(columns="kind")
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    network = MLPClassifier((64, 64), max_iter=20, early_stopping=True, random_state=0)
    return make_pipeline(encode, network).fit(features, rows["kind"]), features


def sklearn_application(path: str) -> FastAPI:
    """Answers with the pipeline."""
    pipeline, features = fitted(path)
    classes = pipeline.classes_.tolist()
    application = FastAPI()

    @application.post("/predict")
    def predict(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        frame = pd.DataFrame(rows, columns=features.columns)
        return answers(classes, pipeline.predict_proba(frame))

    return application


def onnx_application(path: str) -> FastAPI:
    """Answers with the pipeline in onnxruntime."""
    import onnxruntime
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    pipeline, features = fitted(path)
    numbers = set(features.select_dtypes("number").columns)
    types = [
        (name, (FloatTensorType if name in numbers else StringTensorType)([None, 1]))
        for name in features
    ]
    model = to_onnx(pipeline, initial_types=types, options={"zipmap": False})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    classes = pipeline.classes_.tolist()
    application = FastAPI()

    @application.post("/predict")
    def predict(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        inputs = {
            name: np.array([[row[name]] for row in rows], np.float32 if name in numbers else object)
            for name in features
        }
        return answers(classes, session.run(["probabilities"], inputs)[0])

    return application


def answers(classes: list[str], probabilities: np.ndarray) -> list[dict[str, Any]]:
    """An object for each row."""
    return [
        {
            "prediction": classes[int(row.argmax())],
            "probabilities": dict(zip(classes, row.tolist(), strict=True)),
        }
        for row in probabilities
    ]


def main() -> None:
    """Serve at a free port, which is printed."""
    kind, path = sys.argv[1:]
    application = {"sklearn": sklearn_application, "onnx": onnx_application}[kind](path)
    # Named, so that asyncio knows that small answers must be sent at once.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    print(f"port {listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(application, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
