"""A folder or a pattern of files is one table."""

import gzip
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.errors import DataWarning, TableError
from multilayer.reading.row_places import RowPlaces
from multilayer.reading.table import read_table, read_table_pieces
from multilayer.reading.table_files import find_table_files, is_many_files, table_name

FRAME = pl.DataFrame(
    {
        "n": range(12),
        "x": [place / 4 for place in range(12)],
        "town": ["Bern", "Oslo", None] * 4,
    }
)
WRITERS = {"csv": "write_csv", "parquet": "write_parquet", "jsonl": "write_ndjson"}
WRITERS["arrow"] = "write_ipc"


def write(frame: pl.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    getattr(frame, WRITERS[path.suffix.removeprefix(".")])(path)
    return path


def refused(path: Path | str, **options: object) -> str:
    """What reading says, whole and in pieces alike."""
    with pytest.raises(TableError) as whole:
        read_table(path, **options)
    with pytest.raises(TableError) as in_pieces:
        list(read_table_pieces(path, **options))
    assert str(whole.value) == str(in_pieces.value)
    assert "\n" not in str(whole.value)
    return str(whole.value)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("pattern", ["", "*", "part-*", "**/*"])
def test_files_are_read_in_natural_order(kind: str, pattern: str, tmp_path: Path) -> None:
    for number, start in ((10, 8), (2, 4), (1, 0)):
        write(FRAME[start : start + 4], tmp_path / "t" / f"part-{number}.{kind}")
    path = tmp_path / "t" / pattern if pattern else tmp_path / "t"
    places = RowPlaces()
    assert read_table(path, places=places).equals(FRAME)
    assert [file.name for file in places.files] == [f"part-{n}.{kind}" for n in (1, 2, 10)]
    assert places.place_of(5) == (str(tmp_path / "t" / f"part-2.{kind}"), 1)
    again = RowPlaces()
    pieces = pl.concat(list(read_table_pieces(path, rows_at_once=3, text_bytes=40, places=again)))
    assert pieces["n"].cast(pl.Int64).to_list() == FRAME["n"].to_list()
    assert again.num_rows == 12
    assert table_name(path) == "t"


def test_folders_named_as_hive_does_are_columns(tmp_path: Path) -> None:
    root = tmp_path / "sales"
    for year, town, start in ((2024, "Bern%20Ost", 0), (2024, "__HIVE_DEFAULT_PARTITION__", 4)):
        write(FRAME[start : start + 4], root / f"year={year}" / f"at={town}" / "a.parquet")
    write(FRAME[8:], root / "year=9" / "at=Oslo" / "a.parquet")
    frame = read_table(root)
    assert frame.columns == ["n", "x", "town", "year", "at"]
    assert frame["n"].to_list() == [*range(8, 12), *range(4, 8), *range(4)]  # natural order
    assert frame["year"].to_list() == [9] * 4 + [2024] * 8
    assert frame["at"].to_list() == ["Oslo"] * 4 + [None] * 4 + ["Bern Ost"] * 4
    assert read_table(root / "year=*" / "at=O*").columns == frame.columns
    assert read_table(root / "year=2024").columns == ["n", "x", "town", "at"]
    write(FRAME, root / "year=2025" / "a.parquet")
    assert re.search(
        r"the folders of .*year=9/at=Oslo/a.parquet name 'year', 'at', those of "
        r".*year=2025/a.parquet 'year'; all must",
        refused(root),
    )


def test_a_column_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "n=1" / "a.csv")
    assert f"column 'n' is in {tmp_path}/n=1/a.csv and in the name of its" in refused(tmp_path)
    write(FRAME, tmp_path / "other" / "k=1" / "k=2" / "a.csv")
    assert "lies in two folders that name 'k'" in refused(tmp_path / "other")


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    for kind in WRITERS:
        write(FRAME[:5], tmp_path / kind / f"a.{kind}")
        write(FRAME[5:].select("town", "x", "n"), tmp_path / kind / f"b.{kind}")
        assert read_table(tmp_path / kind).equals(FRAME)


