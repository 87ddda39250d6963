"""What this program is called."""

import os
import shutil
import sys
from pathlib import Path


def own_name() -> str:
    """How this program can be called from here, as `make run` does not put it on the path."""
    if Path(sys.argv[0]).name == "__main__.py":
        return "python -m multilayer"
    return "multilayer" if shutil.which("multilayer") else os.path.relpath(sys.argv[0])
