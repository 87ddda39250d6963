"""Damaged and hostile files: a result or the one named error, and nothing else, ever."""

import gzip
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from faults.mutation import (
    KEPT,
    assert_survives,
    joined,
    mutated_bytes,
    mutated_model,
    parts,
    sealed,
)

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import IdxFileError, ImageFileError, ModelFileError, RunFolderError
from multilayer.images.idx import read_idx, write_idx
from multilayer.model.model import Model
from multilayer.model.model_file import load_predictor, save_model
from multilayer.runs.run_documents import read_history, read_json

NUM_MODEL_MUTANTS, NUM_MUTANTS, NUM_LONG = 4_000, 1_500, 200_000


@pytest.fixture
def model_content(tmp_path) -> bytes:
    network = Network.initialized(NetworkSpec(6, 3, (4,), input_scale=1 / 255), [0, 1])
    save_model(Model.of_images(network, (2, 3), ("a", "b", "c"), {"x": [1]}), tmp_path / "model")
    return (tmp_path / "model").read_bytes()


def run_model_mutants(content, folder, num_mutants, count, seed=0) -> None:
    chance, path = random.Random(seed), folder / f"model-{os.getpid()}"
    num_accepted = 0
    try:
        for _ in range(num_mutants):
            mutant = mutated_model(content, chance)
            num_accepted += assert_survives(load_predictor, (ModelFileError,), path, mutant)
    finally:
        path.unlink(missing_ok=True)
    # Some mutants are other models that are whole: another name of a class, another weight.
    assert 0 < num_accepted < num_mutants / 3
    count("model mutants", num_mutants)


def test_mutants_of_model_files(model_content, memory_folder, count):
    run_model_mutants(model_content, memory_folder, NUM_MODEL_MUTANTS, count)


@pytest.mark.long
def test_many_more_mutants_of_model_files(model_content, memory_folder, count):
    run_model_mutants(model_content, memory_folder, NUM_LONG, count, seed=1)


def run_mutants(name, contents, read, errors, folder, num_mutants, count, seed=0) -> None:
    chance, path = random.Random(seed), folder / f"{name}-{os.getpid()}"
    try:
        for number in range(num_mutants):
            mutant = mutated_bytes(contents[number % len(contents)], chance)
            assert_survives(read, errors, path, bytes(mutant))
    finally:
        path.unlink(missing_ok=True)
    count(f"{name} mutants", num_mutants)


def idx_contents(folder: Path) -> list[bytes]:
    arrays = [
        np.arange(60, dtype=np.uint8).reshape(3, 4, 5),
        np.linspace(-1, 1, 7),
        np.arange(6, dtype=np.int16).reshape(2, 3),
    ]
    contents = []
    for number, array in enumerate(arrays):
        write_idx(folder / f"{number}", array)
        contents.append((folder / f"{number}").read_bytes())
    return contents


def test_mutants_of_idx_files(tmp_path, memory_folder, count):
    contents = idx_contents(tmp_path)
    run_mutants("idx", contents, read_idx, (IdxFileError,), memory_folder, NUM_MUTANTS, count)


def test_mutants_of_gzip_files(tmp_path, memory_folder, count):
    contents = [gzip.compress(content, mtime=0) for content in idx_contents(tmp_path)]
    run_mutants("gzip", contents, read_idx, (IdxFileError,), memory_folder, NUM_MUTANTS, count)


def test_mutants_of_json_files(tmp_path, count):
    settings = json.dumps({"recipe": "chapter", "settings": {"seed": 0, "x": [1, 2.5, None]}})

    def read(path: Path) -> object:
        return read_json(path.parent, path.name)

    run_mutants("json", [settings.encode()], read, (RunFolderError,), tmp_path, NUM_MUTANTS, count)


def test_mutants_of_histories(tmp_path, count):
    lines = "".join(json.dumps({"epoch": n, "train_loss": 0.5}) + "\n" for n in range(1, 4))
    chance = random.Random(0)
    for _ in range(NUM_MUTANTS):
        (tmp_path / "history.jsonl").write_bytes(mutated_bytes(lines.encode(), chance))
        try:
            assert all(isinstance(line["epoch"], int) for line in read_history(tmp_path))
        except RunFolderError as error:
            assert "\n" not in str(error)
    count("history mutants", NUM_MUTANTS)


def test_mutants_of_pictures(tmp_path, memory_folder, count):
    from PIL import Image

    from multilayer.images.image_files import read_pictures

    contents = []
    for mode in ("L", "RGB", "RGBA", "P", "I;16", "1"):
        Image.new(mode, (5, 4)).save(tmp_path / "picture.png")
        contents.append((tmp_path / "picture.png").read_bytes())
    run_mutants(
        "png", contents, lambda path: read_pictures(path, (4, 5)),
        (ImageFileError, IdxFileError), memory_folder, NUM_MUTANTS, count,
    )  # fmt: skip


@pytest.mark.parametrize("path", sorted(KEPT.glob("*")), ids=lambda path: path.name)
def test_a_kept_file_does_no_harm_any_more(path):
    for read in (load_predictor, read_idx):
        with suppress(ModelFileError, IdxFileError):
            read(path)


class _Payload:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


