import logging

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError

from multilayer.experiments.tune import patience
from multilayer.experiments.tune.patience import be_patient


class Storage:
    """One whose server is away for some calls."""

    num_away = 0
    num_calls = 0

    def get_all(self):
        return self._get_trials()

    def _get_trials(self):
        self.num_calls += 1
        if self.num_calls <= self.num_away:
            try:
                raise OperationalError("SELECT", None, Exception("server closed the connection"))
            except OperationalError as error:
                raise StorageInternalError("an exception is raised") from error
        return ["trial"]

    def set_wrong(self):
        self.num_calls += 1
        raise ValueError("this is no matter of time")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch) -> None:
    monkeypatch.setattr(patience, "_SECONDS_BETWEEN_TRIES", 0)


def test_a_server_that_comes_back_is_waited_for_and_that_is_said(caplog):
    storage = Storage()
    storage.num_away = 3
    be_patient(storage, "postgresql://me:***@host/db, study")
    with caplog.at_level(logging.WARNING):
        assert storage.get_all() == ["trial"]
    assert storage.num_calls == 4
    assert [record.getMessage() for record in caplog.records] == [
        "note: postgresql://me:***@host/db, study cannot be reached; trying again for 60 s"
    ]


def test_a_server_that_stays_away_is_the_error_once():
    storage = Storage()
    storage.num_away = 10**9
    be_patient(storage, "study", seconds=0.05)
    with pytest.raises(StorageInternalError):
        storage.get_all()


def test_other_errors_are_not_tried_again():
    storage = Storage()
    be_patient(storage, "study")
    with pytest.raises(ValueError, match="no matter of time"):
        storage.set_wrong()
    assert storage.num_calls == 1


def test_every_operation_of_a_study_is_tried_again(tmp_path, monkeypatch):
    """Optuna calls nothing on a database's storage that is not named here."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    be_patient(storage, "study")
    failed = set()
    original = storage.engine.dialect.do_execute

    def do_execute(cursor, statement, parameters, context=None):
        if statement not in failed:
            failed.add(statement)
            raise storage.engine.dialect.loaded_dbapi.OperationalError("gone")
        return original(cursor, statement, parameters, context)

    monkeypatch.setattr(storage.engine.dialect, "do_execute", do_execute)
    study = optuna.create_study(storage=storage, study_name="tune")
    study.set_user_attr("a", 1)
    study.enqueue_trial({"x": 0.5})
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    trial.set_user_attr("b", 2)
    trial.report(0.5, 1)
    study.tell(trial, 0.5)
    assert (study.user_attrs, [trial.value for trial in study.trials]) == ({"a": 1}, [0.5])
    assert len(failed) > 10
