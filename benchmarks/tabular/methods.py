"""The methods that are compared, and which versions of what they are."""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from environments import ROOT, clean_environment, python_of

SOURCE = ROOT / "src" / "multilayer"
ROOMS_OF_A_FIT = (
    "columns",
    "reading",
    "encoding",
    "engine",
    "recipes",
    "model",
    "fit",
    "pack",
    "estimators",
)


@dataclass(frozen=True)
class Method:
    """One method.

    Args:
        title: in the tables.
        module: of this package, which makes it.
        environment: a key of `environments.REQUIREMENTS`; None is the project's own.
        packages: whose versions decide what it does.
        is_bag: whether it is several models of a kind, fitted on folds.
        is_ours: whether it is this package's.
    """

    title: str
    module: str
    environment: str | None
    packages: tuple[str, ...]
    is_bag: bool = False
    is_ours: bool = False


def _peer(title: str, package: str, is_bag: bool = False) -> Method:
    module = "scikit_learn" if package == "scikit-learn" else "boosting"
    return Method(title, module, "trees", (package,), is_bag)


def _pytabkit(title: str, is_bag: bool = False) -> Method:
    return Method(title, "pytabkit_networks", "pytabkit", ("pytabkit", "torch"), is_bag)


def _ours(title: str, is_bag: bool = False) -> Method:
    return Method(title, "multilayer_estimators", None, ("torch", "numpy"), is_bag, is_ours=True)


METHODS = {
    "fast": _ours("multilayer, fast"),
    "default": _ours("multilayer, default"),
    "best": _ours("multilayer, best", is_bag=True),
    "pack": _ours("multilayer, pack", is_bag=True),
    "pack-1m": _ours("multilayer, within 1 minute", is_bag=True),
    "pack-5m": _ours("multilayer, within 5 minutes", is_bag=True),
    "pack-15m": _ours("multilayer, within 15 minutes", is_bag=True),
    "mlp-raw": _peer("scikit-learn MLP, raw columns", "scikit-learn"),
    "mlp": _peer("scikit-learn MLP, scaled and one-hot", "scikit-learn"),
    "hist-boosting": _peer("HistGradientBoosting", "scikit-learn"),
    "lightgbm": _peer("LightGBM", "lightgbm"),
    "xgboost": _peer("XGBoost", "xgboost-cpu"),
    "catboost": _peer("CatBoost", "catboost"),
    "realmlp": _pytabkit("RealMLP-TD"),
    "tabm": _pytabkit("TabM"),
    "lightgbm-eight": _peer("LightGBM, eight", "lightgbm", is_bag=True),
    "xgboost-eight": _peer("XGBoost, eight", "xgboost-cpu", is_bag=True),
    "catboost-eight": _peer("CatBoost, eight", "catboost", is_bag=True),
    "realmlp-eight": _pytabkit("RealMLP-TD, eight", is_bag=True),
}


def python_for(method: Method) -> Path:
    """The interpreter that a method runs in."""
    return Path(sys.executable) if method.environment is None else python_of(method.environment)


@cache
def versions(name: str, sources: str = "") -> dict[str, str]:
    """What decides a method's answers: versions, and of this package the code itself.

    Args:
        name: of the method, in `METHODS`.
        sources: digest of this package's code at an earlier measurement, for all methods or as
            METHOD=DIGEST with commas between; "": as it is now.
    """
    method = METHODS[name]
    ask = (
        "import json, platform, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}"
        " | {'Python': platform.python_version()}))"
    )
    command = [python_for(method), "-c", ask, *method.packages]
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, env=clean_environment()
    )
    found: dict[str, str] = json.loads(answer.stdout)
    if not method.is_ours:
        return found
    of_methods = dict(entry.rpartition("=")[::2] for entry in sources.split(","))
    return {"multilayer": of_methods.get(name, of_methods.get("")) or source_digest(), **found}


@cache
def source_digest() -> str:
    """Eight digits that change whenever code that takes part in fitting a table changes."""
    digest = hashlib.sha256()
    for room in ROOMS_OF_A_FIT:
        paths = sorted((SOURCE / room).rglob("*.py"))
        if not paths:
            raise FileNotFoundError(f"{SOURCE / room} has no code; a room was renamed")
        for path in paths:
            digest.update(path.relative_to(SOURCE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:8]
