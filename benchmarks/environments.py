"""The virtual environments that the contenders run in, made on first use.

They lie in the user's cache, one folder for each set of requirements, so that the project's own
environment stays free of its competitors.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import platformdirs

ROOT = Path(__file__).parent.parent
CONSTRAINTS = ROOT / "constraints.txt"

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = {
    "torch": (
        *_PROJECT["dependencies"],
        *_PROJECT["optional-dependencies"]["sklearn"],
        "skorch==1.4.0",
        "lightning==2.6.6",
    ),
    "jax": ("numpy", "jax==0.10.2", "jaxlib==0.10.2", "keras==3.15.1"),
    # The book's package as published, with the versions of PyTorch that it was published for.
    # Its matplotlib cannot be imported beside a newer IPython.
    "book": ("d2l==1.0.3", "torch==2.0.0", "torchvision==0.15.1", "ipython<8.24"),
    # Tables: what reads the data sets, and those that are measured on them.
    "suite": ("numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "rdata==1.1.0"),
    "trees": (
        "numpy==2.4.6",
        "pandas==3.1.1",
        "pyarrow==26.0.1",
        "scikit-learn==1.9.1",
        "lightgbm==4.7.0",
        "catboost==1.2.10",
        "xgboost-cpu==3.2.0",
    ),
    # A server as people write one: a pipeline behind FastAPI, and the same pipeline as ONNX.
    "serving": (
        "fastapi==0.165.0",
        "uvicorn==0.54.0",
        "httptools==0.9.0",
        "uvloop==0.23.0",
        "pandas==3.1.1",
        "scikit-learn==1.9.1",
        "skl2onnx==1.20.0",
        "onnxruntime==1.32.0",
    ),
    "pytabkit": ("pytabkit[models]==1.7.3", "torch==2.13.0", "pandas==3.1.1", "pyarrow==26.0.1"),
}
HELD_TO_CONSTRAINTS = {"torch", "jax"}


def python_of(name: str) -> Path:
    """The interpreter of an environment, which is made if it is not there yet.

    Args:
        name: a key of `REQUIREMENTS`.

    Raises:
        SystemExit: pip could not install it; it has said why.
    """
    requirements = REQUIREMENTS[name]
    options = ["--constraint", str(CONSTRAINTS)] if name in HELD_TO_CONSTRAINTS else []
    recipe = "\n".join([sys.version, *requirements, CONSTRAINTS.read_text() if options else ""])
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    folder = platformdirs.user_cache_path("multilayer-benchmarks") / f"{name}-{digest}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"making the environment {folder} …", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, *options, *requirements], check=False).returncode:
            sys.exit(f"error: the environment {name!r} of the benchmarks cannot be installed")
        complete.touch()
    return python


def clean_environment(**additions: str) -> dict[str, str]:
    """The variables of this process without those that would hold NumPy's library back."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    return {**kept, **additions}