def test_files_that_differ_are_both_named(tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        write(FRAME, tmp_path / f"names-{kind}" / f"a.{kind}")
        write(FRAME.rename({"x": "z"}), tmp_path / f"names-{kind}" / f"b.{kind}")
        assert re.search(
            rf"b.{kind} has other columns than .*a.{kind}: it lacks 'x' and has 'z' besides",
            refused(tmp_path / f"names-{kind}"),
        )
    write(FRAME, tmp_path / "kinds" / "a.parquet")
    write(FRAME.with_columns(x=pl.lit(None)), tmp_path / "kinds" / "b.parquet")
    assert read_table(tmp_path / "kinds")["x"].null_count() == 12
    write(FRAME.with_columns(x=pl.lit("7")), tmp_path / "kinds" / "c.parquet")
    assert re.search(
        r"column 'x' holds numbers in .*/a.parquet and text in .*/c.parquet",
        refused(tmp_path / "kinds"),
    )
    write(FRAME, tmp_path / "formats" / "a.csv")
    write(FRAME, tmp_path / "formats" / "b.jsonl")
    assert re.search(r"a.csv is CSV and .*b.jsonl is JSON", refused(tmp_path / "formats"))
    assert read_table(tmp_path / "formats" / "*.csv").equals(FRAME)
    (tmp_path / "signs").mkdir()
    (tmp_path / "signs" / "a.csv").write_text("a,b\n1.234,2\n")
    (tmp_path / "signs" / "b.csv").write_text("a;b\n1.234;2\n")
    assert re.search(r"a.csv are separated by ',', those of .*b.csv by ';'", refused(
        tmp_path / "signs"))  # fmt: skip


def test_whole_numbers_and_fractions_become_fractions(tmp_path: Path) -> None:
    write(FRAME[:5], tmp_path / "a.parquet")
    write(FRAME[5:].with_columns(pl.col("n").cast(pl.Float32)), tmp_path / "b.parquet")
    for read in (read_table, lambda path: pl.concat(read_table_pieces(path, rows_at_once=2))):
        with pytest.warns(DataWarning, match="'n' holds whole numbers in some files and fractions"):
            frame = read(tmp_path)
        assert frame["n"].dtype == pl.Float64
        assert frame["n"].to_list() == list(range(12))
    write(FRAME[5:].with_columns(pl.col("n").cast(pl.Int8)), tmp_path / "b.parquet")
    assert read_table(tmp_path)["n"].dtype == pl.Int64


def test_a_number_means_the_same_in_all_files(tmp_path: Path) -> None:
    """1.234 is judged beside 1.234,5 of another file, and is 1234 in both or refused."""
    (tmp_path / "a.csv").write_text("x;y\n1.234;1\n2.345;2\n")
    (tmp_path / "b.csv").write_text("x;y\n1.234,5;1\n3.456.789,5;2\n")
    from multilayer.fit.column_roles import ColumnRoles
    from multilayer.fit.table_source import read_rows

    found = read_rows(tmp_path, ColumnRoles(("y",)))
    (column,) = found.schema.inputs
    assert column.number_format is not None
    assert column.number_format.thousands == "."
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "a.jsonl").write_text('{"x": 1.5}\n{"x": 2.5}\n')
    (tmp_path / "json" / "b.jsonl").write_text('{"x": "1.234,5"}\n{"x": "3.456.789"}\n')
    points = ThousandsPoints(frozenset(["x"]))
    message = refused(tmp_path / "json", points=points)
    assert "column 'x'" in message
    assert "holds numbers such as 1.5 and texts such as '1.234,5'" in message


def test_fields_of_json_may_be_missing_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"x": 2, "z": "s"}\n')
    for read in (read_table, lambda path: pl.concat(read_table_pieces(path))):
        with pytest.warns(DataWarning, match=r"beginning of .*a.jsonl has a field 'z'"):
            frame = read(tmp_path)
        assert frame["z"].to_list() == [None, "s"]


