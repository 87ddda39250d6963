"""A disk that fails: stands in the place of `os` in the modules that read and write files.

It counts the operations that change or flush files and lets the n-th one fail in a given way, once
or from then on. It also keeps a journal, from which `after_power_loss` makes what may be found on
the disk after the power went: what was flushed is there, of the rest anything.
"""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

OPERATIONS = ("open", "write", "ftruncate", "chmod", "fsync", "close", "replace", "unlink")
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EACCES": errno.EACCES}
_FIRST_NUMBER = 1 << 60  # of files made here, unlike any that a disk gives
FAILURES = ("kill", *ERRORS, "short write")


class Killed(BaseException):
    """The process is no more: nothing that it does from here on has an effect."""


class FaultyDisk:
    """`os`, with a fault.

    Args:
        place: the operation that fails, from 1; 0 never.
        failure: one of `FAILURES`.
        lasts: it and all after it fail, in place of it alone.
    """

    def __init__(self, place: int = 0, failure: str = "kill", lasts: bool = False) -> None:
        self.place, self.failure, self.lasts = place, failure, lasts
        self.num_operations, self.is_dead = 0, False
        self.journal = Journal()

    def __getattr__(self, name: str):
        real = getattr(os, name)
        if name not in OPERATIONS:
            return real
        return lambda *arguments, **options: self._do(name, real, arguments, options)

    def _do(self, name: str, real: Callable, arguments: tuple, options: dict):
        if self.is_dead:
            raise Killed
        self.num_operations += 1
        is_first = self.num_operations == self.place
        if not (is_first or (self.lasts and 0 < self.place < self.num_operations)):
            return self.journal.done(name, real, arguments, options)
        if self.failure == "short write":
            if name == "write" and len(arguments[1]) > 1:
                arguments = (arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            return self.journal.done(name, real, arguments, options)
        if self.failure == "kill":
            if name == "write":  # some of it may have reached the file
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 3])
            self.is_dead = True
            raise Killed
        if name == "close":  # the descriptor is gone even so
            real(*arguments, **options)
        raise OSError(ERRORS[self.failure], os.strerror(ERRORS[self.failure]))


class Journal:
    """What was done to the disk, in order."""

    def __init__(self) -> None:
        self.events: list[tuple] = []
        self._open: dict[int, tuple[Path, int]] = {}  # path and number of the file, by descriptor
        self._numbers: dict[Path, int] = {}  # a disk may give a removed file's number again

    def done(self, name: str, real: Callable, arguments: tuple, options: dict):
        """Do an operation and write it down."""
        if name == "write":
            descriptor, data = arguments
            place = os.lseek(descriptor, 0, os.SEEK_CUR)
            length = real(descriptor, data)
            written = bytes(memoryview(data).cast("B")[:length])
            self.events.append(("write", self._open[descriptor][1], place, written))
            return length
        was_there = name == "open" and Path(arguments[0]).exists()
        result = real(*arguments, **options)
        if name == "open":
            path = Path(arguments[0]).absolute()
            if not was_there:
                self._numbers[path] = _FIRST_NUMBER + len(self.events)
                self.events.append(("create", self._numbers[path], path))
            self._open[result] = path, self._numbers.get(path, os.fstat(result).st_ino)
        elif name == "ftruncate":
            self.events.append(("truncate", self._open[arguments[0]][1], arguments[1]))
        elif name == "fsync":
            path, number = self._open[arguments[0]]
            self.events.append(("flush folder", path) if path.is_dir() else ("flush", number))
        elif name == "replace":
            source, target = (Path(path).absolute() for path in arguments)
            self._numbers[target] = self._numbers.pop(source)
            self.events.append(("replace", source, target))
        elif name == "unlink":
            path = Path(arguments[0]).absolute()
            self._numbers.pop(path, None)
            self.events.append(("unlink", path, path))
        return result


def contents(folder: Path) -> dict[Path, bytes]:
    """All files below a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def after_power_loss(
    before: dict[Path, tuple[int, bytes]], events: list[tuple], chance: random.Random
) -> dict[Path, bytes]:
    """Files as they may be found once the power is back.

    Args:
        before: number and content of each file, flushed, before the events.
        events: of a journal.
        chance: decides what becomes of what was not flushed.
    """
    data = {number: bytearray(content) for number, content in before.values()}
    names = {path: number for path, (number, _) in before.items()}
    pending: dict[int, list[tuple]] = {}  # changes of a file that were not flushed
    entries: list[tuple] = []  # changes of folders that were not flushed
    for event in events:
        kind = event[0]
        if kind in ("write", "truncate"):
            pending.setdefault(event[1], []).append(event)
        elif kind == "flush":
            for change in pending.pop(event[1], []):
                _apply(data.setdefault(event[1], bytearray()), change)
        elif kind == "flush folder":
            for change in [entry for entry in entries if entry[-1].parent == event[1]]:
                _rename(names, change)
                entries.remove(change)
        else:
            entries.append(event)
    for number, changes in pending.items():
        chance.shuffle(changes)  # written in any order
        for change in changes:
            fate = chance.choice(("lost", "torn", "whole", "zeros"))
            if fate == "torn" and change[0] == "write":
                change = (*change[:3], change[3][: chance.randrange(len(change[3]) + 1)])
            elif fate == "zeros" and change[0] == "write":
                change = (*change[:3], bytes(len(change[3])))
            if fate != "lost":
                _apply(data.setdefault(number, bytearray()), change)
    numbers = {path: number for _, number, path in entries if isinstance(number, int)}
    for change in entries:
        if chance.random() < 0.5:
            _rename({**numbers, **names}, change, names)
    return {path: bytes(data.get(number, b"")) for path, number in names.items()}


def _apply(content: bytearray, change: tuple) -> None:
    if change[0] == "truncate":
        del content[change[2] :]
        return
    _, _, place, written = change
    content.extend(bytes(max(0, place - len(content))))
    content[place : place + len(written)] = written


def _rename(known: dict[Path, int], change: tuple, names: dict[Path, int] | None = None) -> None:
    names = known if names is None else names
    if change[0] == "create":
        names[change[2]] = change[1]
    elif change[0] == "replace":
        if change[1] in known:
            names[change[2]] = known[change[1]]
        names.pop(change[1], None)
    else:
        names.pop(change[1], None)
