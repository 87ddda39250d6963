import subprocess
import sys

import optuna
import pytest

from multilayer.experiments.tune import workers
from multilayer.experiments.tune.workers import Worker, ask_again

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def begin(study: optuna.Study, worker: Worker) -> optuna.trial.Trial:
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    for name, value in worker.marks().items():
        trial.set_user_attr(name, value)
    return trial


def test_a_trial_of_ones_own_or_of_a_living_process_is_not_lost(study):
    with Worker(study) as one, Worker(study) as other:
        begin(study, one)
        begin(study, other)
        assert one.lost_trials() == []
        assert other.lost_trials() == []


def test_a_process_of_this_machine_that_has_ended_is_gone_at_once(study):
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    with Worker(study) as one, Worker(study) as other:
        trial = begin(study, other)
        sign = study.user_attrs[f"worker {other.name}"]
        study.set_user_attr(f"worker {other.name}", {**sign, "pid": ended.pid})
        assert [lost.number for lost in one.lost_trials()] == [trial.number]


def test_another_process_with_the_number_of_one_that_ended_is_not_it(study):
    with Worker(study) as one, Worker(study) as other:
        begin(study, other)
        sign = study.user_attrs[f"worker {other.name}"]
        study.set_user_attr(f"worker {other.name}", {**sign, "born": "1"})
        assert len(one.lost_trials()) == 1


def test_a_process_elsewhere_is_gone_when_it_has_been_silent(study, monkeypatch):
    now = 0.0
    monkeypatch.setattr(workers.time, "monotonic", lambda: now)
    with Worker(study) as one:
        other = Worker(study)
        begin(study, other)
        name = f"worker {other.name}"
        elsewhere = {"machine": "another", "born": "1", "pid": 1, "host": "there"}
        for number, now in enumerate((0.0, 25.0, 50.0)):  # noqa: B007 (the clock reads it)
            study.set_user_attr(name, {**elsewhere, "sign": number})
            assert one.lost_trials() == []
        now = 79.0
        assert one.lost_trials() == []
        now = 81.0
        assert len(one.lost_trials()) == 1


def test_a_trial_without_a_name_is_lost_after_a_while(study, monkeypatch):
    now = 0.0
    monkeypatch.setattr(workers.time, "monotonic", lambda: now)
    study.ask()
    with Worker(study) as one:
        assert one.lost_trials() == []
        now = 31.0
        assert len(one.lost_trials()) == 1


def test_a_lost_trial_is_asked_for_again_three_times_in_all(study):
    worker = Worker(study)
    trial = begin(study, worker)
    for tries in (2, 3):
        assert ask_again(study, study.trials[trial.number], was_lost=True)
        again = study.ask()
        assert again.user_attrs["tries"] == tries
        assert again.suggest_float("x", 0, 1) == trial.params["x"]
        assert study.trials[trial.number].state.name == "FAIL"
        trial = again
    assert not ask_again(study, study.trials[trial.number], was_lost=True)
    assert not [one for one in study.trials if one.state.name in ("RUNNING", "WAITING")]


def test_a_trial_is_asked_for_again_by_one_of_two_that_notice(study):
    trial = begin(study, Worker(study))
    frozen = study.trials[trial.number]
    assert ask_again(study, frozen, was_lost=True)
    assert not ask_again(study, frozen, was_lost=True)
    assert len(study.trials) == 2


def test_a_trial_that_was_only_cut_short_has_had_no_try(study):
    trial = begin(study, Worker(study))
    for _ in range(5):
        assert ask_again(study, study.trials[trial.number], was_lost=False)
        trial = study.ask()
        assert trial.user_attrs["tries"] == 1
        trial.suggest_float("x", 0, 1)
