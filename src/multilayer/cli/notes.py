"""Warnings of the package as notes on the standard error."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from multilayer.cli.terminal import note
from multilayer.errors import DataWarning


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print each `DataWarning` as a note, once; all other warnings go their usual way."""
    printed: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        show = warnings.showwarning

        def show_as_note(
            message: Warning | str, category: type[Warning], *arguments: Any, **options: Any
        ) -> None:
            if not issubclass(category, DataWarning):
                show(message, category, *arguments, **options)
            elif str(message) not in printed:
                printed.add(str(message))
                note(" ".join(str(message).split()))

        warnings.showwarning = show_as_note
        yield
