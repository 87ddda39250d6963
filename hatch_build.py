"""Compiles the engine's step while the package is built or installed.

Where that fails the package is made without it, and trains by PyTorch's operations alone.
"""

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StepBuildHook(BuildHookInterface[Any]):
    """Makes src/multilayer/engine/compiled/multilayer_step.so."""

    def dependencies(self) -> list[str]:
        """A compiler, where the machine has none."""
        return [] if _build_module(self.root).compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` is "editable" or "standard"."""
        if self.target_name != "wheel":
            return
        try:
            library = _build_module(self.root).build()
        except RuntimeError as error:
            self.app.display_warning(f"multilayer is made without compiled code: {error}")
            return
        if version != "editable":
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"
            place = library.relative_to(Path(self.root) / "src")
            build_data["force_include"][str(library)] = str(place)


def _build_module(root: str) -> ModuleType:
    """The package's own module, without importing the package, which is not installed yet."""
    path = Path(root) / "src" / "multilayer" / "engine" / "compiled" / "build.py"
    spec = importlib.util.spec_from_file_location("multilayer_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
