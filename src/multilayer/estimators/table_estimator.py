"""The base class of the two estimators."""

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer.columns.kinds import judge_columns, typed_frame
from multilayer.columns.schema import Schema
from multilayer.columns.target_values import Task
from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.encoding.unseen_values import check_on_unseen
from multilayer.errors import (
    DataWarning,
    MissingExtraError,
    ModelFileError,
    SettingsError,
    TableError,
)
from multilayer.estimators.arguments import changed_settings, recipe_of, warn_of_unused
from multilayer.estimators.column_arguments import columns_told, value_format_of
from multilayer.estimators.fitted_state import learns_at_once, moment_of
from multilayer.estimators.progress import Progress
from multilayer.fit.incremental_fit import IncrementalFit
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows
from multilayer.model.model import Model
from multilayer.model.model_file import save_model
from multilayer.pack.fit_of import fit_of
from multilayer.reading.frames import as_frame

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtraError("an estimator", "scikit-learn", "sklearn") from error


class TableEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """Validates input, fits, and predicts through a `Model`; see the two estimators."""

    def _keep_arguments(self, arguments: Mapping[str, Any]) -> None:
        """Keep the arguments of `__init__` as attributes, as scikit-learn expects them."""
        self.__dict__.update((name, arguments[name]) for name in arguments if name != "self")

    @learns_at_once
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Fit to a table.

        Args:
            X: (num_rows, num_columns): an array, a list, a sparse matrix, or a frame of pandas,
                polars or pyarrow, in which columns may hold numbers, text, booleans and dates.
                NaN, None and infinity are missing values.
            y: (num_rows,), or (num_rows, num_targets).
            sample_weight: (num_rows,). Whole weights of a small table
                are repetitions, where fewer than 20 rows are held out and none is far heavier than
                the others; else a row is either trained on or held out.
            X_val: validation rows; None: held out of X.
            y_val: their targets.
            groups: (num_rows,); rows of one group are never on both sides of a split.

        Returns:
            The estimator.

        Raises:
            ValueError: the data cannot be used (a `DataError`, or scikit-learn's own), or a
                setting is out of range (a `SettingsError`).
        """
        began = time.monotonic()
        changes = changed_settings(self)
        check_on_unseen(self.on_unseen)
        if self.warm_start and _is_pack(self, changes):
            raise SettingsError("a pack draws its networks anew; it does not go with warm_start")
        if self.warm_start:
            if changes.get("refit"):
                raise SettingsError("refit makes two networks; it does not go with warm_start")
            changes["refit"] = False
        frame, targets = self._read_fit(X, y, reset=True)
        schema, frame = judge_columns(frame, **columns_told(self, frame.columns))
        rows = Rows(
            frame,
            targets,
            None if sample_weight is None else _weights(sample_weight, len(frame)),
            None if groups is None else np.asarray(groups),
        )
        validation = self._read_validation(X_val, y_val, schema)
        if validation is not None and validation.frame.equals(frame):
            warnings.warn(
                "X_val holds the rows of X: their scores say nothing of other rows, and the epoch "
                "is chosen by them; leave it out, and rows are held out of X",
                DataWarning,
                stacklevel=3,
            )
        for text in schema.warnings:
            warnings.warn(text, DataWarning, stacklevel=3)
        fit = fit_of(
            lambda settings: prepare(
                rows,
                schema,
                task=self._task_of(targets),
                recipe_name=recipe_of(self, changes),
                changes=changes,
                settings=settings,
                validation=validation,
                class_weight=getattr(self, "class_weight", None),
                start=getattr(self, "model_", None) if self.warm_start else None,
            ),
            began=began,
        )
        try:
            fit.check_saveable("a model file")
        except ModelFileError as error:
            warnings.warn(str(error), DataWarning, stacklevel=3)
        for note in fit.targets.notes:
            warnings.warn(note, DataWarning, stacklevel=3)
        warn_of_unused(
            self, changes, fit.settings.max_epochs, has_validation=validation is not None
        )
        progress = Progress.of(fit) if self.verbose else None
        for record in fit.epochs():
            if progress is not None:
                progress.show(record.epoch, fit.history[-1])
        self.history_ = fit.history
        self.n_iter_ = len(fit.history)
        self._take(fit.model())
        if progress is not None:
            progress.end(self.model_)
        self._increments: IncrementalFit | None = None
        return self

    def save(self, path: str | Path) -> None:
        """Write the model to a file that `multilayer.load_model` and `multilayer predict` read.

        Raises:
            ModelFileError: a class is neither text, a number nor a boolean.
            OutputError: the file cannot be written.
        """
        check_is_fitted(self)
        save_model(self.model_, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _add(self, X: Any, targets_of_first: Any, y: Any, sample_weight: Any) -> Self:
        """Train one more epoch on these rows."""
        is_first = not hasattr(self, "model_")
        frame, targets = self._read_fit(X, y, reset=is_first, fewest=1)
        rows = Rows(
            frame, targets, None if sample_weight is None else _weights(sample_weight, len(frame))
        ).drop_zero_weight()
        increments = getattr(self, "_increments", None)
        if increments is None:
            changes = changed_settings(self)
            if _is_pack(self, changes):
                raise SettingsError(
                    "partial_fit trains one network; it does not go with recipe='pack', num_draws "
                    "or time_limit"
                )
            if is_first:
                told = columns_told(self, frame.columns)
                increments = IncrementalFit.begin(
                    rows, targets_of_first, self.recipe, changes, told
                )
                for name in ("early_stopping", "validation_fraction", "num_folds"):
                    if getattr(self, name):
                        text = f"{name}={getattr(self, name)!r} is not used by partial_fit"
                        warnings.warn(text, DataWarning, stacklevel=4)
            else:
                increments = IncrementalFit.resume(self.model_, self.recipe, changes)
        else:  # what fails half-way leaves the one before
            increments = increments.copied()
        line = increments.add(rows, getattr(self, "class_weight", None))
        self.history_ = [*getattr(self, "history_", []), line]
        self.n_iter_ = len(self.history_)
        self._increments = increments
        self._take(increments.model)
        return self

    def _take(self, model: Model) -> None:
        self.model_ = model
        self.n_outputs_ = model.targets.num_outputs
        self.n_features_in_ = len(self._column_names)

    def _read_fit(self, X: Any, y: Any, reset: bool, fewest: int = 2) -> tuple[Any, NDArray[Any]]:
        """Features as a frame, and validated targets as an array."""
        if y is None:
            raise ValueError(
                f"requires y to be passed, but the target y is None, for {type(self).__name__}"
            )
        points = (
            ThousandsPoints.told(value_format_of(self))
            if reset
            else self.model_.table_encoder.points
        )
        frame = self._as_frame(X, points, reset, fewest)
        targets = self._read_targets(y, is_training=reset)
        if len(frame) != len(targets):
            raise TableError(f"X has {len(frame)} rows and y {len(targets)}")
        return frame, targets

    def _as_frame(self, X: Any, points: ThousandsPoints, reset: bool, fewest: int = 1) -> Any:
        if _is_frame(X):
            has_names = reset or hasattr(self, "feature_names_in_")
            frame = as_frame(X, points=points if has_names else points.wherever())
            if reset:
                self._column_names = list(frame.columns)
                self.feature_names_in_ = np.array(frame.columns, dtype=object)
                self.n_features_in_ = len(frame.columns)
            if len(frame) == 0:
                raise TableError("Found array with 0 sample(s) while a minimum of 1 is required.")
            return frame if hasattr(self, "feature_names_in_") else self._by_place(frame)
        if isinstance(X, list | tuple) and any(isinstance(x, np.ma.MaskedArray) for x in X):
            X = np.ma.stack(X)
        if isinstance(X, np.ma.MaskedArray):
            is_number = X.dtype.kind in "fiu"
            X = np.ma.filled(X.astype(np.float64 if is_number else object), np.nan)
        if isinstance(X, Sequence) and not isinstance(X, str):
            array = np.asarray(X)
            X = np.asarray(X, dtype=object) if array.dtype.kind in "US" else array
        if isinstance(X, np.ndarray) and X.ndim > 2:
            raise TableError(
                f"Found array with dim {X.ndim}, {X.shape}, where X must be (num_rows, "
                "num_columns); of images give the pixels as columns, X.reshape(len(X), -1)"
            )
        array = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=None,
            ensure_all_finite=False,
            ensure_min_samples=fewest,
            reset=reset,
        )
        if reset:
            names = getattr(self, "feature_names_in_", None)
            self._column_names = (
                [f"x{place}" for place in range(array.shape[1])]
                if names is None
                else list(map(str, names))
            )
        return as_frame(array, self._column_names, points)

    def _by_place(self, frame: Any) -> Any:
        """A frame with columns matched by position, if the fit was to an array without names."""
        name = type(self).__name__
        if len(frame.columns) != self.n_features_in_:
            raise TableError(
                f"X has {len(frame.columns)} features, but {name} is expecting "
                f"{self.n_features_in_} features as input"
            )
        warnings.warn(
            f"X has feature names, but {name} was fitted without feature names", stacklevel=4
        )
        return frame.rename(dict(zip(frame.columns, self._column_names, strict=True)))

    @abstractmethod
    def _read_targets(self, y: Any, *, is_training: bool = False) -> NDArray[Any]:
        """Check targets and bring them into the form that `prepare` takes.

        Args:
            y: targets of any usual form.
            is_training: they are the first that are learned from; else those of a fitted estimator.
        """

    @abstractmethod
    def _task_of(self, targets: NDArray[Any]) -> Task:
        """The task for these targets."""

    def _read_validation(self, X_val: Any, y_val: Any, schema: Schema) -> Rows | None:
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise SettingsError("X_val and y_val belong together; one of them is None")
        frame = self._as_frame(X_val, ThousandsPoints.of(schema), reset=False)
        frame = typed_frame(frame, schema, "X_val")
        return Rows(frame, self._read_targets(y_val))

    def _answers_for(self, X: Any) -> tuple[Self, Any]:
        """A snapshot of the fitted estimator, and X as a frame."""
        check_is_fitted(self)
        check_on_unseen(self.on_unseen)
        state = self.__dict__  # a fit that ends meanwhile puts another one in its place
        moment = moment_of(self)
        frame = moment._as_frame(X, moment.model_.table_encoder.points, reset=False)
        if moment.model_.on_unseen != self.on_unseen:  # kept, for what it has prepared
            state["model_"] = moment.model_ = replace(moment.model_, on_unseen=self.on_unseen)
        return moment, frame


def _is_pack(estimator: TableEstimator, changes: Mapping[str, Any]) -> bool:
    return recipe_of(estimator, changes) == "pack" or bool(changes.get("num_draws"))


def require_labels(y: Any) -> None:
    """Raise TableError where a label is None or NA, or masked; NaN is left to scikit-learn."""
    if hasattr(y, "toarray"):
        return
    if isinstance(y, np.ma.MaskedArray):
        is_missing = np.ma.getmaskarray(y).ravel()
    else:
        array = np.asarray(y, dtype=None if hasattr(y, "__array__") else object)
        if array.dtype.kind != "O":
            return
        is_missing = np.array([_is_missing(label) for label in array.ravel().tolist()], np.bool_)
    if is_missing.any():
        raise TableError(
            f"Input y contains missing labels: {int(is_missing.sum())} of {is_missing.size}, the "
            f"first in row {int(is_missing.argmax()) + 1}; leave these rows out"
        )


def _is_missing(label: Any) -> bool:
    return label is None or type(label).__name__ in ("NAType", "NaTType")


def _is_frame(X: Any) -> bool:
    """Whether columns have names: a frame, a mapping, or rows that are mappings."""
    if isinstance(X, list | tuple) and X:
        X = X[0]
    return isinstance(X, Mapping) or hasattr(X, "columns") or hasattr(X, "column_names")


def _weights(sample_weight: Any, num_rows: int) -> NDArray[np.float64]:
    if isinstance(sample_weight, np.ma.MaskedArray) and np.ma.getmaskarray(sample_weight).any():
        row = int(np.ma.getmaskarray(sample_weight).argmax()) + 1
        raise TableError(f"sample_weight is missing (masked) in row {row}")
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, np.empty((num_rows, 1)), dtype=np.float64, ensure_non_negative=True
    )
    return weights
