"""Compiles the engine's step while the package is built or installed.

Where that fails the package is made without it, and trains by PyTorch's operations alone. It is not
tried with MULTILAYER_COMPILED=0 in the environment: what only answers has no use for it.
"""

import importlib.util
import os
import platform
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StepBuildHook(BuildHookInterface[Any]):
    """Makes src/multilayer/engine/compiled/multilayer_step.so."""

    def dependencies(self) -> list[str]:
        """A compiler, where the machine has none."""
        is_there = _is_left_out() or _build_module(self.root).compiler()
        return [] if is_there else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` is "editable" or "standard"."""
        if self.target_name != "wheel" or _is_left_out():
            return
        tag, oldest_macos = platform_tag(sysconfig.get_platform(), platform.machine())
        if oldest_macos:
            os.environ["MACOSX_DEPLOYMENT_TARGET"] = oldest_macos  # clang compiles for it
        try:
            library = _build_module(self.root).build()
        except RuntimeError as error:
            self.app.display_warning(f"multilayer is made without compiled code: {error}")
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{tag}"
            place = library.relative_to(Path(self.root) / "src")
            build_data["force_include"][str(library)] = str(place)


def platform_tag(python: str, machine: str) -> tuple[str, str]:
    """For which platform the library is compiled, as wheels name it.

    Args:
        python: what Python was built for, such as linux-x86_64 or macosx-10.13-universal2.
        machine: processor, such as x86_64 or arm64, for which compilers compile.

    Returns:
        The tag, and on macOS the oldest version that it runs on, else nothing. Python may be for
        two kinds of processors there; the library is for one.
    """
    system, *rest = python.split("-")
    if system != "macosx":
        return python.replace("-", "_").replace(".", "_"), ""
    oldest = rest[0]
    if machine == "arm64" and int(oldest.partition(".")[0]) < 11:  # there were none before
        oldest = "11.0"
    return f"macosx_{oldest.replace('.', '_')}_{machine}", oldest


def _is_left_out() -> bool:
    return os.environ.get("MULTILAYER_COMPILED") == "0"


def _build_module(root: str) -> ModuleType:
    """The package's own module, without importing the package, which is not installed yet."""
    path = Path(root) / "src" / "multilayer" / "engine" / "compiled" / "build.py"
    spec = importlib.util.spec_from_file_location("multilayer_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
