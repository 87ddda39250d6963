import json
import os
import resource
import socket
import stat
import subprocess
import sys
import threading

import pytest

from multilayer import ordinary_files
from multilayer.errors import OutputError
from multilayer.files import replace_atomically, write_text


def test_a_file_is_written_whole_with_ordinary_permissions(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "Zürich\n")
    assert path.read_text(encoding="utf-8") == "Zürich\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_keeps_the_old_content_and_leaves_nothing(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replace_atomically(path) as file:
        file.write(b"new, half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_at_the_name_before_the_file_is_complete(tmp_path):
    path = tmp_path / "note.txt"
    with replace_atomically(path) as file:
        file.write(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    path = tmp_path / "absent" / "note.txt"
    with pytest.raises(OutputError, match=f"^cannot write {path}: no such file or directory$"):
        write_text(path, "text")


def test_a_file_that_may_not_grow_keeps_the_old_content(tmp_path):
    """The limit on file sizes makes a write fail in the middle, as a full disk does."""
    program = f"""
import resource
import socket
from multilayer import files
from multilayer.errors import OutputError
from multilayer.files import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.RLIM_INFINITY}))
try:
    write_text("note.txt", "x" * 100_000)
except OutputError as error:
    print(error)
"""
    (tmp_path / "note.txt").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "cannot write note.txt: file too large\n"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("note.txt", "old")]


def test_a_kill_while_writing_keeps_the_old_content(tmp_path):
    program = """
import os
from multilayer.files import replace_atomically
with replace_atomically("note.txt") as file:
    file.write(b"new, half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
    (tmp_path / "note.txt").write_text("old")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert done.returncode == -9
    assert (tmp_path / "note.txt").read_text() == "old"


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    program = """
import os
from multilayer.files import replace_atomically
with replace_atomically("note.txt") as file:
    file.write(b"new, half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    [left] = tmp_path.iterdir()
    write_text(tmp_path / "other.txt", "of another file")
    assert left.exists()
    write_text(tmp_path / "note.txt", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.txt", "other.txt"]


def test_what_another_writer_is_writing_stays(tmp_path):
    path = tmp_path / "note.txt"
    with replace_atomically(path) as file:
        file.write(b"the last to be complete")
        file.flush()
        write_text(path, "the first")
        assert path.read_text() == "the first"
    assert path.read_text() == "the last to be complete"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_name_that_is_no_utf_8_is_kept_as_an_escape(tmp_path):
    write_text(tmp_path / "note.json", json.dumps(os.fsdecode(b"t\xff"), ensure_ascii=False))
    assert (tmp_path / "note.json").read_bytes() == rb'"t\udcff"'
    assert os.fsencode(json.loads((tmp_path / "note.json").read_text())) == b"t\xff"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        for path, may_be_pipe, reason in [
            (tmp_path, True, "it is a folder"),
            (tmp_path / "s", True, "it is a socket"),
            ("/dev/zero", True, "it is a device"),
            (tmp_path / "pipe", False, "it is a pipe"),
            (tmp_path / "pipe", True, "it is a pipe that nobody writes to"),
            (tmp_path / "absent", True, "No such file"),
        ]:
            with pytest.raises(OSError, match=reason):
                ordinary_files.open_regular(path, may_be_pipe=may_be_pipe)


def test_a_pipe_of_the_shell_and_one_with_a_writer_are_read(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"a")
    os.close(writing)
    with ordinary_files.open_regular(f"/dev/fd/{reading}", may_be_pipe=True) as file:
        assert file.read() == b"a"
    os.close(reading)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"b",))
    writer.start()
    with ordinary_files.open_regular(pipe, may_be_pipe=True) as file:
        assert file.read() == b"b"
    writer.join()
