"""The files of a table that is a folder, or that a pattern such as data/*.csv names."""

import glob
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from multilayer.errors import DataWarning, TableError, reason_of
from multilayer.ordinary_files import natural_order
from multilayer.reading.byte_stream import STANDARD_INPUT

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_MOST_NAMES_SHOWN = 3
# Folders of formats whose own log says which of the files count.
_LOGS = {"_delta_log": "a Delta table", ".hoodie": "a Hudi table"}
_SHARDS = "shards.json"  # of `multilayer encode`


@dataclass(frozen=True)
class TableFile:
    """One of the files of a table.

    Attributes:
        path: of the file.
        name: its path within the table's folder, with /.
        values: of the columns that the names of folders give (key=value); None: missing.
        traits: tell that the file was changed or replaced, even with its size and time kept.
    """

    path: Path
    name: str
    values: tuple[tuple[str, str | None], ...]
    traits: tuple[int, ...]

    def require_unchanged(self) -> None:
        """Check that the file is still the one that was found.

        Raises:
            TableError: it is not.
        """
        try:
            is_same = _traits(self.path) == self.traits
        except OSError as error:
            raise TableError(
                f"cannot read {self.path}, which was there before: {reason_of(error)}"
            ) from error
        if not is_same:
            raise TableError(f"{self.path} was changed while it was read; start again")


@contextmanager
def unchanged(files: Sequence[TableFile]) -> Iterator[None]:
    """Check when the block ends, also with an error, that files are still those that were found.

    What is wrong with a file while another program writes it is of no use to anyone.

    Raises:
        TableError: a file was changed or removed.
    """
    try:
        yield
    except TableError:
        for file in files:
            file.require_unchanged()
        raise
    for file in files:
        file.require_unchanged()


def is_many_files(path: str | Path) -> bool:
    """Whether a path is a folder, or a pattern and no file of that name is there."""
    if str(path) == STANDARD_INPUT:
        return False
    try:
        text = os.path.expanduser(path)  # noqa: PTH111 (takes any name)
        return os.path.isdir(text) or (glob.has_magic(text) and not os.path.lexists(text))  # noqa: PTH112
    except (OSError, ValueError):
        return False


def table_name(path: str | Path) -> str:
    """A short name of a table: of its file or folder; of a pattern, that of its folder."""
    path = Path(path)
    if is_many_files(path):
        path = _root(str(path)) if glob.has_magic(str(path)) and not path.is_dir() else path
        return path.expanduser().absolute().name or "table"
    return path.name.partition(".")[0] or "table"


def find_table_files(path: str | Path) -> tuple[TableFile, ...]:
    """The files of a table in natural order of their paths: part-2 comes before part-10.

    Files and folders whose names begin with . or _ are left out with a `DataWarning`. Symbolic
    links are followed.

    Args:
        path: for which `is_many_files`.

    Raises:
        TableError: there is no file, a folder cannot be read or leads back to itself, two names
            are of one file, folders named key=value differ in their keys, or the folder is that of
            a format with a log of its own.
    """
    text = os.path.expanduser(path)  # noqa: PTH111
    root = Path(text) if os.path.isdir(text) else _root(text)  # noqa: PTH112
    hidden: list[str] = []
    if root == Path(text):
        paths = list(_files_under(root, hidden))
    else:
        keeps_hidden = Path(text).name.startswith((".", "_"))
        paths = []
        for one in map(Path, glob.iglob(text, recursive=True)):  # noqa: PTH207 (takes any pattern)
            if any(_is_hidden(part) for part in one.relative_to(root).parts) and not keeps_hidden:
                hidden.append(str(one.relative_to(root)))
            elif one.is_dir():
                # ** finds folders, and then what is in them
                paths += [] if "**" in text else _files_under(one, hidden)
            else:
                paths.append(one)
    if not paths:
        what = "is a folder without files" if root == Path(text) else "matches no file"
        more = f" but {listed(hidden)}, which begin with . or _" if hidden else ""
        raise TableError(f"{path} {what}{more}; a table needs at least one")
    if hidden:
        warnings.warn(
            f"{len(hidden):,} of the entries of {path} begin with . or _ and are left out: "
            f"{listed(hidden)}",
            DataWarning,
            stacklevel=2,
        )
    files = tuple(_table_file(one, root) for one in sorted(paths, key=natural_order))
    _require_distinct(files)
    _require_same_keys(files)
    return files


