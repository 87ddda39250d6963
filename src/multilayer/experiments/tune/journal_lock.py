"""Who writes into a journal: one process at a time.

Optuna's own locks are files that a killed process leaves behind, and others wait half a minute for.
"""

import os
from pathlib import Path

from multilayer.descriptors import lock, open_file
from multilayer.growing_files import open_to_go_on
from multilayer.ordinary_files import whole_lines


class JournalLock:
    """Held from `acquire` to `release`, or to the process's end: the operating system keeps it.

    Args:
        path: the journal, on which the lock lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Wait until nobody else writes; True."""
        descriptor = open_file(self._path, os.O_RDWR | os.O_CREAT, follow=False, wait=False)
        try:
            lock(descriptor, wait=True)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let others write."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def mend(self) -> None:
        """Cut off a last line that a kill or a power cut has torn, or none could be read.

        Raises:
            OutputError: it cannot be written.
            OSError: it is no ordinary file, or it or a line is larger than a study's.
        """
        self.acquire()
        try:
            lines = whole_lines(self._path)
            whole = sum(len(line.encode()) + 1 for line in lines)
            if whole < self._path.stat().st_size:
                open_to_go_on(self._path, whole).close()
        finally:
            self.release()
