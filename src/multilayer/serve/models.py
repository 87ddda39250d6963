"""The models that are served, by name, and how they are loaded anew."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from multilayer.errors import MultilayerError
from multilayer.serve.answers import answer
from multilayer.serve.questions import Rows, rows_of_objects
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel


class Models:
    """Models by name; each is replaced as a whole, so that a request sees one of them.

    Args:
        paths: model files by name.

    Raises:
        ModelFileError: a file is missing, damaged, of a newer version, or no model.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = dict(paths)
        self._models = {name: _loaded(name, path) for name, path in paths.items()}

    def named(self, name: str | None) -> ServedModel:
        """A model; the only one if no name is given.

        Raises:
            RefusalError: there is none of that name, or several and no name.
        """
        known = ", ".join(self._models)
        if name is None:
            if len(self._models) > 1:
                raise RefusalError(
                    404, f"there are several models; add one of their names: {known}"
                )
            return next(iter(self._models.values()))
        if name not in self._models:
            raise RefusalError(404, f"there is no model {name[:60]!r}; there are {known}")
        return self._models[name]

    def all(self) -> Sequence[ServedModel]:
        """All models."""
        return list(self._models.values())

    def load_anew(self) -> list[tuple[str, ServedModel | None, str]]:
        """Load each file again; a model whose file is broken stays as it is.

        Returns:
            For each its name, the new model or None, and a sentence.
        """
        outcomes: list[tuple[str, ServedModel | None, str]] = []
        for name, path in self._paths.items():
            before = self._models[name]
            try:
                loaded = _loaded(name, path)
            except Exception as error:  # whatever it is, the old one goes on
                outcomes.append(
                    (name, None, f"model {name} stays at version {before.version}: {error}")
                )
                continue
            self._models[name] = loaded
            changed = f"from version {before.version} " if before.version != loaded.version else ""
            outcomes.append(
                (name, loaded, f"model {name} is loaded anew, {changed}version {loaded.version}")
            )
        return outcomes


def _loaded(name: str, path: Path) -> ServedModel:
    """A model that has answered once, so that it is known to, and does not load anything later."""
    served = ServedModel.load(name, path)
    if served.model.image_shape is not None:
        images = np.zeros((1, *served.model.image_shape), np.uint8)
        answer(served, [Rows(1, images=images)], [None])
        return served
    try:
        _answer_example(served)
    except MultilayerError:  # it was not text, and cannot be read from its text
        served = replace(served, has_example=False)
        _answer_example(served)
    return served


def _answer_example(served: ServedModel) -> None:
    answer(served, [rows_of_objects(served, [served.example], 1)], [None])
