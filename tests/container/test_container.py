"""The container: what goes in comes out, and what is not whole is refused."""

import hashlib
import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from safetensors import safe_open

from multilayer.container.contents import LARGEST_DOCUMENT_BYTES, TYPES
from multilayer.container.reading import parse_container, read_container
from multilayer.container.writing import write_container
from multilayer.errors import ModelFileError

ARRAYS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "counts": np.array([1, 2, 3], np.int64),
    "bytes": np.arange(5, dtype=np.uint8),
    "nothing": np.empty(0, np.float64),
    "one": np.array(2.5),
}
DOCUMENT = {"names": ["cat", "dög", 'a "quoted" \\ one', "\u2028\x00"], "score": 0.1 + 0.2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.safetensors"
    write_container(path, "sample", DOCUMENT, ARRAYS)
    return path


def with_header(path: Path, change: Callable[[dict], object]) -> None:
    """Change the header of a file, and make its checksum right again."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    replaced = change(header)
    text = json.dumps(header, separators=(",", ":")).encode()
    write_with_checksum(
        path, replaced if isinstance(replaced, bytes) else text, content[8 + length :]
    )


def write_with_checksum(path: Path, header: bytes, data: bytes) -> None:
    header += b" " * (-(8 + len(header)) % 8)
    content = bytearray(struct.pack("<Q", len(header)) + header + data)
    if content[8:35] == b'{"__metadata__":{"sha256":"':
        content[35:99] = b"0" * 64
        content[35:99] = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content)


def test_what_was_written_comes_back(path):
    container = read_container(path, "sample")
    assert (container.kind, container.format_version) == ("sample", 4)
    assert container.document == DOCUMENT
    assert set(container.arrays) == set(ARRAYS)
    for name, expected in ARRAYS.items():
        found = container.arrays[name]
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
        assert found.flags.writeable
        assert found.flags.aligned


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name not in ("document", "__metadata__")),
        st.sampled_from(list(TYPES.values())).flatmap(
            lambda dtype: arrays_of.arrays(
                dtype, arrays_of.array_shapes(min_dims=0, max_dims=4, max_side=4)
            )
        ),
        max_size=4,
    ),
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name not in ("kind", "format_version")),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**70), 2**70)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
)
def test_any_document_and_arrays_come_back(tmp_path_factory, arrays, document):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    checksum = write_container(path, "sample", document, arrays)
    container = read_container(path)
    assert container.checksum == checksum
    assert container.document == document
    assert set(container.arrays) == set(arrays)
    for name, expected in arrays.items():
        assert container.arrays[name].tobytes() == expected.tobytes()
        assert container.arrays[name].shape == expected.shape


def test_arrays_that_are_turned_or_big_endian_are_written_as_they_look(path):
    matrix = np.arange(6, dtype=">f4").reshape(2, 3).T
    write_container(path, "sample", {}, {"matrix": matrix})
    np.testing.assert_array_equal(read_container(path).arrays["matrix"], matrix)


def test_other_programs_read_the_arrays(path):
    with safe_open(path, framework="np") as file:
        assert set(file.keys()) == set(ARRAYS)
        np.testing.assert_array_equal(file.get_tensor("weights"), ARRAYS["weights"])
        document = json.loads(file.metadata()["multilayer"])
    assert document == {"format_version": 4, "kind": "sample", **DOCUMENT}


def test_a_long_document_becomes_an_array(path):
    document = {"names": [f"category {number}" for number in range(100_000)]}
    write_container(path, "sample", document, ARRAYS)
    container = read_container(path)
    assert container.document == document
    assert set(container.arrays) == set(ARRAYS)


@pytest.mark.parametrize(
    ("document", "arrays", "message"),
    [
        ({"score": float("nan")}, {}, "is not plain JSON"),
        ({"what": {1, 2}}, {}, "is not plain JSON"),
        ({"text": "x" * LARGEST_DOCUMENT_BYTES}, {}, "must have at most 4,000,000"),
        ({}, {"mask": np.zeros(3, bool)}, "tensor mask for .* is bool"),
        ({}, {"names": np.array(["a"], object)}, "tensor names for .* is object"),
        ({}, {"x" * 10**6: np.zeros(1)}, "the header for"),
    ],
)
def test_what_the_format_does_not_hold_is_not_written(tmp_path, document, arrays, message):
    with pytest.raises(ModelFileError, match=message):
        write_container(tmp_path / "file", "sample", document, arrays)
    assert not any(tmp_path.iterdir())


def entry(header: dict, **changes: object) -> None:
    header["weights"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: entry(h, dtype="F33"), "tensor 'weights' is 'F33'"),
        (lambda h: entry(h, dtype="BOOL"), "tensor 'weights' is 'BOOL'"),
        (lambda h: entry(h, dtype=["F32"]), r"tensor 'weights' is \['F32'\]"),
        (lambda h: entry(h, shape=[3, 3]), "lies at"),
        (lambda h: entry(h, shape=[2, -3]), "has the shape"),
        (lambda h: entry(h, shape=[2, 3.0]), "has the shape"),
        (lambda h: entry(h, shape=[2, True, 3]), "has the shape"),
        (lambda h: entry(h, shape=[1] * 9 + [6]), "has the shape"),
        (lambda h: entry(h, shape=[0, 10**30]), "has the shape"),
        (lambda h: entry(h, shape=[2**62, 2**62]), "has the shape"),
        (lambda h: entry(h, shape=[2**32, 2**32]), "lies at"),
        (lambda h: entry(h, shape="23"), "has the shape"),
        (lambda h: entry(h, data_offsets=[0]), "lies at"),
        (lambda h: entry(h, data_offsets=[24, 0]), "lies at"),
        (lambda h: entry(h, data_offsets=[-24, 0]), "lies at"),
        (lambda h: entry(h, data_offsets=[0, 24]), "begins at"),
        (lambda h: entry(h, data_offsets=[10**6, 10**6 + 24]), "begins at"),
        (lambda h: entry(h, more=1), "lacks its dtype, shape or data_offsets"),
        (lambda h: h["weights"].pop("shape"), "lacks its dtype, shape or data_offsets"),
        (lambda h: h.update(weights=7), "lacks its dtype"),
        (lambda h: h.pop("weights"), "begins at"),
        (lambda h: h["__metadata__"].update(more="x"), "has the unknown 'more' in its metadata"),
        (lambda h: h["__metadata__"].pop("multilayer"), "lacks 'multilayer' in its metadata"),
        (lambda h: h["__metadata__"].pop("sha256"), "only version 1 has no checksum"),
        (lambda h: h["__metadata__"].update(multilayer=7), "has no metadata of ours"),
        (lambda h: h.pop("__metadata__"), "has no metadata of ours"),
        (lambda h: h.update(__metadata__=[]), "has no metadata of ours"),
        (lambda h: h["__metadata__"].update(multilayer="[]"), "must hold a JSON object"),
        (lambda h: h["__metadata__"].update(multilayer="{"), "is not plain JSON"),
        (lambda h: h["__metadata__"].update(multilayer='{"a":NaN}'), "NaN' is not a finite"),
        (lambda h: h["__metadata__"].update(multilayer='{"a":1e999}'), "1e999' is not a finite"),
        (lambda h: h["__metadata__"].update(multilayer='{"a":1,"a":2}'), "'a' stands twice"),
        (lambda h: h["__metadata__"].update(multilayer=r'{"a":"\ud800"}'), "is not plain JSON"),
        (lambda h: h["__metadata__"].update(multilayer="[" * 10**5), "is not plain JSON"),
        (lambda h: h["__metadata__"].update(multilayer="9" * 10**5), "is not plain JSON"),
        (lambda h: json.dumps(h).encode().replace(b'"one"', b'"counts"'), "'counts' stands twice"),
        (lambda h: b"[" * 200_000, "is not plain JSON"),
        (lambda h: b"{}", "has no metadata of ours"),
        (lambda h: b"\xff" + json.dumps(h).encode(), "is not plain JSON"),
    ],
)  # fmt: skip
def test_a_header_that_is_not_right_is_refused(path, change, message):
    with_header(path, change)
    with pytest.raises(ModelFileError, match=message) as error:
        read_container(path, "sample")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


def test_versions_that_are_not_known_are_refused(path):
    for version, message in (
        (5, "1 to 4"),
        (0, "1 to 4"),
        (1, "only version 1"),
        ("2", "'2'"),
        (True, "T"),
    ):
        text = json.dumps({"format_version": version, "kind": "sample"})
        with_header(path, lambda header, text=text: header["__metadata__"].update(multilayer=text))
        with pytest.raises(ModelFileError, match=message):
            read_container(path)


def test_another_kind_is_named(path):
    with pytest.raises(ModelFileError, match="holds 'sample'; it must hold 'images' or 'table'"):
        read_container(path, "images", "table")


def is_refused(content: bytearray) -> bool:
    try:
        parse_container(content, Path("sample"))
    except ModelFileError:
        return True
    return False


def test_every_single_bit_flip_is_found(path):
    """In the header, in the padding and in the arrays."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) * 8):
        content[place // 8] ^= 1 << place % 8
        assert is_refused(content), place
        content[place // 8] ^= 1 << place % 8
    assert not is_refused(content)


def test_every_truncation_is_found(path):
    content = path.read_bytes()
    assert all(is_refused(bytearray(content[:length])) for length in range(len(content)))
    assert is_refused(bytearray(content + b"\0"))


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("absent")
    for name in (
        "absent",
        "pipe",
        "loop",
        "gone",
        ".",
        "/dev/zero",
        "/dev/null",
        "a\0b",
        "a" * 300,
    ):
        with pytest.raises(ModelFileError):
            read_container(tmp_path / name)
    with pytest.raises(ModelFileError, match="there is no model file"):
        read_container(tmp_path / "absent")


def test_a_large_file_is_held_to_its_header_and_to_the_disk_before_it_is_read(path, monkeypatch):
    monkeypatch.setattr("multilayer.container.reading._LARGE_BYTES", 100)
    write_container(path, "sample", DOCUMENT, ARRAYS)
    assert read_container(path).document == DOCUMENT
    with path.open("ab") as file:
        file.write(bytes(2000))
    with pytest.raises(ModelFileError, match="its tensors take 61 bytes, it has 2061"):
        read_container(path)


def test_a_file_that_announces_a_header_of_terabytes_costs_nothing(path):
    path.write_bytes(struct.pack("<Q", 1 << 44) + b"{}")
    with pytest.raises(ModelFileError, match="announces a header of 17592186044416"):
        read_container(path)


def test_a_sparse_file_of_gigabytes_costs_nothing(path):
    content = path.read_bytes()
    path.write_bytes(content)
    os.truncate(path, 10**10)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="its tensors take"):
        read_container(path)
    header = {"a": {"dtype": "U8", "shape": [10**10], "data_offsets": [0, 10**10]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + 10**10)
    with pytest.raises(ModelFileError, match="were ever written"):
        read_container(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
