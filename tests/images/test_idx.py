import gzip
import math
import os
import struct
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multilayer.errors import IdxFileError, OutputError
from multilayer.images.idx import TYPES, read_idx, write_idx

ARRAYS = st.sampled_from([dtype.newbyteorder("=") for dtype in TYPES.values()]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0))
)
WITH_ONE_FOLDER = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def error_of(path: Path) -> str:
    with pytest.raises(IdxFileError) as caught:
        read_idx(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def write(path: Path, content: bytes, compressed: bool = False) -> Path:
    path.write_bytes(gzip.compress(content) if compressed else content)
    return path


@pytest.fixture
def encoded(tmp_path: Path) -> bytes:
    write_idx(tmp_path / "encoded", IMAGES)
    return (tmp_path / "encoded").read_bytes()


@WITH_ONE_FOLDER
@given(array=ARRAYS, name=st.sampled_from(["plain", "packed.gz"]))
def test_what_is_written_is_read_back(tmp_path: Path, array, name) -> None:
    write_idx(tmp_path / name, array)
    back = read_idx(tmp_path / name)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.flags.writeable
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_a_file_made_by_hand_is_read(tmp_path: Path) -> None:
    content = bytes([0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 3])
    content += struct.pack(">6h", 1, -2, 300, -400, 32767, -32768)
    expected = np.array([[1, -2, 300], [-400, 32767, -32768]], dtype=np.int16)
    np.testing.assert_array_equal(read_idx(write(tmp_path / "a", content)), expected)
    np.testing.assert_array_equal(read_idx(write(tmp_path / "a.gz", content)), expected)
    np.testing.assert_array_equal(read_idx(write(tmp_path / "b", content, True)), expected)


def test_transposed_and_big_endian_arrays_are_written_by_value(tmp_path: Path) -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    write_idx(tmp_path / "a", array)
    assert read_idx(tmp_path / "a").tolist() == [[0, 3], [1, 4], [2, 5]]


def test_equal_arrays_give_equal_gzip_files(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", IMAGES)
    write_idx(tmp_path / "b.gz", IMAGES)
    content = (tmp_path / "a.gz").read_bytes()
    assert content == (tmp_path / "b.gz").read_bytes()
    assert content[4:8] == bytes(4)  # no time of writing


@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_file_is_named_with_both_sizes(tmp_path, encoded, compressed) -> None:
    for length in range(len(encoded)):
        message = error_of(write(tmp_path / "cut", encoded[:length], compressed))
        if length >= 16:
            assert "truncated" in message
            assert "announces 40 bytes (2 x 3 x 4 of uint8)" in message
            assert f"it has {length}" in message


@pytest.mark.parametrize("compressed", [False, True])
def test_trailing_bytes_are_refused(tmp_path, encoded, compressed) -> None:
    message = error_of(write(tmp_path / "long", encoded + b"!", compressed))
    assert "is too long" in message
    assert "announces 40 bytes" in message


def test_a_broken_gzip_stream_is_refused_wherever_it_breaks(tmp_path) -> None:
    content = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    write_idx(tmp_path / "whole.gz", content)
    packed = (tmp_path / "whole.gz").read_bytes()
    for length in range(2, len(packed), 97):
        assert "corrupt" in error_of(write(tmp_path / "cut.gz", packed[:length]))
    assert "announces 5008 bytes" in error_of(write(tmp_path / "cut.gz", packed[:4000]))
    wrong_sum = packed[:-8] + b"\0\0\0\0" + packed[-4:]
    assert "corrupt" in error_of(write(tmp_path / "sum.gz", wrong_sum))
    assert "corrupt" in error_of(write(tmp_path / "tail.gz", packed + b"tail"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\0\0\x08", "at least 4 bytes, not 3"),
        (b"\x89PNG\r\n\x1a\n", "begins with 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\0", "begins with 00 00 07 01"),
        (b"\0\0\x08\x03\0\0\0\x01", "a header of 3 dimensions has 16 bytes, the file has 8"),
        (b"\0\0\x08\x01" + b"\xff" * 4, f"announces {8 + 2**32 - 1} bytes"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, f"announces {16 + (2**32 - 1) ** 3 * 8} bytes"),
        (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"x", "cannot be held as an array"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_other_content_is_refused(tmp_path, content, says, compressed) -> None:
    assert says in error_of(write(tmp_path / "bad", content, compressed))


def test_missing_files_folders_and_devices_are_refused(tmp_path: Path) -> None:
    assert "no such file" in error_of(tmp_path / "missing")
    assert "is a folder" in error_of(tmp_path)
    assert "not a directory" in error_of(write(tmp_path / "file", b"x") / "below")
    assert "it is a device" in error_of(Path("/dev/zero"))
    assert "input/output error" in error_of(Path("/proc/self/mem"))
    with pytest.raises(IdxFileError, match="null"):
        read_idx("a\0b")


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path / "secret", b"x").chmod(0)
    tmp_path.chmod(0o711)
    monkeypatch.chdir(tmp_path)
    user = os.geteuid()
    if user == 0:  # root reads everything: ask as somebody else
        os.seteuid(65534)
    try:
        message = error_of(Path("secret"))
    finally:
        os.seteuid(user)
    assert message == "cannot read secret: permission denied"


def test_a_pipe_is_read(tmp_path: Path, encoded: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for content in (encoded, gzip.compress(encoded)):
        writer = threading.Thread(target=pipe.write_bytes, args=(content,))
        writer.start()
        np.testing.assert_array_equal(read_idx(pipe), IMAGES)
        writer.join()


@pytest.mark.parametrize("announced", [100, 2**31, 2**32 - 1])
def test_a_gzip_bomb_takes_little_memory(tmp_path: Path, announced: int) -> None:
    path = tmp_path / "bomb"
    with gzip.open(path, "wb") as file:
        file.write(b"\0\0\x08\x01" + struct.pack(">I", announced))
        for _ in range(128):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        error_of(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@WITH_ONE_FOLDER
@given(content=st.binary(max_size=60), packed=st.booleans())
@example(content=b"\0\0\x08\x02" + b"\xff" * 4 + b"\0" * 4, packed=False)
@example(content=b"\0\0\x0d\x04" + b"\xff" * 12 + b"\0" * 4, packed=True)
@example(content=b"\x1f\x8b", packed=False)
def test_any_bytes_give_an_array_or_one_line(tmp_path: Path, content, packed) -> None:
    check_array_or_error(write(tmp_path / "any", content, packed))


@settings(WITH_ONE_FOLDER, max_examples=300)
@given(array=ARRAYS, packed=st.booleans(), data=st.data())
def test_damage_gives_an_array_or_one_line(tmp_path: Path, array, packed, data) -> None:
    path = tmp_path / ("damaged.gz" if packed else "damaged")
    write_idx(path, array)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    check_array_or_error(path)


def check_array_or_error(path: Path) -> None:
    try:
        array = read_idx(path)
    except IdxFileError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
    else:
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        header_bytes = 4 + 4 * array.ndim
        assert len(content) == header_bytes + math.prod(array.shape) * array.itemsize


def test_what_the_format_cannot_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(IdxFileError, match=r"cannot write .*no type for int64; it has uint8"):
        write_idx(tmp_path / "a", np.zeros(3, dtype=np.int64))
    huge = np.broadcast_to(np.uint8(0), (1 << 32, 0))
    with pytest.raises(IdxFileError, match=r"below 2\*\*32, the array is 4294967296 x 0"):
        write_idx(tmp_path / "a", huge)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_idx(tmp_path / "absent" / "a", IMAGES)
