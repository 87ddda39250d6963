"""The errors a user can meet.

    MultilayerError
    ├── SettingsError (ValueError)       a setting is out of range or unknown
    ├── DataError (ValueError)           data cannot be used
    │   ├── DatasetNotFoundError         no place that was tried has the data set
    │   ├── IdxFileError                 an idx file is not what it must be
    │   ├── ImageFileError               a picture cannot be read or does not fit
    │   ├── TableError                   a table cannot be read or does not fit
    │   └── ChecksumError                a file is not the one that was published
    ├── OutputError                      a file or folder cannot be written
    ├── RunFolderError                   a run folder lacks something or is damaged
    ├── CheckpointError                  a saved state is of another training
    ├── ModelFileError                   a model file cannot be trusted or read
    ├── PredictionError                  an answer is not a finite number
    ├── TrainingDivergedError            the loss is no longer a finite number
    ├── DistributedError                 processes that train together cannot reach each other
    ├── ForkedProcessError               a forked process lacks the threads for what is asked
    ├── MissingExtraError (ImportError)  an optional dependency is not installed
    └── MissingPackageError (ImportError)  PyTorch, SciPy or matplotlib is not installed

Every message is one line that says what was given, what it must be, and where.

Beside them stands one warning, `DataWarning`: what was left out, guessed, merged or ignored, and by
which argument that can be changed.

What the messages name may come from a file of a stranger's: they are shown with control characters
`escaped`, in a traceback too.
"""

import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Any

_MOST_COMPARED, _LONGEST_COMPARED = 1000, 100
_JOINERS = "\u200c\u200d"  # words of some scripts need them, and they turn nothing around


def reason_of(error: BaseException) -> str:
    """Why something failed, as a clause for a message of one line."""
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return " ".join(text.split()).lower()


def escaped(value: object, keep: str = "") -> str:
    r"""Text without characters that a terminal or a reader could be misled by.

    Control characters, marks that turn the direction of writing, line separators, other invisible
    signs and halves of surrogate pairs stand as escapes, such as \x1b and \u202e.

    Args:
        value: anything; what `str` makes of it is shown.
        keep: characters that stay as they are, such as line ends.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        character if character in keep or _is_harmless(character) else _escape(character)
        for character in text
    )


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """The end of a message on an unknown name: the known one that is most like it, or nothing.

    Of very many names the first 1,000 are compared.
    """
    from difflib import get_close_matches

    first = islice(known, _MOST_COMPARED)
    by_lower = {str(one).strip().lower()[:_LONGEST_COMPARED]: str(one) for one in first}
    near = get_close_matches(str(name).strip().lower(), by_lower, 1, cutoff=0.7)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


def _is_harmless(character: str) -> bool:
    if character.isprintable() or character in _JOINERS:
        return True
    return unicodedata.category(character) in ("Zs", "Cn", "Co")  # spaces, and signs of no meaning


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


class DataWarning(UserWarning):
    """Data were used in a way that should be known: left out, guessed, merged or ignored.

    The command line prints the same sentences as notes on the standard error.

    Examples:
        >>> import warnings
        >>> from multilayer import DataWarning, MLPClassifier
        >>> X = [[n, "unknown" if n % 9 else str(n)] for n in range(60)]
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     fitted = MLPClassifier("fast", max_iter=2, random_state=0).fit(X, [0, 1] * 30)
        ...
        >>> {one.category.__name__ for one in caught}
        {'DataWarning'}
    """

    def __str__(self) -> str:
        return escaped(super().__str__(), keep="\n")


class MultilayerError(Exception):
    """Root of every error that a user's input or surroundings can cause.

    Examples:
        >>> from multilayer import MultilayerError, recipe
        >>> try:
        ...     recipe("chapter", learning_rate=-1)
        ... except MultilayerError as error:
        ...     print(error)
        ...
        learning_rate must be a number above 0; it is -1
    """

    def __str__(self) -> str:
        return escaped(super().__str__(), keep="\n")


class SettingsError(MultilayerError, ValueError):
    """A setting is out of range or unknown."""


class DataError(MultilayerError, ValueError):
    """Data cannot be used."""


class DatasetNotFoundError(DataError):
    """No place that was tried has the data set."""


class IdxFileError(DataError):
    """An idx file is truncated, corrupt or of another kind."""


class ImageFileError(DataError):
    """A picture cannot be read or does not fit the network."""


class TableError(DataError):
    """A table cannot be read, or it does not fit what is to be done with it."""


class ChecksumError(DataError):
    """A file's content is not the published one."""


class OutputError(MultilayerError):
    """A file or folder cannot be written."""


class RunFolderError(MultilayerError):
    """A run folder lacks something or is damaged."""


class CheckpointError(MultilayerError):
    """A saved state is of another training: other data, settings or versions."""


class StorageError(MultilayerError):
    """Where a study is kept cannot be reached or used."""


class ModelFileError(MultilayerError):
    """A model file cannot be trusted or read."""


class PredictionError(MultilayerError):
    """An answer is not a finite number."""


def rate_after_divergence(learning_rate: float) -> float:
    """The learning rate to try after one whose loss stopped being a finite number."""
    return 0.1 if learning_rate > 1 else learning_rate / 10


class TrainingDivergedError(MultilayerError):
    """The loss is no longer a finite number.

    Args:
        which: "training" or "validation".
        epoch: in which it was found, from 1.
        step: the first step of that epoch whose loss is not finite, from 1.
        learning_rate: that the run had.
    """

    def __init__(self, which: str, epoch: int, step: int, learning_rate: float) -> None:
        self.epoch, self.step = epoch, step
        smaller = rate_after_divergence(learning_rate)
        super().__init__(
            f"the {which} loss stopped being a finite number in epoch {epoch}, step {step}; "
            f"the learning rate {learning_rate:g} is too large, try {smaller:g}"
        )
        self._arguments = which, epoch, step, learning_rate

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process makes it again from what it was made from."""
        return type(self), self._arguments


class DistributedError(MultilayerError):
    """Processes that train together cannot reach each other."""


class ForkedProcessError(MultilayerError, RuntimeError):
    """A process was forked from one that had started threads, and cannot do without them."""


class MissingExtraError(MultilayerError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, wanted_by: str, package: str, extra: str) -> None:
        super().__init__(
            f"{wanted_by} needs {package}, which is not installed; "
            f'install it with: pip install "multilayer[{extra}]"'
        )
        self._arguments = wanted_by, package, extra

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process makes it again from what it was made from."""
        return type(self), self._arguments


class MissingPackageError(MultilayerError, ImportError):
    """A package is not installed that an installation without PyTorch does without."""

    def __init__(self, wanted_by: str, package: str, instead: str = "") -> None:
        name = _PACKAGES_LEFT_OUT.get(package, package)
        super().__init__(
            f"{wanted_by} needs {name}, which is not installed; install it with: "
            f"pip install {package}{instead}"
        )
        self._arguments = wanted_by, package, instead

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process makes it again from what it was made from."""
        return type(self), self._arguments


_PACKAGES_LEFT_OUT = {"torch": "PyTorch", "scipy": "SciPy", "matplotlib": "matplotlib"}


def package_left_out(error: ImportError) -> str | None:
    """The package for whose lack an import failed, if an installation may do without it."""
    package = (error.name or "").partition(".")[0]
    return package if package in _PACKAGES_LEFT_OUT else None