def test_packed_files_and_files_without_rows_are_read(tmp_path: Path) -> None:
    write(FRAME[:5], tmp_path / "a.csv")
    packed = write(FRAME[5:], tmp_path / "b.csv")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    write(FRAME[:0], tmp_path / "c.csv")
    with pytest.warns(DataWarning, match=rf"{tmp_path}/c.csv has no rows"):
        assert read_table(tmp_path).equals(FRAME)
    write(FRAME[:0], tmp_path / "p" / "a.parquet")
    write(FRAME, tmp_path / "p" / "b.parquet")
    with pytest.warns(DataWarning, match=r"a.parquet has no rows"):
        assert read_table(tmp_path / "p").equals(FRAME)
    (tmp_path / "p" / "c.parquet").write_bytes(b"")
    assert refused(tmp_path / "p") == f"{tmp_path}/p/c.parquet is empty"


def test_hidden_files_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "a.csv")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".a.csv.crc").write_bytes(b"crc")
    write(FRAME, tmp_path / "_old" / "a.csv")
    for path in (tmp_path, tmp_path / "**" / "*.csv"):
        with pytest.warns(DataWarning, match=r"begin with . or _ and are left out: .*_old"):
            assert read_table(path).equals(FRAME)
    assert read_table(tmp_path / "_old" / "*.csv").equals(FRAME)


