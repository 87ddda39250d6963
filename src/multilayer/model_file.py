"""The modules of model files as version 0.1 named them, for one release; use `multilayer.model`.

`from multilayer.model.table_predictor import load_table_predictor` still works, with a
`DeprecationWarning`.
"""

import sys
import warnings
from types import ModuleType
from typing import Any

_NEW_NAMES = {
    "ImageModel": ("multilayer.model.model", "Model"),
    "TableModel": ("multilayer.model.model", "Model"),
    "NumPyPredictor": ("multilayer.model.predictor", "Predictor"),
    "TablePredictor": ("multilayer.model.predictor", "Predictor"),
    "load_model": ("multilayer.model.model_file", "load_model"),
    "load_image_model": ("multilayer.model.model_file", "load_model"),
    "load_table_model": ("multilayer.model.model_file", "load_model"),
    "load_predictor": ("multilayer.model.model_file", "load_predictor"),
    "load_image_predictor": ("multilayer.model.model_file", "load_predictor"),
    "load_table_predictor": ("multilayer.model.model_file", "load_predictor"),
    "save_model": ("multilayer.model.model_file", "save_model"),
    "save_image_model": ("multilayer.model.model_file", "save_model"),
    "save_table_model": ("multilayer.model.model_file", "save_model"),
}
_OLD_MODULES = (
    "any_model", "any_predictor", "image_model", "numpy_predictor", "table_file", "table_model",
    "table_predictor",
)  # fmt: skip


class _OldModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name not in _NEW_NAMES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module, new = _NEW_NAMES[name]
        warnings.warn(
            f"{self.__name__}.{name} is {module}.{new} now, and goes with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(module), new)


for _name in _OLD_MODULES:  # an import looks here before it looks for a file
    sys.modules[f"{__name__}.{_name}"] = _OldModule(f"{__name__}.{_name}")
