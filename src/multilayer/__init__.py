"""The multilayer perceptron, done completely.

`import multilayer as d2l` runs the printed code of "Dive into Deep Learning", chapters 3 to 5; the
names that it uses are listed in `multilayer.book.__all__`, and those of the tool in `__all__` here.
Every name is loaded when it is first used, so that importing this costs next to nothing.
"""

import os as _os
from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.2.0"

# Rounds for which a thread of PyTorch waits for the others before it lets other work have its core;
# about a tenth of a millisecond, longer than the threads of one product are apart. GNU's OpenMP
# waits 300,000 rounds unless it is told when PyTorch is loaded, so that beside other work a step
# takes ten times as long.
_WAITING_ROUNDS = "2000"
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & _os.environ.keys():
    _os.environ["GOMP_SPINCOUNT"] = _WAITING_ROUNDS


def _modules_of_names() -> dict[str, str]:
    """Which module holds each name of the tool, from the stub that type checkers read too."""
    lines = __spec__.loader.get_data(f"{__file__}i").decode().splitlines()
    words = [line.split() for line in lines if line.startswith("from ") and " as " in line]
    return {name: module for _, module, _, name, *_ in words}


_MODULES = _modules_of_names()
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> _Any:
    try:
        return _found(name)
    except ModuleNotFoundError as error:
        from multilayer.errors import MissingPackageError, package_left_out

        package = package_left_out(error)
        if package is None:
            raise
        raise MissingPackageError(f"{__name__}.{name}", package) from error


def _found(name: str) -> _Any:
    if name in _MODULES:
        module = _MODULES[name]
        if module == __name__:
            return _import_module(f"{__name__}.{name}")
        return getattr(_import_module(module), name)
    if name.startswith("_"):  # asked by the import system and notebooks, no name of ours
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    book = _import_module(f"{__name__}.book")
    if name in book.__all__:
        return getattr(book, name)
    from multilayer.book.earlier_edition import PAGES, REPLACED
    from multilayer.book.other_chapters import OTHER_CHAPTERS
    from multilayer.errors import did_you_mean

    if name in REPLACED:
        replacement, section = REPLACED[name]
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}: the book's edition of 2021 defines "
            f"it, today's has {replacement} in its place (section {section}, {PAGES[section]})"
        )
    if name in OTHER_CHAPTERS:
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}: the book defines it in another "
            "chapter or edition; multilayer holds what chapters 3 to 5 define"
        )
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}: it is neither one of its own names nor "
        f"one that the book's chapters 3 to 5 define{did_you_mean(name, [*__all__, *book.__all__])}"
    )


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