def _root(pattern: str) -> Path:
    """The folder in which a pattern searches."""
    parts = Path(pattern).parts
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])


def _files_under(folder: Path, hidden: list[str], above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """All files in a folder and the folders in it; names that begin with . or _ to `hidden`."""
    top = (*above, folder)[0]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        for one in above:
            if one.samefile(folder):
                raise TableError(f"{folder} is a link that leads back to {one}; remove it")
    except OSError as error:
        raise TableError(f"cannot read the folder {folder}: {reason_of(error)}") from error
    for entry in entries:
        if entry.name in _LOGS:
            raise TableError(
                f"{folder} is {_LOGS[entry.name]}, whose log says which of its files count; "
                "save the table as Parquet or CSV"
            )
        if entry.name == _SHARDS:
            raise TableError(
                f"{folder} holds encoded shards, not a table; `multilayer train {folder}` takes "
                "them as they are"
            )
    for entry in entries:
        path = folder / entry.name
        if _is_hidden(entry.name):
            hidden.append(str(path.relative_to(top)))
        elif path.is_dir():
            yield from _files_under(path, hidden, (*above, folder))
        else:
            yield path


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _table_file(path: Path, root: Path) -> TableFile:
    name = path.relative_to(root)
    values: list[tuple[str, str | None]] = []
    for part in name.parts[:-1]:
        key, separator, value = part.partition("=")
        if not separator or not key:
            continue
        if unquote(key) in dict(values):
            raise TableError(f"{path} lies in two folders that name {unquote(key)!r}")
        values.append((unquote(key), None if value == _NO_VALUE else unquote(value)))
    try:
        traits = _traits(path)
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error
    return TableFile(path, name.as_posix(), tuple(values), traits)


def _traits(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _require_distinct(files: tuple[TableFile, ...]) -> None:
    seen: dict[tuple[int, ...], TableFile] = {}
    for file in files:
        first = seen.setdefault(file.traits[:2], file)
        if first is not file:
            raise TableError(
                f"{first.path} and {file.path} are one file, whose rows would count twice; remove "
                "one of the links"
            )


def _require_same_keys(files: tuple[TableFile, ...]) -> None:
    first = files[0]
    for file in files:
        keys, others = ([key for key, _ in one.values] for one in (first, file))
        if keys != others:
            raise TableError(
                f"the folders of {first.path} name {_keys_in_words(keys)}, those of {file.path} "
                f"{_keys_in_words(others)}; all must name the same columns in one order"
            )


def _keys_in_words(keys: list[str]) -> str:
    return ", ".join(map(repr, keys)) or "no column (as key=value)"


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _MOST_NAMES_SHOWN
    return ", ".join(names[:_MOST_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def one_table_file(path: str | Path) -> TableFile:
    """The file of a table that is one.

    Raises:
        TableError: it is not there.
    """
    path = Path(path).expanduser()
    try:
        return TableFile(path, path.name, (), _traits(path))
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read {path}: {reason_of(error)}") from error


def traits_of_table(path: str | Path) -> tuple[tuple[object, ...], ...]:
    """What changes when a table's file, or any of its files, is changed, added or removed.

    Empty where it cannot be told; reading raises the error.
    """
    try:
        if not is_many_files(path):
            return (_traits(Path(path).expanduser()),)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            return tuple((file.name, *file.traits) for file in find_table_files(path))
    except (OSError, ValueError, TableError):
        return ()
