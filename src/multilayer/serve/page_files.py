"""The files of a page."""

from collections.abc import Mapping
from pathlib import Path

from multilayer.serve.refusals import RefusalError

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFiles:
    """Pages, scripts, styles and icons of a folder, which are read once.

    Args:
        folder: all files of it that a browser knows how to use; no folder within it.
        others: files from elsewhere, by the names that they have here.
    """

    def __init__(self, folder: Path, others: Mapping[str, Path]) -> None:
        own = {path.name: path for path in folder.iterdir() if path.suffix in _TYPES}
        self._paths = {**own, **others}
        self._contents: dict[str, bytes] = {}

    def content(self, name: str) -> tuple[bytes, str]:
        """Content and type of a file.

        Raises:
            RefusalError: there is no such file.
        """
        if name not in self._paths:
            raise RefusalError(404, f"there is no file {name[:60]!r}")
        path = self._paths[name]
        if name not in self._contents:
            self._contents[name] = path.read_bytes()
        return self._contents[name], _TYPES[path.suffix]
