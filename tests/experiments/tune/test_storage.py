import sys
from pathlib import Path

import pytest
from database import PASSWORD

from multilayer.errors import CheckpointError, MissingExtraError, SettingsError, StorageError
from multilayer.experiments.tune import storage
from multilayer.experiments.tune.storage import StudyPlace, check_url, open_study, shown_url

OF = {"data": "abc", "seed": 0}


def journal(folder: Path) -> StudyPlace:
    return StudyPlace(None, folder / "study.journal", "tune")


def test_a_study_in_a_journal_or_in_sqlite_is_found_again(tmp_path):
    places = [journal(tmp_path), StudyPlace(f"sqlite:///{tmp_path}/study.db", None, "tune")]
    for place in places:
        opened = open_study(place, OF)
        assert opened.is_new
        opened.study.enqueue_trial({"x": 1})
        opened.close()
        again = open_study(place, OF)
        assert not again.is_new
        assert len(again.study.trials) == 1
        again.close()


def test_a_study_of_something_else_says_what_differs(tmp_path):
    open_study(journal(tmp_path), OF)
    with pytest.raises(CheckpointError, match=r"of something else: data was abc, now it is xyz"):
        open_study(journal(tmp_path), {**OF, "data": "xyz"})


def test_a_study_in_postgresql_is_found_again_and_hides_its_password(postgresql):
    place = StudyPlace(check_url(postgresql.url()), None, "found again")
    for is_new in (True, False):
        opened = open_study(place, OF)
        assert opened.is_new == is_new
        opened.close()
    assert str(place) == "postgresql+psycopg://tuner:***@/postgres, found again"


@pytest.mark.parametrize("password", ["wr0ng/s3cret", PASSWORD])
def test_postgresql_that_cannot_be_reached_shows_no_password(postgresql, tmp_path, password):
    url = postgresql.url(password)
    if password == PASSWORD:  # no server there
        url = url.replace(str(postgresql.folder), str(tmp_path))
    with pytest.raises(StorageError) as raised:
        open_study(StudyPlace(check_url(url), None, "tune"), OF)
    message = str(raised.value)
    assert message.startswith("cannot use the storage postgresql+psycopg://tuner:***@/postgres")
    assert "\n" not in message
    for secret in ("wr0ng", "s3cret", "p4ss", "w@rd", "w%40rd"):
        assert secret not in message
    assert any(reason in message for reason in ("authentication failed", "No such file"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/name", "postgresql://me:***@host/name"),
        ("postgresql://host/name?password=secret&user=me", "postgresql://host/name"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("not a url with secret:secret@host", "not a url with secret:secret@host"),
        ("x://me:secret@host:port/name?password=secret", "x://***@host:port/name"),
    ],
)
def test_urls_are_shown_without_their_password(url, shown):
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", ["banana", "postgresql:/me", "x://me:secret@host:port/name"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(SettingsError, match="storage must be the URL of a database") as raised:
        check_url(url)
    assert "secret" not in str(raised.value)


def test_postgresql_is_spoken_to_by_psycopg():
    assert check_url("postgres://host/name") == "postgresql+psycopg://host/name"
    assert check_url("postgresql://host/name") == "postgresql+psycopg://host/name"


def test_a_kind_of_database_that_nobody_knows(tmp_path):
    with pytest.raises(SettingsError, match="no database of the kind of banana://here is known"):
        open_study(StudyPlace("banana://here", None, "tune"), OF)


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "study.db").write_text("this is no database, but a text that is long enough\n" * 99)
    with pytest.raises(StorageError, match="not a database"):
        open_study(StudyPlace(f"sqlite:///{tmp_path}/study.db", None, "tune"), OF)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match="unable to open database file"):
        open_study(StudyPlace(f"sqlite:///{tmp_path}/no/study.db", None, "tune"), OF)


def test_a_journal_that_a_kill_has_torn_is_mended(tmp_path):
    place = journal(tmp_path)
    open_study(place, OF).study.enqueue_trial({"x": 1})
    whole = place.journal.read_bytes()
    place.journal.write_bytes(whole + b'{"op_code":4,"worker')
    opened = open_study(place, OF)
    assert not opened.is_new
    opened.study.enqueue_trial({"x": 2})
    assert len(open_study(place, OF).study.trials) == 2


def test_a_journal_with_a_damaged_line(tmp_path):
    place = journal(tmp_path)
    open_study(place, OF)
    place.journal.write_bytes(place.journal.read_bytes().replace(b"{", b"<", 1))
    with pytest.raises(StorageError, match=r"the journal .* is damaged"):
        open_study(place, OF)


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        ("optuna", r"tune needs Optuna, which is not installed; .*multilayer\[tune\]"),
        ("psycopg", r"PostgreSQL needs psycopg, .*multilayer\[postgresql\]"),
    ],
)
def test_what_is_not_installed_is_named(monkeypatch, missing, complaint):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=complaint):
        storage.import_optuna()
        open_study(StudyPlace("postgresql+psycopg://host/name", None, "tune"), OF)
