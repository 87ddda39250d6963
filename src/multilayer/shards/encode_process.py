"""One of several processes that encode shards: told which, it writes them and says so.

A message on the standard output is a line of JSON: a shard that is done, a warning, an error, or
the end.
"""

import json
import os
import sys
import threading
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from multilayer.errors import MultilayerError
from multilayer.shards.encode_shards import write_shards
from multilayer.shards.shard_folder import Manifest

_SECONDS_TO_OUTLIVE = 0.25


def main() -> None:
    """Encode the shards whose numbers are on the standard input, into the folder that is named."""
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    if os.name != "nt":
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    numbers = json.load(sys.stdin)
    warnings.showwarning = _tell_warning
    warnings.simplefilter("always")
    try:
        for number, entry in write_shards(folder, Manifest.read(folder).plan, numbers):
            _tell({"number": number, "entry": asdict(entry)})
    except MultilayerError as error:
        _tell({"error": str(error), "kind": type(error).__name__})
    else:
        _tell({"end": True})


def _tell_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _tell({"warning": str(message)})


def _tell(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _leave_with(parent: int) -> None:
    """Exit once the parent process is gone."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_TO_OUTLIVE)
    os._exit(1)


if __name__ == "__main__":
    main()
