"""Workers on a study that are several processes each, as torchrun starts them."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import polars as pl
import pytest
from fork_server import Forked
from rank_jobs import QUICK, free_port, job_environment, wait

SETTINGS = ("--recipe", "fast", "--hidden-widths", "8", "--batch-size", "64")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Two classes of which a line divides most."""
    source = np.random.default_rng(0)
    inputs = source.normal(size=(301, 3)).round(3)
    labels = np.where(inputs @ [1, -2, 0.5] + source.normal(size=301) > 0, "yes", "no")
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    pl.DataFrame({**dict(zip("abc", inputs.T, strict=True)), "y": labels}).write_csv(path)
    return path


@pytest.fixture
def start_worker(start_multilayer, table) -> Callable[..., list[Forked]]:
    """`multilayer tune` in several processes."""

    def start(folder: str, *flags: str, num_ranks: int = 2, **env: str) -> list[Forked]:
        port = free_port()
        return [
            start_multilayer(
                "tune", table, "--target", "y", *SETTINGS, "--output", folder, *flags,
                before=QUICK,
                **{**job_environment(rank, num_ranks, port), "GROUP_RANK": "0", **env},
            )
            for rank in range(num_ranks)
        ]  # fmt: skip

    return start


def test_one_and_three_processes_find_the_same(start_worker, tmp_path):
    workers = [
        start_worker(str(size), "--trials", "8", "--max-epochs", "3", "--quiet", num_ranks=size)
        for size in (1, 3)
    ]
    for worker in workers:
        assert wait(worker) == [(0, "")] * len(worker)
    alone, found = (json.loads((tmp_path / name / "results.json").read_text()) for name in "13")
    of_alone, tried = (pl.read_csv(tmp_path / name / "trials.csv") for name in "13")
    assert found["trial"] == alone["trial"]
    assert tried["loss"].to_list() == pytest.approx(of_alone["loss"].to_list(), abs=1e-4)
    for part in ("validation", "cross_validation"):
        values = [[one["value"] for one in results[part]] for results in (found, alone)]
        assert values[0] == pytest.approx(values[1], abs=0.01)


def wait_for_a_report(study: optuna.Study) -> None:
    while not any(trial.intermediate_values for trial in study.get_trials(deepcopy=False)):
        time.sleep(0.02)


@pytest.mark.long  # half a minute, in which it mostly waits for signs of life
def test_trials_of_a_worker_of_which_a_process_is_killed_are_tried_again(
    postgresql, start_worker, tmp_path
):
    flags = ["--storage", postgresql.url(), "--study", "ranks", "--trials", "9",
             "--max-epochs", "40"]  # fmt: skip
    database = optuna.storages.RDBStorage(postgresql.url())  # which makes the tables
    lost = start_worker("one", *flags)
    study = None
    while study is None:
        try:
            study = optuna.load_study(study_name="ranks", storage=database)
        except KeyError:
            time.sleep(0.02)
    wait_for_a_report(study)
    lost[1].kill()
    [(code, errors), (killed, _)] = wait(lost, 60)
    assert (code, killed) == (1, -signal.SIGKILL)
    assert errors.count("\n") == 1
    assert errors.startswith("error: rank 1 of 2 on ")
    again = start_worker("one", *flags)
    beside = start_worker("two", *flags)
    for worker in (again, beside):
        codes = [code for code, _ in wait(worker)]
        assert codes == [0] * len(worker)
    states = [trial.state.name for trial in study.trials]
    assert set(states) <= {"COMPLETE", "PRUNED", "FAIL"}
    assert 9 <= len(states) - states.count("FAIL") <= 17
    again_of = {trial.user_attrs.get("retry_of") for trial in study.trials}
    assert {t.number for t in study.trials if t.state.name == "FAIL"} <= again_of
    database.engine.dispose()
    assert sum((tmp_path / name / "model.safetensors").is_file() for name in ("one", "two")) >= 1


def test_control_c_ends_all_of_a_worker_and_keeps_the_study(start_worker):
    worker = start_worker("run", "--trials", "10000", "--max-epochs", "2")
    assert worker[0].stdout is not None
    while "best: " not in (line := worker[0].stdout.readline()):
        assert line, worker[0].stderr.read()
    for process in worker:
        process.send_signal(signal.SIGINT)
    ended = wait(worker, 60)
    assert [code for code, _ in ended] == [130, 130]
    assert [errors.count("\n") for _, errors in ended] == [1, 0], ended
