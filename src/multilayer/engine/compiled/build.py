"""Compiles the step: python -m multilayer.engine.compiled.build, and hatch_build.py to install.

It needs a C++ compiler: $CXX, c++, g++ or clang++, or the one that the package ziglang brings. No
other module of the project is imported here, so that the build can run this file by itself.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "multilayer_step.so"
_COMMON = (
    "-std=c++20", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-fno-math-errno",
    "-fno-trapping-math",
)  # fmt: skip
# An instruction set each, and the compiler's name for processors that have it.
_X86 = {"avx512": "x86-64-v4", "avx2": "x86-64-v3", "sse4": "x86-64-v2"}
_OTHERS = {"plain": ""}


def compiler() -> list[str] | None:
    """The command of a C++ compiler; None: there is none."""
    if named := os.environ.get("CXX"):
        return named.split()
    for name in ("c++", "g++", "clang++"):
        if found := shutil.which(name):
            return [found]
    try:
        import ziglang
    except ImportError:
        return None
    return [str(Path(ziglang.__file__).parent / "zig"), "c++"]


def sources_hash() -> str:
    """Of everything in source/: a library from other sources may lay out memory in another way."""
    files = sorted((FOLDER / "source").iterdir())
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def build(flags: Sequence[str] = (), library: Path = LIBRARY) -> Path:
    """Compile the library, at once or not at all.

    Args:
        flags: more of the compiler, such as -fsanitize=address.
        library: where to.

    Raises:
        RuntimeError: there is no compiler, or it fails; the message says why.
    """
    command = compiler()
    if command is None:
        raise RuntimeError("no C++ compiler was found (c++, g++, clang++ or ziglang)")
    machine = platform.machine().lower()
    kinds = _X86 if machine in ("x86_64", "amd64") else _OTHERS
    with tempfile.TemporaryDirectory(dir=library.parent, prefix=".build-") as temporary:
        source, folder = FOLDER / "source", Path(temporary)
        jobs = [
            [
                *command, *_COMMON, *flags, *_flags_for(command, processor), f"-DNAMESPACE={name}",
                "-c", str(source / "step.cpp"), "-o", str(folder / f"{name}.o"),
            ]
            for name, processor in kinds.items()
        ]  # fmt: skip
        entry = [f'-DSOURCES="{sources_hash()}"', "-c", str(source / "entry.cpp")]
        entry += ["-o", str(folder / "entry.o")]
        jobs.append([*command, *_COMMON, *flags, *entry])
        with ThreadPoolExecutor() as pool:
            list(pool.map(_run, jobs))
        made = folder / library.name
        objects = [job[-1] for job in jobs]
        names_left_out = [] if flags else ["-s"]  # which debuggers and checks need
        link = ["-shared", "-pthread", *names_left_out, *objects, "-o", str(made)]
        _run([*command, *flags, *link])
        made.replace(library)
    return library


def _flags_for(command: Sequence[str], processor: str) -> list[str]:
    if Path(command[0]).name == "zig":
        processor = processor.replace("-", "_")
    return [f"-march={processor}"] if processor else []


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise RuntimeError(f"{command[0]} cannot be run: {error}") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    print(build())
