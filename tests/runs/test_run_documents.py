"""A run folder from a stranger is read as carefully as a model file."""

import copy
import json
import os
import random
import shutil
import warnings
from pathlib import Path

import pytest

from multilayer.cli.application import run
from multilayer.diagnostics.doctor.examination import doctor
from multilayer.diagnostics.learning import learning_of
from multilayer.errors import MultilayerError, OutputError, RunFolderError
from multilayer.report.collect import write_report
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.evaluation import evaluate_run
from multilayer.runs.inspection import inspect_table
from multilayer.runs.run_documents import read_history, read_results, read_settings, read_study
from multilayer.runs.run_folder import RunFolder

HOSTILE = (
    None, True, -1, 10**19, 10**200, 1e308, "", "x", "-x", [], {}, [[]], [None], ["x"], [-1],
    {"name": 1},
)  # fmt: skip
DOCUMENTS = {"settings.json": read_settings, "results.json": read_results}
QUICK = ["--max-epochs", "2", "--hidden-widths", "4", "--quiet", "--output"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The runs `table` and `images`."""
    folder = tmp_path_factory.mktemp("runs")
    rows = [f"{n * 7 % 60},{'abc'[n % 3]},{'no' if n * 7 % 60 < 30 else 'yes'}" for n in range(60)]
    (folder / "rows.csv").write_text("\n".join(["size,town,y", *rows]) + "\n")
    assert run(["train", str(folder / "rows.csv"), "--target", "y", *QUICK, f"{folder}/table"]) == 0
    assert run(["train", "digits", *QUICK, f"{folder}/images"]) == 0
    return folder


@pytest.fixture
def table(folder, tmp_path) -> Path:
    """A copy of the run on a table."""
    return Path(shutil.copytree(folder / "table", tmp_path / "run"))


def places(document, place=()):
    """Every place in a document; of a list the first and the last entry."""
    if isinstance(document, dict):
        parts = list(document.items())
    else:
        parts = [(n, document[n]) for n in sorted({0, len(document) - 1}) if document]
    for key, value in parts:
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from places(value, (*place, key))


def changed(document, place, value):
    document = part = copy.deepcopy(document)
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return document


def mutants(folder: Path):
    """Name and content of a file with one value replaced."""
    for name in ("settings.json", "results.json", "history.jsonl"):
        text = (folder / name).read_text()
        document = json.loads(text.splitlines()[0] if name == "history.jsonl" else text)
        for place in places(document):
            for value in HOSTILE:
                yield name, place, value, json.dumps(changed(document, place, value)) + "\n"


def commands(kind: str, folder: Path):
    yield lambda: write_report([folder])
    yield lambda: doctor(folder)
    yield lambda: learning_of(folder)
    yield lambda: inspect_table(folder) if kind == "table" else evaluate_run(folder)
    yield lambda: RunConfiguration.saved_in(folder)


@pytest.mark.parametrize("kind", ["table", "images"])
def test_values_of_other_types_are_used_or_refused(folder, tmp_path, kind):
    """A few of some 3,000 mutants, each read by one of five commands."""
    warnings.simplefilter("ignore")
    chosen = random.Random(kind).sample(list(mutants(folder / kind)), 40 if kind == "table" else 10)
    for number, (name, place, value, text) in enumerate(chosen):
        mutant = Path(shutil.copytree(folder / kind, tmp_path / str(number)))
        (mutant / name).write_text(text)
        command = list(commands(kind, mutant))[number % 5]
        try:
            command()
        except MultilayerError as error:
            assert len(str(error).splitlines()) == 1, (name, place, value)
            str(error).encode()


@pytest.mark.parametrize(
    ("name", "place", "value", "complaint"),
    [
        ("results.json", ("validation", 0, "low"), "NaN",
         r"validation\[0\].low must be a number or null; it is 'NaN'"),
        ("results.json", ("versions",), [1], "versions must be an object, each value text"),
        ("results.json", ("part_seconds",), {"a": "b"}, "part_seconds.a must be a number"),
        ("results.json", ("validation", 0), "x", r"validation\[0\] must be an object"),
        ("settings.json", ("data", "roles", "drop"), True, "data.roles.drop must be a list, each"),
        ("settings.json", ("data", "validation"), [1], r"data.validation must be text or null"),
        ("settings.json", ("data", "validation_rows"), [[], 1],
         r"data.validation_rows\[0\] must be a whole number from 0; it is \[\]"),
        ("settings.json", ("data", "validation_members"), [0], "must be as long as"),
        ("settings.json", ("settings", "hidden_widths"), [10**19], r"hidden_widths\[0\] must be a"),
        ("settings.json", ("settings", "from_the_future"), {"a": 1}, "settings.from_the_future"),
        ("settings.json", ("data", "schema", "columns", 0, "kind"), 7, "kind must be 'numeric' or"),
        ("settings.json", ("data", "task"), "x", "data.task must be 'binary' or"),
        ("settings.json", ("data", "load"), None, "data.load must be text; it is None"),
    ],
)  # fmt: skip
def test_what_is_not_as_declared_is_named(table, name, place, value, complaint):
    document = json.loads((table / name).read_text())
    (table / name).write_text(json.dumps(changed(document, place, value)))
    with pytest.raises(RunFolderError, match=f"{name} is not a valid file of a run: .*{complaint}"):
        DOCUMENTS[name](table)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested more than 64 levels deep"),
        ('{"a":' * 100 + "1" + "}" * 100, "nested more than 64 levels deep"),
        ('{"recipe": "\\ud800"}', "half of a character"),
        ('{"recipe": NaN}', "'NaN' is not a finite number"),
        ('{"recipe": 1e999}', "is not a finite number"),
        ('{"recipe": ' + "9" * 5000 + "}", "has more than 300 digits"),
        ('{"recipe": "a", "recipe": "b"}', "the name 'recipe' stands twice"),
        ("", "Expecting value"),
        (b"\xff\xfe", "UTF-8|utf-8"),
    ],
)
def test_json_that_misleads_is_refused(table, content, complaint):
    for name, read in DOCUMENTS.items():
        data = content if isinstance(content, bytes) else content.encode()
        (table / name).write_bytes(data)
        with pytest.raises(RunFolderError, match=f"{name} cannot be read: .*{complaint}"):
            read(table)
    (table / "history.jsonl").write_bytes(data + b"\n")
    with pytest.raises(RunFolderError, match=complaint):
        read_history(table)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"epoch": 1, "train_loss": []}', "train_loss must be a number or null"),
        ('{"epoch": 1, "train_other": "x"}', "train_other must be a number or null"),
        ('{"epoch": -1}', "epoch must be a whole number from 0"),
        ('{"train_loss": 1}', "epoch is missing"),
        ("1", "must hold a JSON object"),
    ],
)
def test_a_damaged_line_of_the_history_is_named(table, line, complaint):
    (table / "history.jsonl").write_text(f'{{"epoch": 1}}\n{line}\n')
    with pytest.raises(RunFolderError, match=f"line 2 of .*history.jsonl .*{complaint}"):
        read_history(table)


@pytest.mark.parametrize("kind", ["sparse", "pipe", "folder", "device"])
def test_files_without_end_are_refused_at_once(table, kind):
    readers = {**DOCUMENTS, "history.jsonl": read_history, "tune.json": lambda path: read_study(
        path, "tune.json")}  # fmt: skip
    for name, read in readers.items():
        path = table / name
        path.unlink(missing_ok=True)
        match kind:
            case "sparse":
                path.touch()
                os.truncate(path, 10 << 30)
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "device":
                path.symlink_to("/dev/zero")
        expected = "it has 10,737,418,240 bytes" if kind == "sparse" else "must be an ordinary file"
        with pytest.raises(RunFolderError, match=f"{name} cannot be read: .*{expected}"):
            read(table)
    path = table / "history.jsonl"
    if kind == "sparse":
        os.truncate(path, 1 << 27)
        with pytest.raises(RunFolderError, match="its line 1 has more than 1,048,576 bytes"):
            read_history(table)


@pytest.mark.parametrize(
    "name", ["history.jsonl", "checkpoints", "curves.png", "model.safetensors"]
)
def test_a_run_with_links_to_elsewhere_does_not_go_on(table, tmp_path, name):
    (table / "checkpoints").mkdir(exist_ok=True)
    victim = tmp_path / "precious"
    shutil.move(table / name, victim)
    (table / name).symlink_to(victim)
    with pytest.raises(OutputError, match=f"cannot write .*{name}: it is a link to elsewhere"):
        RunFolder.reopened(table)
    assert victim.exists()
    (table / name).unlink()
    (table / "checkpoints").mkdir(exist_ok=True)
    (table / "checkpoints" / "epoch-00001-batch-0000000.safetensors").symlink_to(victim)
    with pytest.raises(OutputError, match="checkpoints/epoch-00001.*is a link to elsewhere"):
        RunFolder.reopened(table)


@pytest.mark.parametrize("kind", ["table", "images"])
def test_reports_and_pictures_are_not_written_through_links(folder, tmp_path, kind):
    copy_of = Path(shutil.copytree(folder / kind, tmp_path / "run"))
    victim = tmp_path / "precious"
    victim.write_text("precious")
    for name in ("report.html", "confusion_matrix.png", "reliability.png"):
        (copy_of / name).symlink_to(victim)
    data = [str(folder / "rows.csv")] if kind == "table" else []
    assert run(["report", str(copy_of)]) == 2
    assert run(["evaluate", str(copy_of), *data]) == 2
    assert victim.read_text() == "precious"


def test_settings_of_another_run_than_the_model_are_named(table):
    document = json.loads((table / "settings.json").read_text())
    del document["data"]["schema"]["columns"][0]
    (table / "settings.json").write_text(json.dumps(document))
    with pytest.raises(RunFolderError, match=r"model\.safetensors and settings\.json of .* not of"):
        doctor(table)


@pytest.mark.parametrize("path", ["~nobody-is-so-called/x", "x" * 5000, "a\0b", "/dev/zero", "."])
def test_places_that_cannot_be_are_one_error(table, folder, tmp_path, path):
    images = Path(shutil.copytree(folder / "images", tmp_path / "images"))
    for copy_of in (table, images):
        document = json.loads((copy_of / "settings.json").read_text())
        document["data"]["load"] = path
        (copy_of / "settings.json").write_text(json.dumps(document))
        with pytest.raises(MultilayerError) as error:
            doctor(copy_of)
        str(error.value).encode()
