"""Survey the parts of a table side by side, in several processes, as if it were one pass."""

import threading
import warnings
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from multilayer.fit.survey import TableSurvey
from multilayer.reading.columnar_process import (
    Decoding,
    leave_if_still,
    named_in_utf_8,
    num_rows_of,
)
from multilayer.reading.file_heads import TableHead
from multilayer.reading.many_files import AlikeWarnings, read_ranges, warn_of_empty
from multilayer.reading.one_file import Reading
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table_files import TableFile
from multilayer.shards.shard_plan import ShardCuts
from multilayer.side_by_side import side_by_side

_PART_BYTES = 2**26  # of a Parquet or Arrow file, about
# Of smaller tables a part takes less time than a process to begin.
_FEWEST_BYTES = 2**25
_ALL_ROWS = range(2**62)


class PartsError(Exception):
    """The parts of a table cannot be surveyed each by itself; one process must read it in order."""


@dataclass(frozen=True)
class Part:
    """Rows of one file of a table.

    Attributes:
        file: its index.
        place: which of the file's parts it is, from 0.
        num_parts: that the file is divided into.
    """

    file: int
    place: int = 0
    num_parts: int = 1

    def rows(self, num_rows: int, rows_at_once: int) -> range:
        """The rows of the part, whole chunks but at the end of the file."""
        num_chunks = -(-num_rows // rows_at_once)
        first, end = (
            num_chunks * place // self.num_parts for place in (self.place, self.place + 1)
        )
        return range(first * rows_at_once, min(end * rows_at_once, num_rows))


@dataclass
class SurveyedPart:
    """What a part of a table holds.

    Attributes:
        survey: of its rows, which it numbers from 0.
        cuts: of its rows, as those of their file.
        left_out: columns that hold lists or objects.
        warned: messages and categories of warnings.
    """

    survey: TableSurvey
    cuts: ShardCuts
    left_out: list[str]
    warned: list[tuple[str, type[Warning]]]


def parts_of(files: tuple[TableFile, ...], head: TableHead) -> list[Part]:
    """The parts of a table in order, which depend on its files alone; none if it is small.

    Parquet and Arrow files are divided. Text is read from the beginning of a file, and what JSON
    holds is judged by all files together.
    """
    sizes = [file.path.stat().st_size for file in files]
    if head.kind not in ("Parquet", "Arrow", "CSV") or sum(sizes) < _FEWEST_BYTES:
        return []
    if head.kind == "CSV" or not head.is_plain:
        return [Part(place) for place in range(len(files))]
    parts = []
    for place, size in enumerate(sizes):
        num_parts = max(1, round(size / _PART_BYTES))
        parts += [Part(place, number, num_parts) for number in range(num_parts)]
    return parts


def survey_parts(
    files: tuple[TableFile, ...], head: TableHead, reading: Reading, survey: TableSurvey,
    cuts: ShardCuts, places: RowPlaces, num_processes: int, left_out: list[str],
) -> Iterator[int]:  # fmt: skip
    """Survey a table; the result is that of one pass over it, whatever the number of processes.

    Args:
        files: of the table, from `open_table`.
        head: likewise.
        reading: how they are read.
        survey: of no rows yet; is filled.
        cuts: is filled.
        places: learns which rows are of which file.
        num_processes: at least 1.
        left_out: the names of columns left out are appended here.

    Yields:
        How many rows have been read.

    Raises:
        PartsError: the table must be read in order, as a part has an error, whose words need to
            know what comes before, or says how the weights of later ones are written.
    """
    parts, alike = parts_of(files, head), AlikeWarnings(files)
    if not parts:
        raise PartsError
    work = partial(
        _surveyed, files, head, replace(reading, left_out=[], layouts=[]),
        deepcopy(survey), deepcopy(cuts),
    )  # fmt: skip
    last = -1
    for part, found in zip(parts, _surveyed_parts(parts, work, survey, num_processes), strict=True):
        if not found.survey.judges_chunks_alone:
            raise PartsError
        for warned in found.warned:
            alike.issue(*warned)
        if part.file != last:
            last = part.file
            places.begin(files[last])
        left_out += found.left_out
        survey.merge(found.survey)
        cuts.merge(found.cuts)
        places.add(found.survey.num_rows_read)
        yield survey.num_rows_read
    alike.report()
    if len(files) > 1:
        warn_of_empty(places)


def _surveyed_parts(
    parts: list[Part], work: "partial[SurveyedPart]", survey: TableSurvey, num_processes: int
) -> Iterator[SurveyedPart]:
    """What the work gives for each part, in their order.

    Each part is told how far the sample of those before has come; what it says of rows that cannot
    be in the sample does not depend on it.
    """
    tasks = ((part, survey.state) for part in parts)
    try:
        yield from side_by_side(work, tasks, min(num_processes, len(parts)))
    except Exception as error:
        raise PartsError from error


def _surveyed(
    files: tuple[TableFile, ...], head: TableHead, reading: Reading, survey: TableSurvey,
    cuts: ShardCuts, part: Part, state: tuple[float, bool],
) -> SurveyedPart:  # fmt: skip
    """Survey one part; called in processes of their own."""
    survey.begin(state)
    _decoding().waits = False
    try:
        rows = _ALL_ROWS
        if head.kind != "CSV" and head.is_plain:
            assert reading.rows_at_once is not None
            path = named_in_utf_8(str(files[part.file].path))
            assert isinstance(path, Path)
            rows = part.rows(num_rows_of(path, head.kind == "Parquet"), reading.rows_at_once)
        here = replace(reading, decodes_here=True)
        next_row = rows.start
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _, piece in read_ranges(files, head, here, [(part.file, rows)]):
                counting = survey.add(piece, part.file, next_row)
                cuts.add(part.file, next_row, len(piece), counting)
                next_row += len(piece)
    finally:
        _decoding().waits = True
    survey.settle()
    warned = [(str(one.message), one.category) for one in caught]
    return SurveyedPart(survey, cuts, here.left_out, warned)


@lru_cache(maxsize=1)
def _decoding() -> Decoding:
    """Of this process, which ends if it stands still."""
    decoding = Decoding()
    threading.Thread(target=leave_if_still, args=(decoding,), daemon=True).start()
    return decoding
