"""Keeps what the chapter's studies measured, so that their page can be written without training.

A line of the file is one thing, such as a network's settings, with its figures for every seed:
`what` names it, `seeds` are its seeds, and each of `figures` has a value for each of them.
"""

import datetime
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch

from multilayer.experiments.problem import Problem
from multilayer.experiments.study_figures import Figure, Figures, Thing
from multilayer.experiments.study_plan import StudyInterruptedError
from multilayer.files import write_text
from multilayer.images.fashion_mnist import CLASS_NAMES
from multilayer.proofs.bench import this_machine

MEMBERS_OF_A_PIECE = 5  # networks that are trained together, and kept together


@dataclass(frozen=True)
class Origin:
    """When and where something was measured."""

    date: str
    processor: str
    num_processors: int
    num_threads: int


class KeptFigures(Figures):
    """Figures from a file, to which those that are missing are added.

    Args:
        path: the file; it need not be there yet.
        deadline: by `time.monotonic`, after which nothing more is measured; None: nothing is ever.

    Attributes:
        used: everything that was asked for.
    """

    def __init__(self, path: Path, deadline: float | None = None) -> None:
        self._path, self._deadline = path, deadline
        self._figures: dict[Thing, Figure] = {}
        self._origins: dict[str, Origin] = {}
        self.used: set[Thing] = set()
        for line in path.read_text().splitlines() if path.exists() else ():
            record = json.loads(line)
            what = record["what"]
            self._origins[what] = Origin(**record["origin"])
            for number, seed in enumerate(record["seeds"]):
                values = {name: all_[number] for name, all_ in record["figures"].items()}
                self._figures[what, seed] = {n: v for n, v in values.items() if v is not None}

    @property
    def can_measure(self) -> bool:
        """Whether there was any time to measure."""
        return self._deadline is not None

    def get(
        self,
        things: Sequence[Thing],
        measure: Callable[[Sequence[Thing]], Sequence[Figure]],
        needs: Sequence[str] = (),
    ) -> Sequence[Figure]:
        """See `Figures.get`.

        Raises:
            StudyInterruptedError: something is missing, and there is no time to measure it.
        """
        missing = [
            thing
            for thing in dict.fromkeys(things)
            if not set(needs) <= set(self._figures.get(thing, ())) or thing not in self._figures
        ]
        for start in range(0, len(missing), MEMBERS_OF_A_PIECE):
            if self._deadline is None or time.monotonic() > self._deadline:
                raise StudyInterruptedError
            piece = missing[start : start + MEMBERS_OF_A_PIECE]
            machine = this_machine()
            origin = Origin(
                datetime.date.today().isoformat(), machine.processor, machine.num_processors,
                torch.get_num_threads(),
            )  # fmt: skip
            began, worked = time.perf_counter(), time.process_time()
            figures = measure(piece)
            share = (time.process_time() - worked) / (time.perf_counter() - began)
            for thing, figure in zip(piece, figures, strict=True):
                self._figures[thing] = _rounded(_of_the_processor(figure, share))
                self._origins[thing[0]] = origin
            self._write()
        self.used |= set(things)
        return [self._figures[thing] for thing in things]

    def figure(self, thing: Thing) -> Figure:
        """What is kept of a thing."""
        return self._figures[thing]

    def origin(self, thing: Thing) -> Origin:
        """When and where it was measured."""
        return self._origins[thing[0]]

    def _write(self) -> None:
        by_what: dict[str, dict[int, Figure]] = {}
        for (what, seed), figure in sorted(self._figures.items()):
            by_what.setdefault(what, {})[seed] = figure
        lines = []
        for what, by_seed in by_what.items():
            names = sorted({name for figure in by_seed.values() for name in figure})
            record = {
                "what": what,
                "origin": vars(self._origins[what]),
                "seeds": list(by_seed),
                "figures": {n: [one.get(n) for one in by_seed.values()] for n in names},
            }
            lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._path, "".join(lines))


def _of_the_processor(figure: Figure, share: float) -> Figure:
    """With the time of an epoch as the processor worked on it, where other work held it up.

    Args:
        figure: of a network, or of something else, which stays.
        share: of the time that has passed, in which the processor worked on this.
    """
    if torch.get_num_threads() > 1 or "seconds_an_epoch" not in figure:
        return figure
    return {**figure, "seconds_an_epoch": figure["seconds_an_epoch"] * min(1.0, share)}


def _rounded(value: Any) -> Any:
    """With numbers of five digits, as JSON holds them."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, (list, tuple)) else value


class KnownRows(Problem):
    """What is to be said of Fashion-MNIST's rows, without the rows."""

    name, task, image_shape = "fashion-mnist", "images", (28, 28)
    class_names = CLASS_NAMES

    def __init__(self, num_rows: int = 60_000) -> None:
        self._num_rows = num_rows

    def __len__(self) -> int:
        return self._num_rows

    def first_rows(self, num_rows: int) -> "KnownRows":
        """The same problem with fewer rows."""
        return KnownRows(min(num_rows, self._num_rows))

    def _refuse(self, *_: object) -> NoReturn:
        raise StudyInterruptedError

    examples = spec = hold_out = _refuse  # type: ignore[assignment]
