"""Encoded rows of rank 0 for the others: on the same disk, or copied to theirs.

Ranks that see rank 0's files read these. Of other machines one rank receives a copy of the rows
over the network and writes it to the machine's own disk, where all its ranks read them.
"""

import json
import secrets
import shutil
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import platformdirs

from multilayer.encoding.encoded_map import EncodedRows, RowFile, RowFiles
from multilayer.engine.distributed import Ranks
from multilayer.engine.rank_messages import exchange_bytes, receive, send
from multilayer.errors import OutputError, reason_of
from multilayer.files import replace_atomically, write_text
from multilayer.folder_lock import RunLock

_BYTES_AT_ONCE = 1 << 24
_COMPLETE = "copy.json"
_Rows = RowFile | RowFiles


class RankRows:
    """The rows of rank 0 as this rank reads them.

    Attributes:
        rows: on this rank's disk.
        copy: the folder of a copy that this rank has made; None: it reads others' files.
    """

    def __init__(self, rows: EncodedRows, copy: Path | None = None, lock: RunLock | None = None):
        self.rows, self.copy, self._lock = rows, copy, lock

    def close(self, *, is_finished: bool) -> None:
        """Remove the copy, or keep it for a run that is to go on."""
        if self.copy is not None and is_finished:
            shutil.rmtree(self.copy, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()

    @classmethod
    def shared(cls, ranks: Ranks, rows: EncodedRows | None = None) -> Self:
        """Share rows; called on all ranks at once.

        Args:
            ranks: who takes part.
            rows: in rank 0, its rows; None in the others.

        Raises:
            OutputError: a copy cannot be written.
            TableError: rank 0 cannot read its rows.
            DistributedError: a rank has ended or cannot be reached.
        """
        if rows is None:
            document, _ = receive(ranks)
            return cls._received(ranks, document)
        token = _parts(rows.inputs)[0].path.parent / f".rank-0-{secrets.token_hex(8)}"
        try:
            write_text(token, token.name)
            send(ranks, {"rows": _described(rows), "token": str(token)}, {})
            answers = ranks.texts("sees")
        finally:
            token.unlink(missing_ok=True)
        if "blind" in answers:
            ranks.texts("")  # they see which of them are on one disk
            if "copies" in ranks.texts(""):
                _exchange_rows(ranks, rows, None)
        ranks.texts("")  # all have all
        return cls(rows)

    @classmethod
    def _received(cls, ranks: Ranks, document: dict[str, Any]) -> Self:
        files = [file and _file_of(file) for file in document["rows"]["files"]]
        token, there = Path(document["token"]), document["rows"]
        sees = _holds(token, token.name)
        answers = ranks.texts("sees" if sees else "blind")
        result = None if not sees else cls(_rows(there, files))
        if "blind" in answers:
            result = cls._with_copies(ranks, there, files, token.name, result)
        ranks.texts("")
        assert result is not None
        return result

    @classmethod
    def _with_copies(
        cls,
        ranks: Ranks,
        there: dict[str, Any],
        files: list[_Rows | None],
        token: str,
        result: Self | None,
    ) -> Self:
        """Take part while copies are made; the rows of this rank."""
        cache = platformdirs.user_cache_path("multilayer") / "encoded-tables"
        folder = cache / f"copy-{there['fingerprint'].split()[-1][:20]}"
        own = [
            None if file is None else RowFile(folder / f"{name}.bin", file.dtype, file.row_shape)
            for name, file in zip(("inputs", "targets", "weights"), files, strict=True)
        ]
        with ExitStack() as stack:
            if result is None:
                _make_folder(folder)
                mine = folder / f".{token}-{ranks.rank}"
                write_text(mine, token)
                stack.callback(mine.unlink, missing_ok=True)
            ranks.texts("")
            lowest, lock = ranks.rank, None
            if result is None:
                lowest = min(
                    rank for rank in range(ranks.size) if _holds(folder / f".{token}-{rank}", token)
                )
            is_copier = result is None and lowest == ranks.rank
            if is_copier:
                lock = RunLock(folder)
            copies = is_copier and not _is_complete(folder, there, own)
            if "copies" in ranks.texts("copies" if copies else ""):
                _exchange_rows(ranks, _rows(there, own), own if copies else [None] * len(own))
            if copies:
                checksums = _checksums(there, own)
                write_text(folder / _COMPLETE, json.dumps({**there, "checksums": checksums}))
        if result is not None:
            return result
        return cls(_rows(there, own), folder if is_copier else None, lock)


def _described(rows: EncodedRows) -> dict[str, Any]:
    return {
        "num_rows": rows.num_rows,
        "fingerprint": rows.fingerprint,
        "files": [
            file
            and {
                "places": [[str(one.path.absolute()), one.first_byte] for one in _parts(file)],
                "counts": list(file.counts) if isinstance(file, RowFiles) else None,
                "dtype": file.dtype,
                "shape": list(file.row_shape),
            }
            for file in rows.files
        ],
    }


def _parts(file: _Rows) -> tuple[RowFile, ...]:
    return file.files if isinstance(file, RowFiles) else (file,)


def _file_of(described: dict[str, Any]) -> _Rows:
    parts = tuple(
        RowFile(Path(path), described["dtype"], (*described["shape"],), first_byte)
        for path, first_byte in described["places"]
    )
    counts = described["counts"]
    return parts[0] if counts is None else RowFiles(parts, tuple(counts))


def _rows(there: dict[str, Any], files: Sequence[_Rows | None]) -> EncodedRows:
    inputs, targets, weights = files
    assert inputs is not None
    assert targets is not None
    return EncodedRows(there["num_rows"], inputs, targets, weights, there["fingerprint"])


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text() == text
    except (OSError, UnicodeDecodeError):
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {reason_of(error)}") from error


def _checksums(there: dict[str, Any], files: list[RowFile | None]) -> list[int]:
    return [
        _checksum(file.path, there["num_rows"] * file.row_bytes)
        for file in files
        if file is not None
    ]


def _checksum(path: Path, num_bytes: int) -> int:
    """CRC-32 of a file's first bytes."""
    checksum = 0
    with path.open("rb", buffering=0) as file:
        while num_bytes and (content := file.read(min(num_bytes, _BYTES_AT_ONCE))):
            checksum, num_bytes = zlib.crc32(content, checksum), num_bytes - len(content)
    return checksum


def _is_complete(folder: Path, there: dict[str, Any], files: list[RowFile | None]) -> bool:
    """Whether an earlier run left a whole copy."""
    try:
        found = json.loads((folder / _COMPLETE).read_text())
        if {**there, "checksums": _checksums(there, files)} == found:
            return True
        (folder / _COMPLETE).unlink()
    except (OSError, ValueError):
        pass
    return False


def _exchange_rows(ranks: Ranks, rows: EncodedRows, written: list[RowFile | None] | None) -> None:
    """Bring rank 0's rows over the network, and write them.

    Args:
        ranks: all take part in the exchange.
        rows: their sizes; in rank 0 they are read.
        written: the files to write; those that are None are received and dropped. None: rank 0.
    """
    for number, file in enumerate(rows.files):
        if file is None:
            continue
        target = None if written is None else written[number]
        at_once = max(1, _BYTES_AT_ONCE // max(1, file.row_bytes))
        memory = file.empty(min(at_once, rows.num_rows))
        with nullcontext() if target is None else replace_atomically(target.path) as output:
            for start in range(0, rows.num_rows, at_once):
                numbers = range(start, min(start + at_once, rows.num_rows))
                piece = memory[: len(numbers)]
                if written is None:
                    file.read([numbers], piece)
                content = piece.reshape(-1).view(np.uint8)
                exchange_bytes(ranks, content)
                if output is not None:
                    output.write(content.data)
