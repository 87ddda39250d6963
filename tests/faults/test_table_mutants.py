"""Tables that were damaged or made to do harm: rows, or one named error, and nothing else, ever."""

import os
import random
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from faults.columnar_mutants import base_files, mutant
from faults.mutation import KEPT, assert_survives
from faults.table_mutants import mutated_csv, mutated_json_lines

from multilayer.columns.kinds import infer_schema
from multilayer.errors import MultilayerError, TableError
from multilayer.reading.table import read_table, read_table_pieces

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

NUM_MUTANTS, NUM_COLUMNAR, NUM_LONG = 500, 400, 100_000
SECONDS_A_MUTANT = 10
TESTS = Path(__file__).parent.parent


def read_and_judge(path: Path) -> None:
    """What every program does first with a table."""
    infer_schema(read_table(path))


def run_text_mutants(make, name, ending, folder, num_mutants, count, seed=0) -> None:
    chance, path = random.Random(seed), folder / f"{name}-{os.getpid()}.{ending}"
    num_accepted = 0
    try:
        for _ in range(num_mutants):
            num_accepted += assert_survives(read_and_judge, (MultilayerError,), path, make(chance))
    finally:
        path.unlink(missing_ok=True)
    assert num_mutants / 10 < num_accepted < num_mutants * 0.9
    count(f"{name} mutants", num_mutants)


def test_mutants_of_csv_files(memory_folder, count):
    run_text_mutants(mutated_csv, "csv", "csv", memory_folder, NUM_MUTANTS, count)


def test_mutants_of_json_lines(memory_folder, count):
    run_text_mutants(mutated_json_lines, "json lines", "jsonl", memory_folder, NUM_MUTANTS, count)


@pytest.mark.long
def test_many_more_mutants_of_text_tables(memory_folder, count):
    run_text_mutants(mutated_csv, "csv", "csv", memory_folder, NUM_LONG, count, seed=1)
    run_text_mutants(
        mutated_json_lines, "json lines", "jsonl", memory_folder, NUM_LONG, count, seed=1
    )


def decoded(kind: str, start: int, stop: int) -> tuple[Counter, list[int]]:
    """Outcomes of the mutants of these numbers, and which of them ended the process."""
    outcomes, deadly = Counter(), []
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    }  # fmt: skip
    while start < stop:
        with subprocess.Popen(
            [sys.executable, "-m", "faults.columnar_mutants", kind, str(start), str(stop)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        ) as process:  # fmt: skip
            try:
                output, _ = process.communicate(timeout=60 + SECONDS_A_MUTANT * (stop - start) / 50)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                pytest.fail(f"{kind} mutant {output.splitlines()[-1]} does not come to an end")
        lines = [line.split(" ", 1) for line in output.splitlines()]
        assert lines, "the process did not begin"
        outcomes.update(outcome for _, outcome in lines if outcome)
        start = int(lines[-1][0]) + 1
        if not lines[-1][1]:
            deadly.append(start - 1)
    return outcomes, deadly


def run_columnar_mutants(kind, start, stop, folder, count) -> None:
    outcomes, deadly = decoded(kind, start, stop)
    assert set(outcomes) == {"accepted", "refused"}
    assert sum(outcomes.values()) + len(deadly) == stop - start
    files = base_files(kind)
    for number in deadly:  # ends the process that decodes, and not the one that reads
        path = folder / f"{kind}-{os.getpid()}"
        path.write_bytes(mutant(kind, number, files))
        with suppress(MultilayerError):  # where there is more memory it may be read
            read_and_judge(path)
        path.unlink()
    count(f"{kind} mutants", stop - start)
    count(f"{kind} mutants that ended the decoder", len(deadly))


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_mutants_of_columnar_files(kind, memory_folder, count):
    run_columnar_mutants(kind, 0, NUM_COLUMNAR, memory_folder, count)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_many_more_mutants_of_columnar_files(kind, memory_folder, count):
    run_columnar_mutants(kind, NUM_COLUMNAR, NUM_COLUMNAR + NUM_LONG, memory_folder, count)


@pytest.mark.parametrize("path", sorted(KEPT.glob("table-*")), ids=lambda path: path.name)
def test_a_kept_table_does_no_harm_any_more(path):
    with suppress(MultilayerError):
        read_and_judge(path)
    for piece in _pieces(path):
        infer_schema(piece)


def _pieces(path: Path):
    with suppress(MultilayerError):
        yield from read_table_pieces(path)


def test_a_file_that_ends_its_decoder_is_named():
    """It asks for more memory than any machine has, and polars then ends the process."""
    with pytest.raises(TableError, match="is not a readable Arrow file: the decoder was ended by"):
        read_table(KEPT / "table-arrow-that-aborts")


def test_a_lone_return_after_a_quote_is_named():
    """Polars would read it as the end of a field that goes on; a fuzzer found it."""
    with pytest.raises(TableError, match="row 3 of .*: a carriage return outside quotes"):
        read_table(KEPT / "table-csv-return-after-a-quote")
