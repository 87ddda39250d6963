import builtins
import json
import os
import statistics
import sys

import numpy as np
import pytest
import torch

from multilayer.errors import MissingExtraError, OutputError, SettingsError
from multilayer.proofs import bench as module
from multilayer.proofs.bench import bench, measure_case, report_of, this_machine
from multilayer.proofs.bench_cases import CASES, BenchCase, Contender, cases_named
from multilayer.proofs.bench_contenders import CONTENDERS, engine, floor, scikit_learn

SMALL = {
    "sgd": BenchCase("sgd", (20, 32, 10), "sgd", 0.1, 16, num_steps=8),
    "adam": BenchCase("adam", (20, 32, 16, 2), "adam", 0.01, 16, num_steps=8),
}


@pytest.fixture
def short_cases(monkeypatch):
    """The four cases with two steps an epoch and a few rows."""
    for name, case in CASES.items():
        short = BenchCase(name, case.widths, case.optimizer, case.learning_rate, 4, num_steps=2)
        monkeypatch.setitem(CASES, name, short)


def test_rows_are_the_same_each_time_and_have_every_class():
    inputs, targets = CASES["D"].examples()
    assert inputs.shape == (CASES["D"].num_steps * 32, 64)
    assert (inputs.dtype, targets.dtype) == (np.float32, np.int64)
    assert set(targets) == set(range(10))
    again = CASES["D"].examples()
    assert np.array_equal(inputs, again[0])
    assert np.array_equal(targets, again[1])


def test_the_four_cases_are_those_that_the_issue_of_speed_is_about():
    assert {name: (case.widths, case.batch_size) for name, case in CASES.items()} == {
        "S": ((784, 256, 10), 256),
        "L": ((784, 1024, 1024, 10), 512),
        "T": ((20, 128, 128, 2), 200),
        "D": ((64, 64, 10), 32),
    }


@pytest.mark.parametrize("case", SMALL.values(), ids=SMALL)
@pytest.mark.parametrize("name", [name for name in CONTENDERS if name != "floor"])
def test_every_contender_learns_the_case(name, case):
    inputs, targets = case.examples()
    contender = CONTENDERS[name](case, inputs, targets)
    contender.train(2)
    contender.train(60)
    assert (contender.predict(inputs) == targets).mean() > 0.95


def test_contenders_go_on_from_where_they_were():
    """A turn of a measurement does not begin anew: accuracies rise over turns of one epoch."""
    case = SMALL["sgd"]
    inputs, targets = case.examples()
    for name, make in CONTENDERS.items():
        if name != "floor":
            contender = make(case, inputs, targets)
            for _ in range(60):
                contender.train(1)
            assert (contender.predict(inputs) == targets).mean() > 0.95, name


def test_the_floor_is_the_products_of_a_step_and_nothing_else():
    """Two for the first layer, three for each other: no gradient of the inputs is needed."""
    case = SMALL["adam"]
    contender = floor(case, *case.examples())
    with torch.profiler.profile() as profile:
        contender.train(1)
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts.pop("aten::mm") == (2 + 3 + 3) * case.num_steps
    assert set(counts) <= {"aten::t", "aten::transpose", "aten::as_strided", "aten::resolve_conj"}


def test_a_population_is_measured_with_all_its_members():
    case = SMALL["adam"]
    inputs, targets = case.examples()
    contender = engine(case, inputs, targets, num_members=3)
    contender.train(40)
    assert (contender.predict(inputs) == targets).mean() > 0.95


def test_the_engine_leaves_pytorch_as_it_was_between_turns():
    case = SMALL["sgd"]
    before = torch.get_num_threads()
    engine(case, *case.examples()).train(1)
    assert torch.get_num_threads() == before
    assert not torch.is_inference_mode_enabled()


def test_warming_up_finds_how_many_epochs_fill_the_time():
    now = 0.0
    asked = []

    def train(num_epochs: int) -> None:
        asked.append(num_epochs)

    class Clocked(Contender):
        def seconds(self, num_epochs: int) -> float:
            self.train(num_epochs)
            return now + 0.01 * num_epochs

    assert Clocked(train).warm_up(1.0) == 100
    assert asked == [1, 1, 2, 4, 8, 16, 32]
    assert Clocked(train).warm_up(1e-6) == 1


def test_ratios_and_medians_follow_from_the_times():
    result = measure_case(SMALL["sgd"], num_repeats=3, num_threads=None, seconds=0.001)
    assert [times.contender for times in result.times] == list(CONTENDERS)
    assert result.left_out == {}
    by_name = {times.contender: times for times in result.times}
    for times in result.times:
        assert len(times.step_seconds) == 3
        assert min(times.step_seconds) > 0
        assert times.median == statistics.median(times.step_seconds)
        expected = times.median / by_name["floor"].median
        assert result.ratio(times.contender, "floor") == pytest.approx(expected)
    assert result.ratio("engine", "engine") == 1


