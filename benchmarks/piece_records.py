"""What programs measure piece by piece: a line of JSON for each piece, written as it is made.

A run that is cut keeps its lines, and the next one goes on with the pieces that have none.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def append(path: Path, piece: str, found: dict[str, Any]) -> None:
    """Keep what was found of a piece."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"piece": piece, "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", **found}
    is_cut = path.exists() and not path.read_text().endswith("\n")  # killed while it wrote
    with path.open("a") as file:
        file.write("\n" * is_cut + json.dumps(line) + "\n")


def kept(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything that was found, by piece, the oldest first; a line that was cut is left out."""
    pieces: dict[str, list[dict[str, Any]]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        pieces.setdefault(document["piece"], []).append(document)
    return pieces
