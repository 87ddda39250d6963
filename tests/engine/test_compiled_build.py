"""How the compiled step is built, and what the compiler's own checks find in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from multilayer.engine.compiled import build as building
from multilayer.engine.compiled import library as loading
from multilayer.engine.compiled.build import LIBRARY, build, compiler
from multilayer.proofs.bench import this_machine


def test_without_a_compiler_it_says_so_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "ziglang", None)
    assert compiler() is None
    with pytest.raises(RuntimeError, match=r"no C\+\+ compiler was found"):
        build(library=tmp_path / "step.so")
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_fails_is_told_with_its_words(monkeypatch, tmp_path):
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho it cannot >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setenv("CXX", str(failing))
    with pytest.raises(RuntimeError, match="failed: it cannot"):
        build(library=tmp_path / "step.so")
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match="none cannot be run"):
        build(library=tmp_path / "step.so")
    assert [one.name for one in tmp_path.iterdir()] == ["failing"]


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="nobody tells what there is")
def test_the_instructions_are_the_best_that_the_processor_has():
    library = loading.compiled_code()
    if library is None or library.instructions == "plain":
        pytest.skip("the library has no kinds to choose among")
    flags = set(
        Path("/proc/cpuinfo").read_text().partition("\nflags")[2].partition("\n")[0].split()
    )
    kinds = {
        "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma", "avx2", "bmi2"},
        "avx2": {"avx2", "fma", "bmi2"},
        "sse4": set(),
    }
    assert library.instructions == next(name for name, needed in kinds.items() if needed <= flags)


@pytest.mark.parametrize("content", [None, b"", b"no library"])
def test_where_it_was_not_built_the_machine_says_so(monkeypatch, tmp_path, content):
    if content is not None:
        (tmp_path / "step.so").write_bytes(content)
    monkeypatch.delenv(loading.SWITCH, raising=False)
    monkeypatch.setattr(loading, "LIBRARY", tmp_path / "step.so")
    monkeypatch.setattr(loading, "_loaded", loading._loaded.__wrapped__)
    assert loading.compiled_code() is None
    assert "the compiled one was not built here from its present sources" in str(this_machine())
    monkeypatch.setenv(loading.SWITCH, "0")
    assert f"the compiled one {loading.SWITCH}=0 turns off" in str(this_machine())


@pytest.mark.skipif(not LIBRARY.exists(), reason="there is no compiled code here")
def test_a_library_from_other_sources_is_not_used(monkeypatch):
    assert loading._loaded.__wrapped__() is not None
    monkeypatch.setattr(loading, "sources_hash", lambda: "another")
    assert loading._loaded.__wrapped__() is None


@pytest.mark.long
def test_what_the_compiler_checks_while_it_runs_finds_nothing(tmp_path):
    if not shutil.which("g++"):
        pytest.skip("there is no g++ here")
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
    library = build(flags, tmp_path / "step.so")
    places = [
        subprocess.run(
            ["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    tests = Path(__file__).with_name("test_compiled_step.py")
    program = (
        "import sys, pytest; from pathlib import Path;"
        "import multilayer.engine.compiled.library as loading;"
        f"loading.LIBRARY = Path({str(library)!r});"
        "assert loading.compiled_code() is not None;"
        f"chosen = ['-k', 'same or hand or bit', '-q', '-x', {str(tests)!r}];"
        "sys.exit(pytest.main([*chosen, '-p', 'no:cacheprovider']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env={**building.os.environ, "LD_PRELOAD": " ".join(places),
             "ASAN_OPTIONS": "detect_leaks=0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.long
def test_threads_that_share_a_network_do_not_race(tmp_path):
    if not shutil.which("g++"):
        pytest.skip("there is no g++ here")
    program = tmp_path / "trains"
    command = [
        "g++",
        "-std=c++20",
        "-O1",
        "-g",
        "-fsanitize=thread",
        f"-I{building.FOLDER / 'source'}",
    ]
    source = Path(__file__).with_name("compiled_threads.cpp")
    subprocess.run([*command, str(source), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr[-3000:]
