"""Arguments that a command has no place for, such as the files of a pattern without quotes."""

import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from multilayer.cli.terminal import listed

_MOST_NAMED = 3
_WITHOUT_TABLE = ("export", "bench", "verify", "points")
_PICTURES = (".png", ".jpg", ".jpeg")


def too_many(command: str, left: Sequence[str]) -> str:
    """What is wrong with arguments that are left over, in a line.

    Args:
        command: such as "train".
        left: what it has no place for; not empty.
    """
    files = [argument for argument in left if os.path.exists(argument)]  # noqa: PTH110 (any text)
    if not files or command in _WITHOUT_TABLE:
        more = f" and {len(left) - _MOST_NAMED:,} more" if len(left) > _MOST_NAMED else ""
        return (
            f"{'an argument' if len(left) == 1 else 'arguments'} too many for multilayer "
            f"{command}: {listed(map(repr, left[:_MOST_NAMED]))}{more}"
        )
    given = repr(files[0]) + (f" and {len(files) - 1:,} more" if len(files) > 1 else "")
    return (
        f"multilayer {command} takes one file, folder or pattern, and {given} came on top: "
        f"{_instead(files)}"
    )


def too_many_files(command: str, settings: Sequence[str]) -> str | None:
    """`too_many` where settings are expected; None where no file is among them."""
    files = [one for one in settings if "=" not in one and Path(one).suffix and is_file(one)]
    return too_many(command, files) if files else None


def is_file(argument: str) -> bool:
    """Whether a file has this name, whatever the name is."""
    return os.path.isfile(argument)  # noqa: PTH113 (any text)


def _instead(files: Sequence[str]) -> str:
    folders = {str(Path(file).parent) for file in files}
    suffixes = {Path(file).suffix for file in files}
    if suffixes & {*_PICTURES} or len(folders) > 1:
        return "name their folder"
    [folder], suffix = folders, min(suffixes)
    pattern = str(Path(folder) / f"*{suffix}") if len(suffixes) == 1 else str(Path(folder) / "*")
    quoted = quote(pattern) if quote(pattern) != pattern else f"'{pattern}'"
    return (
        f"many files are one table as a pattern in quotes, {quoted}, which the shell then leaves "
        "alone, or as their folder"
    )
