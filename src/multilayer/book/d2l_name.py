"""The book's own line of import, for whoever asks for it."""

import importlib
import importlib.util
import sys
from types import ModuleType

from multilayer.errors import SettingsError


def provide_d2l() -> None:
    """Make `from d2l import torch as d2l` work in this process, with the names of this package.

        import multilayer.book
        multilayer.book.provide_d2l()
        from d2l import torch as d2l

    Nothing is installed: a module `d2l` is there from this call to the end of the process, and
    `d2l.torch` in it is `multilayer`. A second call changes nothing.

    Raises:
        SettingsError: the book's own package `d2l` is installed, which would be hidden.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.provide_d2l()
        >>> from d2l import torch as same
        >>> same is d2l
        True
    """
    package = importlib.import_module("multilayer")
    present = sys.modules.get("d2l")
    if present is not None and getattr(present, "torch", None) is package:
        return
    if present is not None or importlib.util.find_spec("d2l") is not None:
        raise SettingsError(
            "a package d2l is installed here already; write import multilayer as d2l, or "
            "uninstall it"
        )
    stand_in = ModuleType("d2l", "Made by multilayer.book.provide_d2l.")
    stand_in.torch = package  # type: ignore[attr-defined]
    stand_in.__path__ = []  # a package, so that `import d2l.torch` is looked up too
    sys.modules["d2l"] = stand_in
    sys.modules["d2l.torch"] = package
