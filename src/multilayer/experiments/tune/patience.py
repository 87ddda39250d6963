"""Waiting for a database that goes away for a while, as a server that is started anew does."""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

SECONDS_OF_PATIENCE = 60.0
_SECONDS_BETWEEN_TRIES = 1.0
# What Optuna calls on the storage of a database; the others go through these.
_OPERATIONS = (
    "create_",
    "delete_",
    "get_",
    "set_",
    "_create_new_trial",
    "_get_trials",
    "_set_trial",
)

_logger = logging.getLogger(__name__)


def be_patient(storage: Any, name: str, seconds: float = SECONDS_OF_PATIENCE) -> None:
    """Let every operation of a storage be tried again while its server cannot be reached.

    An operation whose answer was lost may be done twice: a trial too many is one that nobody
    trains, and a trial that is told already is left as it is.

    Args:
        storage: Optuna's storage of a database.
        name: how it is called in the line on the standard error that says that it is waited for;
            without a password.
        seconds: how long; then the error is raised.
    """
    for operation in dir(type(storage)):
        if operation.startswith(_OPERATIONS) and callable(getattr(storage, operation)):
            setattr(storage, operation, _patiently(getattr(storage, operation), name, seconds))


def _patiently(operation: Callable[..., Any], name: str, seconds: float) -> Callable[..., Any]:
    @functools.wraps(operation)
    def tried(*arguments: Any, **options: Any) -> Any:
        until: float | None = None
        while True:
            try:
                return operation(*arguments, **options)
            except Exception as error:
                # An operation within an operation has waited already.
                if not _is_unreachable(error) or getattr(error, "was_waited_for", False):
                    raise
                if until is None:
                    until = time.monotonic() + seconds
                    _logger.warning(
                        "note: %s cannot be reached; trying again for %.0f s", name, seconds
                    )
                elif time.monotonic() > until:
                    error.was_waited_for = True  # type: ignore[attr-defined]
                    raise
                time.sleep(min(_SECONDS_BETWEEN_TRIES, seconds))

    return tried


def _is_unreachable(error: BaseException) -> bool:
    from sqlalchemy.exc import InterfaceError, OperationalError

    cause = error if error.__cause__ is None else error.__cause__
    return isinstance(cause, InterfaceError | OperationalError)
