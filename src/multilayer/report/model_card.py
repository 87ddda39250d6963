"""A model card for the Hugging Face Hub: README.md with a header of YAML, from a run folder."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from multilayer.columns.schema import INPUT_KINDS
from multilayer.errors import OutputError, escaped
from multilayer.files import check_is_no_link, write_text
from multilayer.report import facts
from multilayer.runs.repeat_command import repeat_command
from multilayer.runs.run_documents import read_results, read_settings
from multilayer.runs.run_folder import model_path

FILE_NAME = "README.md"
_MARK = "<!-- Written by `multilayer report --card`; what it does not know is marked TO DO. -->"
_KINDS = {"regression": "tabular-regression"}
# The Hub's names of scores, where it has one.
_METRICS = {
    "accuracy": "accuracy", "balanced accuracy": "balanced_accuracy", "ROC AUC": "roc_auc",
    "RMSE": "rmse", "MAE": "mae", "R²": "r_squared", "log loss": "log_loss",
}  # fmt: skip


def write_card(run: str | Path, output: str | Path | None = None) -> Path:
    """Write a model card of a finished run.

    Args:
        run: the folder.
        output: the file; None: README.md in the run folder.

    Returns:
        The file. One that is there is replaced only if it is a card.

    Raises:
        RunFolderError: the run is not finished, or its settings are damaged.
        OutputError: the file cannot be written, or something else is there.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, Run, RunConfiguration
        >>> configuration = RunConfiguration(
        ...     "surface.csv", ColumnRoles(("y",)), "fast", {"max_epochs": 3}, output="runs/surface"
        ... )
        >>> run = Run(configuration)
        >>> num_epochs = sum(1 for epoch in run.epochs())
        >>> results = run.finish()
        >>> from multilayer import write_card
        >>> write_card("runs/surface").name
        'README.md'
    """
    model_path(run)  # raises without a model
    path = Path(run) / FILE_NAME if output is None else Path(output)
    check_is_no_link(path)
    if path.is_file() and _MARK.encode() not in path.read_bytes():
        raise OutputError(
            f"{path} is there and is no card of ours; name another file (--output), or remove it"
        )
    text = model_card(Path(run).resolve().name, read_settings(run), read_results(run))
    write_text(path, text)
    return path


def model_card(name: str, description: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """The text of a card.

    Args:
        name: of the model.
        description: the content of settings.json.
        results: the content of results.json.
    """
    return f"---\n{_header(name, description, results)}---\n\n" + "\n".join(
        _body(name, description, results)
    )


def _header(name: str, description: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    data = description["data"]
    kind = _kind(data)
    document = {
        "library_name": "multilayer",
        "pipeline_tag": kind,
        "tags": ["multilayer", "mlp", kind.partition("-")[0]],
        "model-index": [
            {
                "name": name,
                "results": [
                    {
                        "task": {"type": kind},
                        "dataset": {"type": kind.partition("-")[0], "name": _data_name(data)},
                        "metrics": _metrics(results),
                    }
                ],
            }
        ],
    }
    if not _metrics(results):
        del document["model-index"]
    # Values of JSON are values of YAML, whatever a name holds.
    return "".join(f"{key}: {_as_yaml(value)}\n" for key, value in document.items())


def _as_yaml(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) or _needs_quotes(value) else value


def _needs_quotes(text: str) -> bool:
    return re.fullmatch(r"[a-z][a-z-]*", text) is None


def _kind(data: Mapping[str, Any]) -> str:
    """The Hub's name of the task."""
    if data["kind"] != "table":
        return "image-classification"
    return _KINDS.get(data["task"], "tabular-classification")


def _data_name(data: Mapping[str, Any]) -> str:
    """Without the folders of a path, which tell of the machine."""
    return str(data.get("name") or Path(str(data["load"])).name)


def _scores(results: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """What rows each score is of, and the score."""
    return [
        (rows, score)
        for rows, key in (("test rows", "test"), ("held-out rows", "validation"))
        for score in results.get(key, ())
        if score["value"] is not None
    ]


def _metrics(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "type": _METRICS.get(score["name"], score["name"].lower().replace(" ", "_")),
            "name": f"{score['name']} on {rows}",
            "value": score["value"],
        }
        for rows, score in _scores(results)
    ]


def _body(name: str, description: Mapping[str, Any], results: Mapping[str, Any]) -> Iterator[str]:
    data = description["data"]
    is_table = data["kind"] == "table"
    yield from (_MARK, "", f"# {_plain(name)}", "", _summary(data), "")
    yield from ("TO DO: what it is for, what it is not for, who made it, and its license.", "")
    yield from ("## Use", "", "```python", "from multilayer import load_predictor", "")
    yield 'model = load_predictor("model.safetensors")  # pip install multilayer'
    yield f"model.predict({'rows' if is_table else 'images'})"
    yield from ("```", "")
    columns = [c for c in (data.get("schema") or {}).get("columns", ()) if is_table]
    inputs = [one for one in columns if one["kind"] in INPUT_KINDS]
    if inputs:
        yield from ("## Columns", "")
        yield from _table(["column", "kind"], [[one["name"], one["kind"]] for one in inputs])
    scores = _scores(results)
    if scores:
        yield from ("## Evaluation", "")
        rows = [[score["name"], of, *_figures(score)] for of, score in scores]
        yield from _table(["score", "of", "value", "95% interval", "best constant answer"], rows)
    yield from ("## Training", "")
    shown = {
        key: value
        for key, value in facts.facts({**description, "data": _portable(data)}, results).items()
        if key not in ("columns", "time")
    }
    yield from _table(["", ""], [[key, value] for key, value in shown.items()])
    yield from ("```sh", repeat_command({**description, "data": _portable(data)}), "```", "")
    versions = facts.conditions(results)
    yield "Made with " + ", ".join(f"{_plain(one)} {_plain(versions[one])}" for one in versions)
    yield f"and described by multilayer {version('multilayer')}."
    yield ""


def _portable(data: Mapping[str, Any]) -> dict[str, Any]:
    """The description of the data without the folders of its files."""
    changed = {
        key: Path(data[key]).name if Path(str(data[key])).is_absolute() else data[key]
        for key in ("load", "validation")
        if data.get(key)
    }
    return {**data, **changed}


def _summary(data: Mapping[str, Any]) -> str:
    what = f"A multilayer perceptron trained on {_plain(_data_name(data))}"
    if data["kind"] != "table":
        height, width = data["image_shape"]
        return f"{what} that labels images of {height} × {width} pixels."
    targets = ", ".join(map(_plain, data["roles"]["target"]))
    return f"{what} that predicts {targets} ({data['task']}) from the columns of a table."


def _figures(score: Mapping[str, Any]) -> list[str]:
    low, high, baseline = (score.get(key) for key in ("low", "high", "baseline"))
    interval = "" if low is None or high is None else f"{low:.4g} to {high:.4g}"
    return [f"{score['value']:.4g}", interval, "" if baseline is None else f"{baseline:.4g}"]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(headers)
    yield _row(["---"] * len(headers), is_plain=True)
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str], *, is_plain: bool = False) -> str:
    return f"| {' | '.join(cells if is_plain else map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    line = " ".join(escaped(text).split())
    return re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", line)
