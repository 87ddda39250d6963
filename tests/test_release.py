"""What can be told of a release without building it; `make release-check` builds and tries it."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import multilayer

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MADE_HERE = re.compile(r"__pycache__|\.pyc$|/\.build-|/multilayer_step\.so$")


def files_of(builder) -> set[str]:
    """What a wheel or an sdist is made of, by the path in it."""
    return {
        str(Path(one.distribution_path))
        for one in builder(str(ROOT)).recurse_included_files()
        if not MADE_HERE.search(one.path)
    }


def source_files() -> set[str]:
    paths = (ROOT / "src").rglob("*")
    return {
        str(path.relative_to(ROOT / "src"))
        for path in paths
        if path.is_file() and not MADE_HERE.search(str(path))
    }


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_compiled_step_can_be_left_out(monkeypatch):
    made = hook().StepBuildHook(str(ROOT), {}, None, None, "", "wheel")
    monkeypatch.setenv("PATH", "")  # no compiler
    for name in ("CXX", "MULTILAYER_COMPILED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "ziglang", None)
    assert made.dependencies() == ["ziglang>=0.13"]
    monkeypatch.setenv("MULTILAYER_COMPILED", "0")
    assert made.dependencies() == []
    made.initialize("standard", {})  # compiles nothing, and leaves what is to be built as it is


def test_everything_in_the_package_is_in_the_wheel_and_nothing_else():
    found = files_of(WheelBuilder)
    assert found == source_files()
    data = ("__init__.pyi", "py.typed", "serve/page/index.html", "drawing/html/templates/style.css")
    assert {f"multilayer/{name}" for name in data} <= found


def test_the_sdist_has_what_builds_and_tests_the_package():
    found = files_of(SdistBuilder)
    assert {f"src/{path}" for path in source_files()} <= found
    kept = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for pattern in kept:
        assert (ROOT / pattern.lstrip("/")).exists(), pattern
        assert any(f"/{path}".startswith(pattern) for path in found), pattern
    # The builder adds pyproject.toml, LICENSE and .gitignore by itself.
    assert {"hatch_build.py", "README.md", "Makefile", "tests/conftest.py"} <= found
    assert not [path for path in found if path.endswith((".so", ".o"))]


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert multilayer.__version__ == version
    assert re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_every_extra_is_tested():
    extras = PROJECT["project"]["optional-dependencies"]
    named = set(re.findall(r"multilayer\[([^]]*)\]", " ".join(extras["dev"])))
    tested = {name for part in named for name in part.split(",")}
    assert set(extras) - tested == {"dev", "fuzz", "kaggle"}  # which tests do without, or have


@pytest.mark.parametrize(
    ("python", "machine", "tag", "oldest"),
    [
        ("linux-x86_64", "x86_64", "linux_x86_64", ""),
        ("linux-aarch64", "aarch64", "linux_aarch64", ""),
        ("win-amd64", "AMD64", "win_amd64", ""),
        ("macosx-14.0-arm64", "arm64", "macosx_14_0_arm64", "14.0"),
        ("macosx-10.13-universal2", "arm64", "macosx_11_0_arm64", "11.0"),
        ("macosx-10.13-universal2", "x86_64", "macosx_10_13_x86_64", "10.13"),
    ],
)
def test_a_wheel_is_tagged_for_what_its_library_runs_on(python, machine, tag, oldest):
    assert hook().platform_tag(python, machine) == (tag, oldest)
