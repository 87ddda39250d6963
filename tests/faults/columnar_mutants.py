"""Decodes mutants of Parquet or Arrow files one after the other, and says how it went.

As a process of its own, for some of them end it: `python columnar_mutants.py parquet 0 1000`
writes a line for each mutant of the numbers 0 to 999: begun, then accepted, refused, or wrong.
"""

import io
import random
import resource
import sys
import time

from faults.mutation import mutated_bytes
from faults.table_mutants import arrow_files, parquet_files

from multilayer.errors import TableError
from multilayer.reading.columnar_process import decoded_pieces

MEMORY_BYTES = 4 << 30  # of addresses; what is asked for beyond is refused


def mutant(kind: str, number: int, files: list[bytes]) -> bytes:
    """The same for the same number, so that one that did harm can be made again."""
    chance = random.Random(number)
    return bytes(mutated_bytes(files[number % len(files)], chance))


def base_files(kind: str) -> list[bytes]:
    return parquet_files() if kind == "parquet" else arrow_files()


def outcome(content: bytes, kind: str) -> str:
    """Decode as `columnar_process` does, and write as it writes."""
    began = time.process_time()
    try:
        for rows in decoded_pieces(content, kind == "parquet", "the file", None):
            rows.write_ipc_stream(io.BytesIO())
    except TableError as error:
        message = str(error)
        result = "refused" if "\n" not in message and len(message) < 1500 else "wrong message"
    except BaseException as error:
        result = f"wrong {type(error).__name__}"
    else:
        result = "accepted"
    return result if time.process_time() - began < 1 else "wrong: slow"


def main() -> None:
    kind, start, stop = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    files = base_files(kind)
    for number in range(start, stop):
        print(number, end=" ", flush=True)
        print(outcome(mutant(kind, number, files), kind), flush=True)


if __name__ == "__main__":
    main()
