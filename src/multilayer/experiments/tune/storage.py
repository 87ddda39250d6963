"""Where a study is kept: a journal in the run folder, or a database."""

import logging
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilayer.engine.fingerprints import as_json, differences_in_words
from multilayer.errors import (
    CheckpointError,
    MissingExtraError,
    MultilayerError,
    SettingsError,
    StorageError,
)
from multilayer.experiments.tune.journal_lock import JournalLock
from multilayer.experiments.tune.patience import be_patient
from multilayer.fit.declared_types import check_type

if TYPE_CHECKING:
    from optuna import Study

JOURNAL = "study.journal"

_FINGERPRINT = "fingerprint"
_STORING_PACKAGES = ("optuna", "sqlalchemy", "alembic", "psycopg")
_MOST_OF_A_REASON = 200  # characters
_SECONDS_TO_CONNECT = 10
_MOST_TRIES, _SECONDS_BETWEEN_TRIES = 3, 0.5  # where another process makes the tables just now
_SECONDS_TO_WAIT_FOR_A_LOCK = 60  # of SQLite, that another process holds


@dataclass(frozen=True)
class StudyPlace:
    """Where a study is.

    Args:
        url: of a database, as SQLAlchemy takes it; None: a journal.
        journal: the journal's path, where there is no database.
        name: of the study in it.
    """

    url: str | None
    journal: Path | None
    name: str

    def __str__(self) -> str:
        return str(self.journal) if self.url is None else f"{shown_url(self.url)}, {self.name}"


@dataclass(frozen=True)
class OpenStudy:
    """A study that is being worked on."""

    study: "Study"
    is_new: bool
    _storage: Any

    def close(self) -> None:
        """Give the connections to a database back."""
        engine = getattr(self._storage, "engine", None)
        if engine is not None:
            engine.dispose()


def open_study(place: StudyPlace, fingerprint: Mapping[str, Any]) -> OpenStudy:
    """Open a study, or make it.

    Args:
        place: where.
        fingerprint: what the study is of: data, target, settings; JSON.

    Raises:
        MissingExtraError: Optuna or the database's driver is not installed.
        StorageError: the storage cannot be reached or used; no password is shown.
        CheckpointError: the study is of something else; the message says what differs.
    """
    optuna = import_optuna()
    with storage_errors(place):
        storage = _journal(place.journal) if place.journal is not None else _database(place)
        if place.url is not None and place.url.startswith("postgresql"):
            be_patient(storage, str(place))
        study = optuna.create_study(
            storage=storage, study_name=place.name, direction="minimize", load_if_exists=True
        )
        known = study.user_attrs.get(_FINGERPRINT)
        if known is None:
            study.set_user_attr(_FINGERPRINT, as_json(dict(fingerprint)))
            return OpenStudy(study, True, storage)
    try:
        check_type(known, dict[str, Any], "its fingerprint")
    except ValueError as error:
        raise damaged(place, error) from None
    opened = OpenStudy(study, False, storage)
    try:
        require_same_study(str(place), known, fingerprint)
    except CheckpointError:
        opened.close()
        raise
    return opened


def require_same_study(
    where: str | Path, known: Mapping[str, Any], asked: Mapping[str, Any]
) -> None:
    """Hold what a study is of to what is asked for.

    Args:
        where: the study is.
        known: its fingerprint, or the content of its tune.json.
        asked: the same of what is asked for.

    Raises:
        CheckpointError: they differ; the message says in what.
    """
    was, now = (_kind_in_words(one.get(_FINGERPRINT, one)) for one in (known, asked))
    if was != now and "images" in (was, now):
        raise CheckpointError(f"the study in {where} is of {was}; what is given is {now}")
    found = differences_in_words(known, as_json(dict(asked)))
    if found:
        raise CheckpointError(f"the study in {where} is of something else: {found}")


def _kind_in_words(fingerprint: Mapping[str, Any]) -> str:
    return "images" if fingerprint.get("roles", {}) is None else "a table"


def import_optuna() -> Any:
    """Optuna, quiet.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("tune", "Optuna", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    return optuna


@contextmanager
def no_experimental_warnings() -> Iterator[None]:
    """Without Optuna's warnings that a part of it may change."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