def test_what_is_no_table_of_files_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refused(empty) == f"{empty} is a folder without files; a table needs at least one"
    assert "matches no file" in refused(tmp_path / "*.csv")
    (empty / "_SUCCESS").touch()
    assert "without files but _SUCCESS, which begin with . or _" in refused(empty)
    delta = write(FRAME, tmp_path / "delta" / "a.parquet").parent
    (delta / "_delta_log").mkdir()
    assert "is a Delta table, whose log says which of its files count" in refused(delta)
    pictures = write(FRAME, tmp_path / "pictures" / "a.csv").parent
    (pictures / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert refused(pictures) == (f"{pictures}/b.png is a PNG image; a model of tables reads tables")
    sheets = tmp_path / "sheets"
    sheets.mkdir()
    (sheets / "a.xlsx").write_bytes(b"PK\x03\x04")
    assert "a.xlsx is a workbook; save each of several files" in refused(sheets)
    pipe = write(FRAME, tmp_path / "pipes" / "a.csv").parent
    os.mkfifo(pipe / "b.csv")
    assert "it is a pipe that nobody writes to" in refused(pipe)


def test_links_are_followed_and_loops_refused(tmp_path: Path) -> None:
    write(FRAME[:5], tmp_path / "elsewhere" / "a.csv")
    write(FRAME[5:], tmp_path / "t" / "b.csv")
    (tmp_path / "t" / "a").symlink_to(tmp_path / "elsewhere")
    assert read_table(tmp_path / "t").equals(FRAME)
    (tmp_path / "t" / "again.csv").symlink_to(tmp_path / "t" / "b.csv")
    assert re.search(r"again.csv and .*b.csv are one file|b.csv and .*again.csv are one", refused(
        tmp_path / "t"))  # fmt: skip
    (tmp_path / "t" / "again.csv").unlink()
    (tmp_path / "t" / "loop").symlink_to(tmp_path / "t")
    assert "t/loop is a link that leads back to" in refused(tmp_path / "t")
    (tmp_path / "t" / "loop").unlink()
    (tmp_path / "t" / "broken.csv").symlink_to(tmp_path / "nowhere")
    assert "cannot read" in refused(tmp_path / "t")
    assert "broken.csv: no such file" in refused(tmp_path / "t")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("what", ["changed", "gone", "half written"])
def test_a_file_that_changes_while_it_is_read_is_named(
    kind: str, what: str, tmp_path: Path
) -> None:
    for number in range(3):
        write(FRAME, tmp_path / f"{number}.{kind}")
    pieces = read_table_pieces(tmp_path, rows_at_once=100)
    next(pieces)
    if what == "gone":
        (tmp_path / f"2.{kind}").unlink()
    elif what == "half written":  # which is no readable Parquet file
        (tmp_path / f"2.{kind}").write_bytes((tmp_path / f"2.{kind}").read_bytes()[:40])
    else:
        write(FRAME[::-1], tmp_path / f"2.{kind}")
    with pytest.raises(TableError, match=rf"2\.{kind}.*([Nn]o such file|was changed while)"):
        list(pieces)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_one_file_that_changes_while_it_is_read_is_refused(kind: str, tmp_path: Path) -> None:
    path = write(FRAME, tmp_path / f"rows.{kind}")
    pieces = read_table_pieces(path, rows_at_once=4, text_bytes=30)
    next(pieces)
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(TableError, match=rf"rows\.{kind} was changed while it was read"):
        list(pieces)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "a.parquet")
    damaged = write(FRAME, tmp_path / "b.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert f"{damaged} is not a readable Parquet file" in refused(tmp_path)
    write(FRAME, tmp_path / "c" / "a.csv")
    (tmp_path / "c" / "b.csv").write_text("n,x,town\n1,2,Bern\n1,2\n")
    assert re.search(r"row 2 of .*c/b.csv \(line 3\) has 2 fields", refused(tmp_path / "c"))


def test_what_is_said_of_many_files_is_said_once(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.csv").write_text("sep=,\na,b\n1,2\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_table(tmp_path)
    assert [str(one.message) for one in caught] == [
        f"the first line of {tmp_path}/0.csv sets the delimiter to ','",
        (
            f"the first line of {tmp_path}/0.csv sets the delimiter to ','; so it is with "
            f"{tmp_path}/1.csv, {tmp_path}/2.csv, {tmp_path}/3.csv and 1 more"
        ),
    ]


def test_rows_are_told_with_their_files(tmp_path: Path) -> None:
    for number in range(3):
        write(FRAME[:4], tmp_path / f"{number}.csv")
    places = RowPlaces()
    read_table(tmp_path, places=places)
    assert places.told("row 4 of it; 'row 5 of' it") == (
        f"row 4 of it; 'row 5 of' it (row 4 is row 4 of {tmp_path}/0.csv)"
    )
    assert places.told("2 rows (rows 5, 12) have") == (
        f"2 rows (rows 5, 12) have (row 5 is row 1 of {tmp_path}/1.csv, row 12 is row 4 of "
        f"{tmp_path}/2.csv)"
    )
    assert places.told("row 13 of it") == "row 13 of it"
    assert RowPlaces().told("row 1") == "row 1"


def test_an_ordinary_file_is_one_file(tmp_path: Path) -> None:
    path = write(FRAME, tmp_path / "a[1]*.csv")
    assert not is_many_files(path)
    assert read_table(path).equals(FRAME)
    assert table_name(path) == "a[1]*"
    assert not is_many_files("-")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("drawn")


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 12), max_size=4),
    kind=st.sampled_from(["csv", "jsonl"]),
    text_bytes=st.integers(1, 200),
)
@pytest.mark.filterwarnings("ignore:.*no rows:multilayer.errors.DataWarning")
def test_however_the_rows_are_cut_into_files_they_are_the_same(
    cuts: list[int], kind: str, text_bytes: int, folder: Path
) -> None:
    for old in folder.iterdir():
        old.unlink()
    ends = [*sorted(cuts), 12]
    starts = [0, *ends[:-1]]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if kind == "csv" or end > start:
            write(FRAME[start:end], folder / f"{number}.{kind}")
    places = RowPlaces()
    frame = pl.concat(
        list(read_table_pieces(folder, text_bytes=text_bytes, places=places)), how="diagonal"
    )
    assert frame["n"].cast(pl.Int64).to_list() == list(range(12))
    for row in range(1, 13):
        path, of_file = places.place_of(row)
        number = int(Path(path).stem)
        assert starts[number] + of_file == row


def test_files_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("x=1/b.csv", "x=1/a.csv", "x=01/c.csv"):
        write(FRAME, tmp_path / name)
    names = [file.name for file in find_table_files(tmp_path)]
    assert names == ["x=01/c.csv", "x=1/a.csv", "x=1/b.csv"]