def pickles(mark: Path) -> dict[str, bytes]:
    payload = _Payload(f"touch {mark}")
    plain = [pickle.dumps(payload, protocol) for protocol in range(6)]
    files = {f"protocol {number}": content for number, content in enumerate(plain)}
    files["eval"] = b"cbuiltins\neval\n(S'open(\"" + str(mark).encode() + b'","w")\'\ntR.'
    files["inst"] = b"(S'touch " + str(mark).encode() + b"'\nios\nsystem\n."
    files["numpy"] = (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", 60)
        + (b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}".ljust(59) + b"\n")
        + plain[2]
    )
    return files


def test_payloads_of_pickle_are_never_run(tmp_path, model_content, count):
    """As the file itself, as the zip that torch.save writes, before and behind a whole file, and
    as text or as an array within one."""
    mark = tmp_path / "mark"
    files = pickles(mark)
    for name, content in list(files.items()):
        with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
            archive.writestr("model/data.pkl", content)
        files[f"{name}, zip"] = (tmp_path / "zip").read_bytes()
        files[f"{name}, behind"] = model_content + content
        files[f"{name}, before"] = content + model_content
        header, data = parts(model_content)
        document = json.loads(header["__metadata__"]["multilayer"])
        document["details"] = {"payload": content.decode("latin-1"), "__reduce__": "os.system"}
        document["class_names"] = [f"__import__('os').system('touch {mark}')", "b", "c"]
        header["__metadata__"]["multilayer"] = json.dumps(document)
        files[f"{name}, within"] = bytes(sealed(joined(header, data)))
    for content in files.values():
        with suppress(ModelFileError):
            read_model_file_from(tmp_path, content)
        assert not mark.exists()
    count("pickle payloads", len(files))


def read_model_file_from(folder: Path, content: bytes) -> object:
    (folder / "model.safetensors").write_bytes(content)
    return load_predictor(folder / "model.safetensors")


def test_our_code_names_nothing_that_runs_what_it_reads():
    package = Path(sys.modules["multilayer"].__file__).parent
    for path in package.rglob("*.py"):
        if path.name == "fresh_process.py":  # speaks with a process of its own, and reads no file
            continue
        text = path.read_text()
        for word in ("import pickle", "torch.load", "allow_pickle=True", "yaml.load", "marshal"):
            assert word not in text, f"{path}: {word}"


WORST = {
    "lists": '[' + "[]," * 999_000 + "[]]",
    "objects": '{"a":[' + "{}," * 999_000 + "{}]}",
    "texts": '{"a":[' + '"abc",' * 600_000 + '"b"]}',
    "names": "{" + ",".join(f'"{n}":0' for n in range(280_000)) + "}",
    "numbers": '{"a":[' + "12345," * 600_000 + "1]}",
}  # fmt: skip


def worst_lists(num_entries: int, letters: str) -> tuple[str, dict[str, np.ndarray]]:
    """As many texts outside a document as there may be, of 16,000,000 bytes in all."""
    each = 16_000_000 // num_entries
    text = letters.encode()[:each].ljust(each, b"x") * num_entries
    ends = np.arange(each, each * (num_entries + 1), each, dtype=np.int64)
    document = '{"format_version":3,"kind":"images","a":null,"lists":[["a"]]}'
    return document, {"lists.0": np.frombuffer(text, np.uint8), "lists.0.ends": ends}


WORST_LISTS = {
    "many texts": lambda: worst_lists(300_000, ""),
    "wide letters": lambda: worst_lists(1000, "\U0001f600"),  # all letters take 4 bytes beside it
    "many numbers": lambda: (
        '{"format_version":3,"kind":"images","a":null,"lists":[["a"]]}',
        {"lists.0": np.arange(300_000.0)},
    ),
}


@pytest.mark.parametrize("name", [*WORST, *WORST_LISTS])
def test_the_worst_documents_stay_within_time_and_memory(name, tmp_path):
    """In a process of its own: a second, and twice the file's size and 64 MB.

    The second is one of a processor that parses a million numbers as JSON in a sixth of it.
    """
    document, arrays = WORST_LISTS[name]() if name in WORST_LISTS else (WORST[name], {})
    arrays["document"] = np.frombuffer(document.encode(), np.uint8)
    header, data = {"__metadata__": {"sha256": "0" * 64}}, b""
    for array_name, array in sorted(arrays.items(), key=lambda item: -item[1].itemsize):
        place = [len(data), len(data) + array.nbytes]
        dtype = {"f": "F64", "i": "I64", "u": "U8"}[array.dtype.kind]
        header[array_name] = {"dtype": dtype, "shape": [array.size], "data_offsets": place}
        data += array.tobytes()
    path = tmp_path / "model"
    path.write_bytes(sealed(joined(header, data)))
    program = f"""
import json, resource, time
from pathlib import Path
from multilayer.errors import ModelFileError
from multilayer.model.model_file import load_predictor
million = "[" + "12345.5," * 999_999 + "1]"
began = time.process_time()
json.loads(million)
sixth = time.process_time() - began
del million
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    load_predictor({str(path)!r})
except ModelFileError:
    pass
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([grown * 1024, (time.process_time() - began) / (6 * sixth)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    grown, seconds = json.loads(done.stdout)
    assert grown <= 2 * path.stat().st_size + 64e6
    assert seconds <= 1, seconds
