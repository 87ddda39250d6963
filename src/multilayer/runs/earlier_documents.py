"""Upgrade the JSON files of run folders of earlier versions to the current format.

Documents without a `format_version` have format 1, in which runs on images and on tables used
different keys; keys that format 1 lacked stay missing. The documents are untrusted: types of
values are validated afterwards, and not relied on here.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from multilayer.engine.settings import settings_of_earlier

FORMAT_VERSION = 2

_SCORES_OF_IMAGES = (("accuracy", "test_accuracy"), ("log loss", "test_loss"))


def version_of(document: Mapping[str, Any]) -> int:
    """The format version of a document.

    Raises:
        ValueError: it is not a number from 1, or later than this library knows.
    """
    version = document.get("format_version", 1)
    if type(version) is not int or version < 1:
        raise ValueError(f"format_version must be a whole number from 1; it is {version!r}")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"its format_version {version} is of a later version of multilayer; this one reads up "
            f"to {FORMAT_VERSION}"
        )
    return version


def upgraded_settings(document: dict[str, Any]) -> dict[str, Any]:
    """The content of a settings.json in the current format.

    Raises:
        ValueError: it has a later format.
    """
    if isinstance(document.get("settings"), dict):
        document = {**document, "settings": settings_of_earlier(document["settings"])}
    if version_of(document) == FORMAT_VERSION:
        return document
    data, settings = document.get("data"), document.get("settings")
    if not isinstance(data, dict):
        return {"format_version": FORMAT_VERSION, **document}
    known = settings if isinstance(settings, dict) else {}
    upgraded = _table_data(data, known) if "roles" in data else _image_data(data, known)
    return {"format_version": FORMAT_VERSION, **document, "data": upgraded}


def upgraded_results(document: dict[str, Any], num_members: int) -> dict[str, Any]:
    """The content of a results.json in the current format.

    Args:
        document: the parsed file.
        num_members: from the run's settings.

    Raises:
        ValueError: it has a later format.
    """
    if version_of(document) == FORMAT_VERSION:
        return document
    upgraded = {"format_version": FORMAT_VERSION, **document}
    if any(key in document for key in ("num_members", "validation")):  # of a table
        return {"num_diverged": 0, "test": [], **upgraded}
    scores = []
    for name, key in _SCORES_OF_IMAGES:
        value, interval = document.get(key), document.get(f"{key}_interval")
        low, high = interval if isinstance(interval, list) and len(interval) == 2 else (None, None)
        if value is not None:
            scores.append({"name": name, "value": value, "low": low, "high": high})
    num_diverged, num_parameters = document.get("num_diverged", 0), document.get("num_parameters")
    if type(num_parameters) is int:  # of all networks together
        upgraded["num_parameters"] = num_parameters // max(num_members, 1)
    if type(num_diverged) is int:
        upgraded["num_members"] = max(num_members - num_diverged, 0)
    return {"num_diverged": 0, "validation": [], "test": scores, **upgraded}


def _table_data(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    if data.get("validation") is not None:
        origin = "file"
    elif settings.get("num_folds"):
        origin = "folds"
    else:
        origin = "split" if settings.get("validation_fraction") else "none"
    # The first versions did not record the file of validation rows.
    more = {"kind": "table", "validation_from": origin, "validation": None}
    return {"name": PurePath(str(data.get("load"))).name.partition(".")[0] or "table"} | more | data


def _image_data(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    is_split = bool(settings.get("validation_fraction"))
    upgraded: dict[str, Any] = {
        "kind": "images",
        "name": str(data.get("load")),
        "task": "multiclass",
        "validation": None,
        **data,
        "validation_from": "split" if is_split else "test",
    }
    upgraded.pop("validation_rows", None)  # a sentence
    counts = [data.get("num_train_rows"), data.get("num_validation_rows") if is_split else 0]
    if all(type(count) is int for count in counts):
        upgraded["num_rows"] = sum(counts)
    return upgraded