def test_a_time_is_that_of_one_step(monkeypatch):
    """Each turn of the only contender lasts 6 s on this clock and has two epochs of 8 steps."""
    durations = iter([0.0, 3.0, 0.0, 6.0, 10.0, 16.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(durations))
    monkeypatch.setattr(module, "CONTENDERS", {"floor": lambda *_: Contender(lambda _: None)})
    result = measure_case(SMALL["sgd"], num_repeats=2, num_threads=None, seconds=6.0)
    assert result.times[0].step_seconds == (6 / 16, 6 / 16)


def test_contenders_take_turns(monkeypatch):
    turns = []
    contenders = {
        name: lambda *_, name=name: Contender(lambda _, name=name: turns.append(name))
        for name in ("floor", "engine")
    }
    monkeypatch.setattr(module, "CONTENDERS", contenders)
    monkeypatch.setattr(Contender, "warm_up", lambda *_: 1)
    measure_case(SMALL["sgd"], num_repeats=3, num_threads=None, seconds=1.0)
    assert turns == ["floor", "engine"] * 3


def test_threads_are_limited_meanwhile_and_given_back(monkeypatch):
    seen = []
    note = {"floor": lambda *_: Contender(lambda _: seen.append(torch.get_num_threads()))}
    monkeypatch.setattr(module, "CONTENDERS", note)
    before = torch.get_num_threads()
    measure_case(SMALL["sgd"], num_repeats=1, num_threads=1, seconds=1e-9)
    assert set(seen) == {1}
    assert torch.get_num_threads() == before
    measure_case(SMALL["sgd"], num_repeats=1, num_threads=None, seconds=1e-9)
    assert seen[-1] == before


def test_without_scikit_learn_it_is_left_out_with_the_reason(monkeypatch):
    real_import = builtins.__import__

    def without_sklearn(name, *arguments, **options):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    for name in [name for name in sys.modules if name.startswith("sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_sklearn)
    with pytest.raises(MissingExtraError):
        scikit_learn(SMALL["sgd"], *SMALL["sgd"].examples())
    result = measure_case(SMALL["sgd"], num_repeats=1, num_threads=None, seconds=0.001)
    assert "scikit-learn" not in [times.contender for times in result.times]
    assert 'pip install "multilayer[sklearn]"' in result.left_out["scikit-learn"]


@pytest.mark.usefixtures("short_cases")
def test_cases_come_in_the_order_that_was_asked_for():
    results = bench(["T", "S"], num_repeats=1, seconds=0.001)
    assert [result.case.name for result in results] == ["T", "S"]


@pytest.mark.usefixtures("short_cases")
def test_a_saved_report_holds_every_measurement(tmp_path):
    results = list(bench(["D", "L"], num_repeats=2, num_threads=1, seconds=0.001))
    report = report_of(results, num_threads=1)
    report.save(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read["machine"]["num_threads"] == 1
    assert read["machine"]["versions"]["torch"] == torch.__version__
    assert read["date"] == report.date
    assert [case["name"] for case in read["cases"]] == ["D", "L"]
    for case, result in zip(read["cases"], results, strict=True):
        assert tuple(case["widths"]) == result.case.widths
        assert list(case["contenders"]) == [times.contender for times in result.times]
        for times in result.times:
            saved = case["contenders"][times.contender]
            assert tuple(saved["step_seconds"]) == times.step_seconds
            assert saved["median_step_seconds"] == times.median
            assert saved["ratio_to_floor"] == result.ratio(times.contender, "floor")
            assert saved["ratio_to_engine"] == result.ratio(times.contender, "engine")


def test_a_report_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(OutputError, match="cannot write .*nowhere"):
        report_of([]).save(tmp_path / "nowhere" / "report.json")


def test_the_machine_names_what_steers_the_libraries(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("SECRET", "1")
    machine = this_machine()
    assert machine.environment["OPENBLAS_CORETYPE"] == "Haswell"
    assert "SECRET" not in machine.environment
    assert "OPENBLAS_CORETYPE=Haswell" in str(machine)
    assert torch.backends.cpu.get_cpu_capability() in str(machine)
    assert machine.processor


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["S", "Q"], {}, r"unknown case 'Q'; known are: S, L, T, D"),
        ([], {}, "cases must name at least one; known are: S, L, T, D"),
        (["S"], {"num_repeats": 0}, "num_repeats must be at least 1; it is 0"),
        (["S"], {"num_threads": 0}, "num_threads must be from 1 to .*; it is 0"),
        (["S"], {"num_threads": 100_000}, "num_threads must be from 1 to .*; it is 100000"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_measured(names, options, message):
    with pytest.raises(SettingsError, match=message):
        bench(names, **options)


def test_a_case_that_is_named_twice_is_measured_once():
    assert [case.name for case in cases_named(["D", "S", "D"])] == ["D", "S"]


def test_as_many_threads_as_processors_are_allowed():
    bench(["D"], num_threads=len(os.sched_getaffinity(0)))
