"""Prepared tables and worker processes, made when they are first needed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from environments import ROOT, clean_environment, python_of

from tabular.methods import Method, python_for

BENCHMARKS = ROOT / "benchmarks"
SUITE_VARIABLE = "MULTILAYER_SUITE"
SUITE_FILES = ("open_suite.py", "table_source.py")
TABLES = platformdirs.user_cache_path("multilayer-benchmarks") / "tables"


@dataclass(frozen=True)
class Prepared:
    """A table on the disk, see `prepare.py`.

    Args:
        folder: of its files.
        facts: what table.json says about it.
    """

    folder: Path
    facts: dict[str, Any]

    def target_of_test(self, side: str, fold: int) -> np.ndarray:
        """Classes or numbers of the rows that a fold tests on."""
        with np.load(self.folder / "folds.npz") as folds:
            rows = folds[f"{side}_{fold}_test"]
        return np.load(self.folder / "target.npy")[rows]


def suite_folder(chosen: Path | None) -> Path:
    """The folder of the programs that read the data sets.

    Args:
        chosen: by a flag; else $MULTILAYER_SUITE, else shared/datasets beside the project.

    Raises:
        SystemExit: they are not there.
    """
    named = chosen or os.environ.get(SUITE_VARIABLE) or ROOT.parent / "shared" / "datasets"
    folder = Path(named).expanduser().absolute()
    missing = [name for name in SUITE_FILES if not (folder / name).is_file()]
    if missing:
        sys.exit(
            f"error: {' and '.join(missing)} not found in {folder}: the programs that read the data"
            f" sets are not part of this project; name their folder with --suite or"
            f" ${SUITE_VARIABLE}"
        )
    return folder


def names_of_tables(suite: Path) -> list[str]:
    """The data sets that the suite has."""
    ask = "import json, open_suite; print(json.dumps(open_suite.names))"
    answer = subprocess.run(
        [python_of("suite"), "-c", ask],
        env=clean_environment(PYTHONPATH=str(suite)),
        check=True,
        capture_output=True,
        text=True,
    )
    names: list[str] = json.loads(answer.stdout)
    return names


def prepared(suite: Path, name: str, max_rows: int) -> Prepared:
    """A table, read by the suite if it is not on the disk yet.

    Raises:
        SystemExit: it cannot be read; the suite has said why.
    """
    folder = TABLES / f"{name}-{max_rows}-{preparation_digest()}"
    if not folder.exists():
        made = folder.with_suffix(".partial")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        command = ["-m", "tabular.prepare", suite, name, str(max_rows), made]
        environment = clean_environment(PYTHONPATH=str(BENCHMARKS))
        if subprocess.run([python_of("suite"), *command], env=environment).returncode:
            sys.exit(f"error: the data set {name} cannot be read")
        made.rename(folder)
    return Prepared(folder, json.loads((folder / "table.json").read_text()))


def preparation_digest() -> str:
    """Eight digits that change whenever the code that prepares tables does."""
    code = b"".join((BENCHMARKS / "tabular" / f"{m}.py").read_bytes() for m in ("folds", "prepare"))
    return hashlib.sha256(code).hexdigest()[:8]


class Worker:
    """A process that fits the methods of a module."""

    def __init__(self, method: Method) -> None:
        self._scratch = tempfile.TemporaryDirectory()
        paths = [str(BENCHMARKS), *([str(ROOT / "src")] if method.is_ours else [])]
        self._process = subprocess.Popen(
            [python_for(method), "-m", "tabular.worker", method.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(PYTHONPATH=os.pathsep.join(paths), PYTHONWARNINGS="ignore"),
            cwd=self._scratch.name,
            text=True,
        )

    def fit(
        self, method: str, table: Prepared, side: str, fold: int
    ) -> tuple[np.ndarray, float, float]:
        """Predictions of a fold's test rows, and the seconds of fitting and predicting.

        Raises:
            RuntimeError: it could not; the message says why.
        """
        path = Path(self._scratch.name, "predictions.npy")
        request = {
            "method": method,
            "folder": str(table.folder),
            "side": side,
            "fold": fold,
            "predictions": str(path),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "its process has ended"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return np.load(path), answer["fit_seconds"], answer["predict_seconds"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._scratch.cleanup()
