"""A study whose journal or database is damaged, or another program's, gets one line of error."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from multilayer.engine.settings import TrainingSettings
from multilayer.errors import StorageError
from multilayer.experiments.tune.search import queue_first_trials
from multilayer.experiments.tune.search_space import SearchSpace
from multilayer.experiments.tune.storage import StudyPlace, check_url, open_study, storage_errors
from multilayer.experiments.tune.trials import ACCURACY, BEST_EPOCH, check_trials, tally
from multilayer.experiments.tune.workers import Worker

OF = {"data": "abc", "seed": 0}
SPACE = SearchSpace({"default": TrainingSettings(hidden_widths=(256, 256))}, {})


def fill(place: StudyPlace) -> None:
    """A study with a worker's sign and two trials that came to their end."""
    opened = open_study(place, OF)
    study = opened.study
    queue_first_trials(study, SPACE)
    worker = Worker(study)
    worker._sign(0)
    for loss in (0.5, 0.4):
        trial = study.ask(SPACE.distributions())
        trial.set_user_attr(ACCURACY, 0.9)
        trial.set_user_attr(BEST_EPOCH, 1)
        trial.report(loss, 1)
        study.tell(trial, loss)
    opened.close()


def look_at(place: StudyPlace) -> None:
    opened = open_study(place, OF)
    try:
        assert not opened.is_new
        check_trials(opened.study, SPACE.distributions(), place)
        with storage_errors(place):
            assert tally(opened.study).num_complete == 2
    finally:
        opened.close()


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> Path:
    """A folder with study.db and study.journal."""
    folder = tmp_path_factory.mktemp("studies")
    for place in places(folder):
        fill(place)
        look_at(place)
    return folder


def places(folder: Path) -> tuple[StudyPlace, StudyPlace]:
    database = StudyPlace(f"sqlite:///{folder}/study.db", None, "tune")
    return database, StudyPlace(None, folder / "study.journal", "tune")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE study_user_attributes SET value_json='{'",
        "UPDATE study_user_attributes SET value_json='[1]' WHERE key='fingerprint'",
        "UPDATE study_user_attributes SET value_json='[1]' WHERE key LIKE 'worker %'",
        f"UPDATE study_user_attributes SET value_json='{'[' * 100_000}'",
        "UPDATE trial_user_attributes SET value_json='{}'",
        "UPDATE trial_user_attributes SET value_json=NULL",
        "UPDATE trial_params SET distribution_json='x'",
        'UPDATE trial_params SET distribution_json=\'{"name": "Other", "attributes": {}}\'',
        "UPDATE trial_params SET distribution_json='[1]'",
        "UPDATE trial_params SET param_value=1e9",
        "UPDATE trial_params SET param_name='x' || param_id",
        "UPDATE trials SET state='BOGUS'",
        "UPDATE trials SET number=NULL",
        "UPDATE trials SET datetime_start='x'",
        "UPDATE trial_values SET value=NULL, value_type='FINITE'",
        "UPDATE alembic_version SET version_num='zzz'",
        "DELETE FROM study_directions",
    ],
)
def test_a_damaged_database_is_one_error(studies, tmp_path, change):
    shutil.copy(studies / "study.db", tmp_path)
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute(change)
    database.close()
    with pytest.raises(StorageError, match=r"sqlite:///.*study\.db, tune( is damaged|: )") as error:
        look_at(places(tmp_path)[0])
    assert len(str(error.value)) < 500
    assert "\n" not in str(error.value)


def changed(line: str, **values) -> str:
    document = json.loads(line)
    for name, value in values.items():
        assert name in document
        document[name] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: changed(line, distribution=True),
        lambda line: changed(line, distribution="{}"),
        lambda line: changed(line, op_code=-1),
        lambda line: changed(line, op_code="x"),
        lambda line: changed(line, param_name=[1]),
        lambda line: changed(line, param_name=float("nan")),
        lambda line: changed(line, param_value_internal=None),
        lambda line: changed(line, trial_id={}),
        lambda line: "1",
        lambda line: "{}",
        lambda line: "[" * 100_000,
        lambda line: '"' + "x" * (1 << 20) + '"',
        lambda line: "\udcff",
        lambda line: "\0" * 1000,
    ],
)
def test_a_damaged_journal_is_one_error(studies, tmp_path, change):
    lines = (studies / "study.journal").read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if "param_name" in line)
    lines[number] = change(lines[number])
    content = "\n".join(lines) + "\n"
    (tmp_path / "study.journal").write_text(content, errors="surrogateescape")
    with pytest.raises(StorageError, match=r"study\.journal( is damaged|: )") as error:
        look_at(places(tmp_path)[1])
    assert len(str(error.value)) < 500
    assert "\n" not in str(error.value)


def test_an_error_of_ours_is_not_told_as_one_of_the_study(tmp_path):
    place = places(tmp_path)[0]
    with pytest.raises(KeyError), storage_errors(place):
        raise KeyError("a mistake in this package")


def test_a_database_that_keeps_bytes_for_text_is_used(postgresql):
    import psycopg

    connection = postgresql.url().replace("+psycopg", "")
    with psycopg.connect(connection, autocommit=True) as server:
        server.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    url = check_url(postgresql.url().replace("/postgres?", "/ascii?"))
    place = StudyPlace(url, None, "Häuser")
    fill(place)
    look_at(place)