@contextmanager
def storage_errors(place: StudyPlace) -> Iterator[None]:
    """Errors of a storage as one line, without its password.

    A stranger may have filled it, or another version of Optuna: what Optuna raises while it reads
    and writes, of whatever class, is told as that of a damaged study.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MultilayerError:
        raise
    except (StorageInternalError, SQLAlchemyError, OSError) as error:
        reason = " ".join(_reason(error).split())
        raise StorageError(
            f"cannot use the storage {place}: {_masked(place.url, reason)}"
        ) from None
    except Exception as error:
        if not _is_of_optuna(error):
            raise
        raise damaged(place, error) from None


def damaged(place: StudyPlace, error: BaseException) -> StorageError:
    """The error of a storage whose content is not that of a study of ours."""
    reason = " ".join(_reason(error).split()) or "it holds a value that cannot be"
    return StorageError(
        f"the study in {place} is damaged, or of another version of Optuna: "
        f"{type(error).__name__}, {_masked(place.url, reason[:_MOST_OF_A_REASON])}"
    )


def _is_of_optuna(error: BaseException) -> bool:
    """Whether an error began in Optuna or its database layer, and not in code of ours."""
    last, trace = "", error.__traceback__
    while trace is not None:
        package = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        last = package if package in ("multilayer", *_STORING_PACKAGES) else last
        trace = trace.tb_next
    return last in _STORING_PACKAGES


def check_url(url: str) -> str:
    """The URL as it is used: PostgreSQL is spoken to by psycopg 3.

    Raises:
        SettingsError: it is no URL of a database.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    try:
        make_url(url)
    except (SQLAlchemyError, ValueError):
        raise SettingsError(
            "storage must be the URL of a database, such as sqlite:///study.db or "
            f"postgresql+psycopg://user:password@host/name, not {shown_url(url)!r}"
        ) from None
    return url


def shown_url(url: str) -> str:
    """A URL without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return make_url(url).set(query={}).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        return re.sub(r"//.*@", "//***@", url).partition("?")[0]


def _journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    lock = JournalLock(path)
    try:
        lock.mend()
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))  # type: ignore[arg-type]
    except OSError:
        raise
    except Exception as error:  # of any class, as a stranger's lines may be anything
        reason = " ".join(str(error).split())[:_MOST_OF_A_REASON]
        raise StorageError(
            f"the journal {path} is damaged: {type(error).__name__}, {reason}"
        ) from None


def _database(place: StudyPlace) -> Any:
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import IntegrityError, NoSuchModuleError, ProgrammingError

    assert place.url is not None
    backend = make_url(place.url).get_backend_name()
    options: dict[str, Any] = {"pool_pre_ping": True}
    if backend == "sqlite":
        options["connect_args"] = {"timeout": _SECONDS_TO_WAIT_FOR_A_LOCK}
    elif backend == "postgresql":
        # Of a database of encoding SQL_ASCII, too, text is text and not bytes.
        options["connect_args"] = {
            "connect_timeout": _SECONDS_TO_CONNECT, "client_encoding": "utf8",
        }  # fmt: skip
    try:
        for _ in range(_MOST_TRIES - 1):
            with suppress(IntegrityError, ProgrammingError):
                return RDBStorage(place.url, engine_kwargs=options)
            time.sleep(_SECONDS_BETWEEN_TRIES)
        return RDBStorage(place.url, engine_kwargs=options)
    except NoSuchModuleError:
        raise SettingsError(
            f"no database of the kind of {shown_url(place.url)} is known; SQLite and PostgreSQL are"
        ) from None
    except ImportError as error:
        if backend == "postgresql":
            raise MissingExtraError("a study in PostgreSQL", "psycopg", "postgresql") from error
        raise SettingsError(
            f"the driver for {shown_url(place.url)} is not installed: {error}"
        ) from error


def _reason(error: BaseException) -> str:
    """What the driver says, without what SQLAlchemy and Optuna put around it."""
    while error.__cause__ is not None and not isinstance(error, OSError):
        error = error.__cause__
    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    return text.partition("\n")[0]


def _masked(url: str | None, text: str) -> str:
    from sqlalchemy.engine import make_url

    if url is None:
        return text
    parsed = make_url(url)
    secrets = [parsed.password, *map(str, parsed.query.values())]
    for secret in secrets:
        if secret:
            text = text.replace(str(secret), "***")
    return text
