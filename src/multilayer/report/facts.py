"""What was trained on what, how it went and where, in words; from the JSON of a run folder."""

from collections.abc import Mapping, Sequence
from typing import Any

from multilayer.columns.schema import INPUT_KINDS
from multilayer.drawing.html.chart import Bar, BarTable

_MOST_NAMES = 20
_STATUS = {
    "finished": "Finished.",
    "interrupted": "Interrupted before its last epoch.",
    "diverged": "Diverged: the loss was no longer a finite number.",
}
_VALIDATION = {
    "split": "held out from the training rows",
    "folds": "held out in turn by the networks of the folds",
    "file": "from a file of their own",
    "test": "the test rows, as in the book",
    "none": "none",
}


def status(results: Mapping[str, Any]) -> str:
    """How the run ended, as a sentence."""
    name = results.get("status")
    return _STATUS.get(str(name), "Not finished: it was stopped from outside, or is still running.")


def facts(description: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, str]:
    """What was trained on what, by name."""
    data, settings = description["data"], description["settings"]
    pack = results.get("pack") or {}
    of_first = " in the first draw" if settings.get("num_draws") else ""
    shown = {
        "data": f"{data['name']}, from {data['source']}" if data.get("source") else data["load"],
        "target": _target(data),
        "rows with a target": _count(data.get("num_rows")),
        "rows without one": _count(data.get("num_rows_without_target") or None),
        "training rows": _count(data.get("num_train_rows")),
        "validation rows": _validation(data),
        "test rows": _count(data.get("num_test_rows")),
        "pictures": _joined(data.get("image_shape"), " × ", " pixels"),
        "classes": _names(data.get("class_names")),
        "columns": _columns(data, are_inputs=True),
        "columns not used": _columns(data, are_inputs=False),
        "hidden layers": (
            _joined(settings.get("hidden_widths"), ", ", " neurons") or "none: a linear model"
        )
        + of_first,
        "networks": pack.get("num_networks")
        or results.get("num_members")
        or settings.get("num_members"),
        "parameters": _count(pack.get("num_parameters") or results.get("num_parameters")),
        "recipe": description.get("recipe"),
        "optimiser": _optimizer(settings) + of_first,
        "draws": _draws(pack),
        "epochs": _epochs(results, settings),
        "kept epochs": _kept(results, settings),
        "second network": _second(results, settings),
        "time": f"{results['train_seconds']:.1f} s" if "train_seconds" in results else None,
    }
    return {name: str(value) for name, value in shown.items() if value not in (None, "")}


def scores(results: Mapping[str, Any]) -> dict[str, str]:
    """Every score of test or held-out rows, with its interval where it has one."""
    shown = {}
    for rows, prefix in (("validation", ""), ("test", "test ")):
        for score in results.get(rows, ()):
            if score["value"] is None:
                continue
            text = f"{score['value']:.4g}"
            if score["low"] is not None and score["high"] is not None:
                text += f" (95% interval {score['low']:.4g} to {score['high']:.4g})"
            shown[prefix + score["name"]] = text
    return shown


def settings(description: Mapping[str, Any]) -> dict[str, str]:
    """Every setting by its name."""
    return {
        name.replace("_", " "): _joined(value, ", ") or "none"
        if isinstance(value, list)
        else _plain(value)
        for name, value in description["settings"].items()
    }


def conditions(results: Mapping[str, Any]) -> dict[str, str]:
    """Versions and threads."""
    shown = {str(name): str(value) for name, value in results.get("versions", {}).items()}
    if "num_threads" in results:
        shown["threads"] = str(results["num_threads"])
    return shown


def seconds(history: Sequence[Mapping[str, Any]], results: Mapping[str, Any]) -> BarTable | None:
    """Where the time went; None where nothing was timed."""
    parts = results.get("part_seconds")
    if not parts:
        parts = {"training": sum(line.get("seconds") or 0.0 for line in history)}
    whole = sum(parts.values())
    if not whole > 0:
        return None
    bars = [
        Bar(str(name), f"{value:.3g} s, {value / whole:.0%}", value / whole)
        for name, value in parts.items()
    ]
    return BarTable(f"{whole:.3g} s in all", ("part", "time"), bars)


def _optimizer(settings: Mapping[str, Any]) -> str:
    return (
        f"{settings.get('optimizer', '?')}, "
        f"learning rate {_plain(settings.get('learning_rate', '?'))}, "
        f"batches of {settings.get('batch_size', '?')}"
    )


def _draws(pack: Mapping[str, Any]) -> str | None:
    """How many draws of a pack were tried, and how many are in its mixture."""
    return f"{pack['num_draws']}, {len(pack['mixture'])} of them in the mixture" if pack else None


def _epochs(results: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    if "num_epochs" not in results:
        return None
    if settings.get("num_draws"):
        return f"{results['num_epochs']}, at most {settings.get('max_epochs')} of a draw"
    return f"{results['num_epochs']} of {settings.get('max_epochs')}"


def _kept(results: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """The epoch whose parameters each network holds, and by what it was chosen."""
    kept = [epoch for epoch in results.get("best_epochs") or () if epoch]
    if not kept:
        return None
    chosen_by = str(settings.get("selection")).replace("_", " ")
    return f"{_names(kept)}, the best by {chosen_by} of validation rows"


def _second(results: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """What the second network of a refit has learned from, if it was trained."""
    if not settings.get("refit") or results.get("num_members") != 2:
        return None
    return "learned from all rows, the validation rows too; scores are the first one's"


def _target(data: Mapping[str, Any]) -> str | None:
    if data["kind"] != "table":
        return None
    return f"{', '.join(map(str, data['roles']['target']))} ({data['task']})"


def _validation(data: Mapping[str, Any]) -> str | None:
    if data.get("validation"):
        return f"those of {data['validation']}"
    count = _count(data.get("num_validation_rows") or None)
    return f"{count}, {_VALIDATION[data['validation_from']]}" if count else None


def _columns(data: Mapping[str, Any], *, are_inputs: bool) -> str:
    columns = (data.get("schema") or {}).get("columns", [])
    return _names([c["name"] for c in columns if (c["kind"] in INPUT_KINDS) == are_inputs])


def _count(number: Any) -> str | None:
    return f"{number:,}" if isinstance(number, int) else None


def _plain(value: Any) -> str:
    """A setting with six digits at most: a third of 0.1 has seventeen."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _joined(values: Any, between: str, unit: str = "") -> str:
    return between.join(map(str, values)) + unit if values else ""


def _names(names: Any) -> str:
    if not names:
        return ""
    more = f", … ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(str, names[:_MOST_NAMES])) + more
