"""How fast this machine trains small networks: the engine beside what else there is.

The bare matrix products of a training step are the floor that no program written with them gets
below; how far above it each contender is says more than its time. (On some processors the engine
multiplies large matrices with a faster library than the floor's, see `engine.products`.)
"""

import datetime
import json
import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from multilayer.engine.compiled.library import compiled_code, reason_without_code
from multilayer.engine.machine import num_usable_cores
from multilayer.errors import MissingExtraError, SettingsError
from multilayer.files import write_text
from multilayer.proofs.bench_cases import CASES, BenchCase, Contender, cases_named
from multilayer.proofs.bench_contenders import CONTENDERS


@dataclass(frozen=True)
class Machine:
    """Where a measurement was made.

    Args:
        processor: its name.
        num_processors: logical cores that this process may run on.
        instruction_set: the widest that PyTorch uses here, such as AVX2 or AVX512.
        num_threads: that a matrix product may use.
        versions: of Python and the packages that took part.
        environment: variables that steer the libraries of matrix products, such as
            OMP_NUM_THREADS. One that holds a single library back makes the comparison unfair.
        step: what takes the engine's steps, in words.
    """

    processor: str
    num_processors: int
    instruction_set: str
    num_threads: int
    versions: dict[str, str]
    environment: dict[str, str]
    step: str = ""

    def __str__(self) -> str:
        cores = f"cores: {self.num_processors}, threads: {self.num_threads}"
        lines = [
            f"Processor: {self.processor}, {self.instruction_set}; {cores}",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
        ]
        if self.step:
            lines.append(f"engine's step: {self.step}")
        if self.environment:
            settings = ", ".join(f"{name}={value}" for name, value in self.environment.items())
            lines.append(f"set in the environment: {settings}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Times:
    """What one contender took for a training step in each measurement, in seconds."""

    contender: str
    step_seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the measurements."""
        return statistics.median(self.step_seconds)


@dataclass(frozen=True)
class CaseResult:
    """All contenders at one case.

    Args:
        case: what was trained.
        times: of each contender that took part.
        left_out: why the others did not, by name.
    """

    case: BenchCase
    times: tuple[Times, ...]
    left_out: dict[str, str]

    def ratio(self, contender: str, to: str) -> float:
        """How many times the step of `to` fits into the step of `contender`, by their medians."""
        medians = {times.contender: times.median for times in self.times}
        return medians[contender] / medians[to]


@dataclass(frozen=True)
class BenchReport:
    """A whole measurement, as it is saved."""

    date: str
    machine: Machine
    results: tuple[CaseResult, ...]

    def save(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        document = {
            "date": self.date,
            "machine": asdict(self.machine),
            "cases": [
                {
                    **asdict(result.case),
                    "contenders": {
                        times.contender: {
                            "step_seconds": times.step_seconds,
                            "median_step_seconds": times.median,
                            "ratio_to_floor": result.ratio(times.contender, "floor"),
                            "ratio_to_engine": result.ratio(times.contender, "engine"),
                        }
                        for times in result.times
                    },
                    "left_out": result.left_out,
                }
                for result in self.results
            ],
        }
        write_text(path, json.dumps(document, indent=2) + "\n")


def bench(
    case_names: Sequence[str] = tuple(CASES),
    *,
    num_repeats: int = 5,
    num_threads: int | None = None,
    seconds: float = 0.25,
) -> Iterator[CaseResult]:
    """Time every contender of `CONTENDERS` at some cases.

    Args:
        case_names: of `CASES`.
        num_repeats: measurements of each contender, of which the median counts; they take turns.
        num_threads: for all contenders; None: what PyTorch, and NumPy for scikit-learn, choose.
        seconds: that a measurement lasts, or one epoch where that takes longer.

    Returns:
        What gives the result of each case, in order, when it is there.

    Raises:
        SettingsError: a case is unknown, or a number is out of range.
    """
    cases = cases_named(case_names)
    num_processors = num_usable_cores()
    if num_repeats < 1:
        raise SettingsError(f"num_repeats must be at least 1; it is {num_repeats}")
    if num_threads is not None and not 1 <= num_threads <= num_processors:
        raise SettingsError(
            f"num_threads must be from 1 to {num_processors}, the number of this machine's "
            f"processors; it is {num_threads}"
        )
    return (measure_case(case, num_repeats, num_threads, seconds) for case in cases)


def measure_case(
    case: BenchCase, num_repeats: int, num_threads: int | None, seconds: float
) -> CaseResult:
    """Time every contender at one case; see `bench`."""
    inputs, targets = case.examples()
    contenders: dict[str, Contender] = {}
    left_out = {}
    for name, make in CONTENDERS.items():
        try:
            contenders[name] = make(case, inputs, targets)
        except MissingExtraError as error:
            left_out[name] = str(error)
    with _limited_threads(num_threads):
        num_epochs = {name: one.warm_up(seconds) for name, one in contenders.items()}
        rounds = [
            {name: one.seconds(num_epochs[name]) for name, one in contenders.items()}
            for _ in range(num_repeats)
        ]
    return CaseResult(
        case,
        tuple(
            Times(name, tuple(times[name] / (number * case.num_steps) for times in rounds))
            for name, number in num_epochs.items()
        ),
        left_out,
    )


def this_machine(num_threads: int | None = None) -> Machine:
    """The machine that this runs on.

    Args:
        num_threads: that were asked for; None: PyTorch's choice.
    """
    return Machine(
        _processor_name(),
        num_usable_cores(),
        torch.backends.cpu.get_cpu_capability(),
        num_threads or torch.get_num_threads(),
        {"Python": platform.python_version(), **_versions()},
        {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(("OPENBLAS_", "OMP_", "MKL_", "KMP_", "GOMP_", "ATEN_", "DNNL_"))
        },
        _step_in_words(),
    )


def _step_in_words() -> str:
    code = compiled_code()
    if code is None:
        return f"PyTorch's operations; the compiled one {reason_without_code()}"
    return f"compiled, for {code.instructions}"


def report_of(results: Sequence[CaseResult], num_threads: int | None = None) -> BenchReport:
    """A report of results measured just now on this machine."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    return BenchReport(now, this_machine(num_threads), tuple(results))


@contextmanager
def _limited_threads(num_threads: int | None) -> Iterator[None]:
    """Hold PyTorch and the libraries behind NumPy to a number of threads."""
    if num_threads is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        with _limited_blas(num_threads):
            yield
    finally:
        torch.set_num_threads(before)


def _limited_blas(num_threads: int) -> Any:
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:  # it comes with scikit-learn, which alone has use for it
        from contextlib import nullcontext

        return nullcontext()
    return threadpool_limits(num_threads)


def _processor_name() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    """Of the packages that are installed, of those that take part."""
    versions = {}
    for name in ("multilayer", "torch", "numpy", "scikit-learn"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
