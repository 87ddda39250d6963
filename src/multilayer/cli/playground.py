"""`multilayer playground`."""

import os
import sys
import threading
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from multilayer.cli.argument_types import as_whole
from multilayer.cli.terminal import note, say
from multilayer.errors import MissingExtraError, SettingsError
from multilayer.runs.before_torch import begin_loading, require_pytorch

_HOST = "127.0.0.1"
_SECONDS_ALONE = 3.0


def playground(
    start: str | None = None,
    /,
    *,
    port: Annotated[int, as_whole] = 0,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    language: Literal["en", "ru"] | None = None,
) -> int:
    """Open a page on which networks learn while you watch.

    The page is this machine's alone; its address holds a token. Ctrl-C ends it.

    Args:
        start: a playground's link, whose settings the page begins with, or a CSV file to learn
            from.
        port: to listen at; 0 for any that is free.
        browser: open the page in a browser; its address is printed in any case.
        language: of the page, en or ru; by default the browser's.
    """
    if not 0 <= port <= 65535:
        raise SettingsError(f"port must be from 0 to 65535; it is {port}")
    for package in ("starlette", "uvicorn", "httptools", "websockets"):
        if find_spec(package) is None:
            raise MissingExtraError("multilayer playground", package, "serve")
    require_pytorch()
    from multilayer.serve.listening import address_of, listening_socket

    first, table = _first(start)
    listening = listening_socket(_HOST, port)
    token = token_urlsafe(24)
    address = f"{address_of(listening, _HOST)}/{token}/"
    say(f"playground at {address}\nCtrl-C ends it", flush=True)
    if browser and not has_display():
        note("there is no display to open a browser on; open the address yourself")
    elif browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    from multilayer.playground.application import Playground
    from multilayer.playground.server import PlaygroundServer

    # While PyTorch's libraries are loaded no page is answered. The first page loads it once its
    # points are drawn; before, only where nobody comes for a while.
    loading = threading.Timer(_SECONDS_ALONE, begin_loading, ("multilayer.playground.live",))
    loading.daemon = True
    loading.start()
    pages = Playground(token, listening.getsockname()[1], {**first, "language": language}, table)
    PlaygroundServer(pages).serve_on(listening)
    return 0


def has_display() -> bool:
    """Whether a browser can open a window, rather than take over the terminal."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _first(start: str | None) -> tuple[dict[str, Any], Path | None]:
    """What the page begins with, and the table that it learns from.

    Raises:
        SettingsError: the link is wrong.
        TableError: the table cannot be read.
    """
    if not start:
        return {"query": "", "table": None}, None
    from multilayer.playground.setup import Setup

    if "=" in start and not Path(start).exists():
        return {"query": Setup.from_query(query_of(start)).query(), "table": None}, None
    from multilayer.reading.table import read_table

    path = Path(start).absolute()
    columns = list(read_table(path, as_text=True).columns)
    return {"query": Setup(problem="table").query(), "table": [path.name, columns]}, path


def query_of(link: str) -> str:
    """The settings in a link: what stands behind its # or its ?, or all of it."""
    for mark in "#?":
        if mark in link:
            return link.partition(mark)[2]
    return link
