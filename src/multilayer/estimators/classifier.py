"""The classifier for tables."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, column_or_1d

from multilayer.columns.target_values import Task
from multilayer.encoding.targets import Targets
from multilayer.encoding.unseen_values import OnUnseen
from multilayer.errors import SettingsError, TableError
from multilayer.estimators.column_arguments import require_told_labels
from multilayer.estimators.fitted_state import learns_at_once
from multilayer.estimators.table_estimator import TableEstimator, require_labels
from multilayer.model.model import Model

Array = NDArray[np.float64]


class MLPClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """A multilayer perceptron that predicts classes, or several labels, from the rows of a table.

    A recipe gives all settings; whatever is not None differs from it. Columns of frames may hold
    numbers, text, booleans and dates; missing values are welcome. The probabilities are calibrated
    on rows that were held out.

    Args:
        recipe: "fast", "default", "best" (five networks, each with a fold of its own held out), or
            "chapter".
        hidden_layer_sizes: neurons of each hidden layer.
        activation: after each hidden layer; scikit-learn's names or the package's.
        batch_size: rows in a step.
        learning_rate_init: size of a step at the schedule's height.
        max_iter: passes over the rows.
        dropout: share of hidden neurons left out of each step.
        weight_decay: see `TrainingSettings.weight_decay`.
        early_stopping: end when the validation has not become better for `n_iter_no_change`
            epochs. The best epoch's network is kept in any case.
        validation_fraction: share of the rows held out; 0 holds none out.
        n_iter_no_change: see `early_stopping`.
        num_folds: networks, each of which has another fold of the rows held out.
        class_weight: "balanced", or weights by class.
        categorical_features: names or numbers of columns that are categories whatever they look
            like, or a mark for each column.
        as_kind: kinds by a column's name or number: "numeric", "categorical", "boolean", "date",
            "date:%d/%m/%Y" (or another writing), "dropped".
        decimal: the decimal sign of numbers in text, "." or ","; None: each column tells.
        thousands: their separator of thousands, ",", ".", " " or "'"; None: each column tells.
        missing: spellings of missing values in X beside the usual ones, such as ("unknown", -999).
        keep_na: in text and labels NA, None and the like are values.
        settings: other fields of `TrainingSettings` by name.
        random_state: seed.
        warm_start: a further `fit` goes on with the weights there are.
        verbose: print how far it is, with the time left.
        device: where it computes.
        on_unseen: what is done about categories at prediction that were not in the fit; they count
            as missing. "warn" (a `DataWarning`), "error" (a `TableError`) or "ignore".

    Attributes:
        classes_: the classes; of several labels their numbers.
        model_: the fitted `Model`.
        history_: a line for each epoch.
        n_iter_: epochs that were run.
        n_features_in_: columns of X.
        feature_names_in_: their names, where X has names.
    """

    def __init__(
        self,
        recipe: str = "default",
        *,
        hidden_layer_sizes: Sequence[int] | None = None,
        activation: str | None = None,
        batch_size: int | None = None,
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 40,
        num_folds: int | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        categorical_features: Sequence[str] | Sequence[int] | Sequence[bool] | None = None,
        as_kind: Mapping[Any, str] | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        missing: str | float | Sequence[str | float] | None = None,
        keep_na: bool = False,
        settings: Mapping[str, Any] | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: bool = False,
        device: str | None = None,
        on_unseen: OnUnseen = "warn",
    ) -> None:
        self._keep_arguments(locals())

    @learns_at_once
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Sequence[Any] | None = None,
        sample_weight: Any = None,
    ) -> Self:
        """Learn from each of these rows once, after all that was learned before.

        Columns, scales and categories are judged by all rows so far, up to 5,000: when more rows
        show something new, a new network learns the bits from the first on. Later they are settled,
        and a `DataWarning` tells of what is new. Nothing is held out.

        Args:
            X: as `fit` takes it.
            y: likewise.
            classes: all that will ever come; needed in the first call.
            sample_weight: as `fit` takes it.

        Returns:
            The estimator.

        Raises:
            ValueError: the data cannot be used, or `classes` is missing or has changed.
        """
        if not hasattr(self, "model_"):
            if classes is None:
                raise SettingsError("classes must be given in the first call of partial_fit")
            targets = self._first_targets(y, classes)
        else:
            targets = self.model_.targets
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise SettingsError("classes are other than in the first call of partial_fit")
        return self._add(X, targets, y, sample_weight)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row, (num_rows,); of several labels 0 and 1 for each.

        Raises:
            ValueError: X has other columns, or a value that its column cannot hold.
        """
        fitted, frame = self._answers_for(X)
        probabilities = fitted.model_.probabilities(frame)
        if fitted.model_.targets.task == "multilabel":
            return (probabilities > 0.5).astype(np.int64)
        return np.asarray(fitted.classes_[probabilities.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """Probabilities, (num_rows, num_classes); of several labels of each label's 1."""
        fitted, frame = self._answers_for(X)
        return fitted.model_.probabilities(frame)

    def predict_log_proba(self, X: Any) -> Array:
        """Natural logarithms of the probabilities."""
        return np.log(self.predict_proba(X))

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Classes among which the true one is with probability `coverage`, (num_rows, num_classes).

        By split conformal prediction on the held-out rows, or cross-validation+ over folds; the
        promise holds on average over rows like those of the fit.

        Raises:
            ValueError: no rows were held out, or the coverage is no share.
        """
        fitted, frame = self._answers_for(X)
        return fitted.model_.sets(frame, coverage)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _read_targets(self, y: Any, *, is_training: bool = False) -> NDArray[Any]:  # noqa: ARG002
        require_labels(y)
        require_told_labels(y, self)
        array = check_array(
            y, accept_sparse=True, ensure_2d=False, dtype=None, input_name="y",
            ensure_all_finite=True, ensure_min_samples=0,
        )  # fmt: skip
        try:
            check_classification_targets(array)
        except TypeError:
            kinds = " and ".join(sorted({type(label).__name__ for label in array.ravel().tolist()}))
            raise TableError(
                f"y holds labels of several types, {kinds}; make them one, for example all text"
            ) from None
        if hasattr(array, "toarray"):
            array = array.toarray()
        if array.ndim == 2 and array.shape[1] == 1:
            array = column_or_1d(array, warn=True)
        if array.ndim == 2 and type_of_target(array) != "multilabel-indicator":
            raise TableError(
                "several target columns must hold 0 and 1, for labels that are there or not"
            )
        return np.asarray(array)

    def _task_of(self, targets: NDArray[Any]) -> Task:
        self._class_type = targets.dtype
        return "multilabel" if targets.ndim == 2 else "multiclass"

    def _first_targets(self, y: Any, classes: Sequence[Any]) -> Targets:
        array = self._read_targets(y)
        if array.ndim == 2:
            return Targets.fit(array, "multilabel")
        named = np.unique(np.asarray(classes))
        self._class_type = named.dtype
        return Targets.fit(named, "multiclass")

    def _take(self, model: Model) -> None:
        super()._take(model)
        if model.targets.task == "multilabel":
            self.classes_ = np.arange(model.targets.num_outputs)
        else:
            self.classes_ = model.targets.class_array.astype(self._class_type)
