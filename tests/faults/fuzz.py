"""Feeds a reader what a coverage-guided fuzzer thinks of, until the time is over.

`python -m faults.fuzz READER FOLDER -max_total_time=60`: the folder begins as examples and grows.
The fuzzer's own flags follow it; it leaves what did harm in a file `crash-…` of the working folder.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["multilayer"], enable_loader_override=False):
    from multilayer.container.reading import read_container
    from multilayer.errors import MultilayerError
    from multilayer.images.idx import read_idx
    from multilayer.model.model_file import load_predictor
    from multilayer.reading.table import read_table

READERS: dict[str, Callable[[Path], object]] = {
    "idx": read_idx,
    "csv": read_table,
    "json lines": read_table,
    "container": read_container,
    "model": load_predictor,
}


def main() -> None:
    name = sys.argv.pop(1)
    read = READERS[name]
    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / f"fuzz-{os.getpid()}"

    def feed(content: bytes) -> None:
        if content[:4] in (b"PAR1", b"ARRO"):  # decoded in a process of its own, and slowly so
            return
        path.write_bytes(content)
        try:
            read(path)
        except MultilayerError as error:
            assert "\n" not in str(error)

    # Multilayer's own code steers it; a run is stopped after 20 seconds and above 2 GB.
    atheris.Setup([sys.argv[0], "-timeout=20", "-rss_limit_mb=2048", *sys.argv[1:]], feed)
    try:
        atheris.Fuzz()
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
