"""The compiled code, if it was built with this installation."""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

from multilayer.engine.compiled.build import LIBRARY, sources_hash

SWITCH = "MULTILAYER_COMPILED"  # an environment variable; 0 turns the compiled code off


class Library:
    """The entry points of the compiled code.

    Attributes:
        instructions: which of the instruction sets that it has this processor runs.
        sources: a number for the sources that it was built from.

    Raises:
        OSError: it cannot be loaded here, or was built from other sources than those beside it.
    """

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        sources: str = _typed(library.multilayer_sources, ctypes.c_char_p)().decode()
        if sources != sources_hash():
            raise OSError(f"{path} was built from other sources")
        self.sources = int(sources[:15], 16)
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        self._begin = _typed(library.multilayer_begin, pointer, pointer, pointer, whole)
        self._run = _typed(library.multilayer_run, None, pointer, pointer, whole)
        self._answer = _typed(library.multilayer_answer, None, pointer, pointer, whole)
        self._end = _typed(library.multilayer_end, None, pointer, whole)
        self.instructions: str = _typed(library.multilayer_instructions, ctypes.c_char_p)().decode()

    def begin(self, plan: ctypes.Structure, values: ctypes.Structure, is_double: bool) -> int:
        """Memory for the steps of a training.

        Raises:
            MemoryError: there is not enough.
        """
        handle: int | None = self._begin(ctypes.byref(plan), ctypes.byref(values), is_double)
        if not handle:
            raise MemoryError("not enough memory for a training step")
        return handle

    def run(self, handle: int, batches: ctypes.Structure, is_double: bool) -> None:
        """Train; other Python threads go on meanwhile."""
        self._run(handle, ctypes.byref(batches), is_double)

    def answer(self, handle: int, questions: ctypes.Structure, is_double: bool) -> None:
        """The logits of rows; other Python threads go on meanwhile."""
        self._answer(handle, ctypes.byref(questions), is_double)

    def end(self, handle: int, is_double: bool) -> None:
        """Give the memory back."""
        self._end(handle, is_double)


def _typed(function: Any, answer: Any, *arguments: Any) -> Any:
    function.restype, function.argtypes = answer, arguments
    return function


def compiled_code() -> Library | None:
    """The compiled code; None where it was not built, or is switched off."""
    return None if os.environ.get(SWITCH) == "0" else _loaded()


def reason_without_code() -> str:
    """Why there is no compiled code, where there is none: "the compiled step, which …"."""
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0 turns off"
    if _loaded() is None:
        return "was not built here from its present sources"
    return "does not cover this training here"


@cache
def _loaded() -> Library | None:
    try:
        return Library(LIBRARY)
    except (OSError, AttributeError):  # not built, for another machine, or from older sources
        return None
