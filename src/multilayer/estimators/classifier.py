"""A scikit-learn classifier for tables."""

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

    A recipe sets all settings; arguments that are not None override it. Columns of frames may hold
    numbers, text, booleans and dates; missing values are allowed. Probabilities are calibrated
    on held-out rows.

    Args:
        recipe: "fast", "default" (one network, and from 1,000 rows on a second one that learns from
            the held-out rows too; `settings={"refit": False}` leaves it out), "best" (five
            networks, each with a fold of its own held out), "pack" (many networks with drawn
            settings, mixed by what they add on held-out rows), or "chapter".
        hidden_layer_sizes: neurons of each hidden layer.
        activation: after each hidden layer; scikit-learn's names or the package's. A sequence has
            one for each layer.
        batch_size: rows of a batch.
        learning_rate_init: peak learning rate of the schedule.
        max_iter: number of epochs.
        dropout: probability of dropping a hidden neuron in a step.
        weight_decay: see `TrainingSettings.weight_decay`.
        early_stopping: stop when the validation loss has not improved for `n_iter_no_change`
            epochs. The network of the best epoch is kept in any case.
        validation_fraction: share of the rows held out for validation; 0 for none.
        n_iter_no_change: see `early_stopping`.
        num_folds: number of cross-validation folds; one network is trained for each.
        time_limit: seconds, or text such as "5m", that `fit` may take; with the recipe "default" or
            "pack" it is a pack, as good as it gets in that time. None: no limit.
        class_weight: "balanced", or weights by class.
        categorical_features: names or indices of columns to treat as categorical, or a boolean for
            each column.
        as_kind: kinds by column name or index: "numeric", "categorical", "boolean", "date",
            "date:%d/%m/%Y" (or another format), "dropped".
        decimal: the decimal sign of numbers in text, "." or ","; None: detected.
        thousands: the thousands separator, ",", ".", " " or "'"; None: detected.
        missing: further spellings of missing values in X, such as ("unknown", -999).
        keep_na: whether NA, None and the like are values in text and labels.
        settings: other fields of `TrainingSettings` by name.
        random_state: seed.
        warm_start: whether `fit` continues from the weights of the last fit.
        verbose: print progress and the time left.
        device: such as "cpu" or "cuda".
        on_unseen: for categories that were not in the training rows and are treated as missing:
            "warn" (a `DataWarning`), "error" (a `TableError`) or "ignore".

    Attributes:
        classes_: the classes; for multilabel the indices of the labels.
        model_: the fitted `Model`.
        history_: a line for each epoch.
        n_iter_: number of epochs run.
        n_features_in_: number of columns of X.
        feature_names_in_: their names, if X has names.

    Examples:
        >>> from multilayer import MLPClassifier
        >>> X = [[number / 60] for number in range(60)]
        >>> y = ["low" if row[0] < 0.5 else "high" for row in X]
        >>> model = MLPClassifier("fast", max_iter=30, random_state=0).fit(X, y)
        >>> model.predict([[0.1], [0.9]]).tolist()
        ['low', 'high']
        >>> model.classes_.tolist(), model.predict_proba([[0.1]]).shape
        (['high', 'low'], (1, 2))
    """

    def __init__(
        self,
        recipe: str = "default",
        *,
        hidden_layer_sizes: Sequence[int] | None = None,
        activation: str | Sequence[str] | None = None,
        batch_size: int | None = None,
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 40,
        num_folds: int | None = None,
        time_limit: float | str | None = None,
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
        """Train one epoch on these rows, continuing from earlier calls.

        Schema and encoder are fitted to all rows so far, up to 5,000; when they change, a new
        network is trained on all earlier batches. After that they are fixed, and a `DataWarning`
        reports new values. Nothing is held out.

        Args:
            X: see `fit`.
            y: see `fit`.
            classes: all classes; required in the first call.
            sample_weight: see `fit`.

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
        """The most probable class, (num_rows,); for multilabel 0 and 1, (num_rows, num_labels).

        Raises:
            ValueError: X has other columns, or a value does not fit its column's kind.
        """
        fitted, frame = self._answers_for(X)
        probabilities = fitted.model_.probabilities(frame)
        if fitted.model_.targets.task == "multilabel":
            return (probabilities > 0.5).astype(np.int64)
        return np.asarray(fitted.classes_[probabilities.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """Probabilities, (num_rows, num_classes); for multilabel of each label being 1."""
        fitted, frame = self._answers_for(X)
        return fitted.model_.probabilities(frame)

    def predict_log_proba(self, X: Any) -> Array:
        """Natural logarithms of the probabilities."""
        return np.log(self.predict_proba(X))

    def predict_set(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Prediction sets with the true class at probability `coverage`, (num_rows, num_classes).

        By split conformal prediction on the held-out rows, or cross-validation+ over folds; the
        coverage is an average over rows like those of the fit.

        Raises:
            ValueError: no rows were held out, or the coverage is not between 0 and 1.
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
            kinds = sorted({type(label).__name__ for label in array.ravel().tolist()})
            raise TableError(
                f"y holds labels of several types, {' and '.join(kinds)}; make them one, for "
                "example all text"
                if len(kinds) > 1
                else f"y holds labels of type {kinds[0]}; classes are text, numbers or booleans"
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
