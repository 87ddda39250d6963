"""A scikit-learn regressor for tables."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_array, column_or_1d

from multilayer.columns.target_checks import require_no_moments, width_of
from multilayer.columns.target_values import Task
from multilayer.encoding.targets import Targets
from multilayer.encoding.unseen_values import OnUnseen
from multilayer.errors import TableError
from multilayer.estimators.arguments import changed_settings
from multilayer.estimators.column_arguments import numbers_like_training, numbers_of_targets
from multilayer.estimators.fitted_state import learns_at_once
from multilayer.estimators.table_estimator import TableEstimator, require_labels

Array = NDArray[np.float64]


class MLPRegressor(RegressorMixin, MultiOutputMixin, TableEstimator):  # type: ignore[misc]
    """A multilayer perceptron that predicts numbers from the rows of a table.

    A recipe sets all settings; arguments that are not None override it. Columns of frames may hold
    numbers, text, booleans and dates; missing values are allowed.

    Args:
        recipe: "fast", "default" (one network, and from 1,000 rows on a second one that learns from
            the held-out rows too; `settings={"refit": False}` leaves it out), "best" (five
            networks, each with a fold of its own held out), "pack" (many networks with drawn
            settings, mixed by what they add on held-out rows), or "chapter".
        loss: what is minimised, by scikit-learn's names: "squared_error" (the answer is the mean),
            "absolute_error" (the median), "huber" (between the two: squared up to a distance of the
            targets' robust deviation), "quantile", or "poisson" for counts and other numbers of
            at least 0 (the answer is the rate, the mean, and its logarithm is what is learned).
        quantiles: of the loss "quantile": one, or several that rise, each above 0 and below 1;
            None is the median. Of several, `predict` gives the median and `predict_quantiles` all.
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
        model_: the fitted `Model`.
        history_: a line for each epoch.
        n_iter_: number of epochs run.
        n_features_in_: number of columns of X.
        feature_names_in_: their names, if X has names.

    Examples:
        >>> from multilayer import MLPRegressor
        >>> X = [[number / 60] for number in range(60)]
        >>> y = [3 * row[0] + 1 for row in X]
        >>> model = MLPRegressor("fast", max_iter=40, random_state=0).fit(X, y)
        >>> model.predict([[0.5]]).round(1).tolist()
        [2.5]
        >>> model.predict_interval([[0.5]], coverage=0.8).shape
        (1, 2)
    """

    def __init__(
        self,
        recipe: str = "default",
        *,
        loss: str | None = None,
        quantiles: float | Sequence[float] | None = None,
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on these rows, continuing from earlier calls.

        Schema and encoder are fitted to all rows so far, up to 5,000; when they change, a new
        network is trained on all earlier batches. After that they are fixed, and a `DataWarning`
        reports new values. Nothing is held out.

        Args:
            X: see `fit`.
            y: see `fit`.
            sample_weight: see `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: the data cannot be used.
        """
        if hasattr(self, "model_"):
            return self._add(X, self.model_.targets, y, sample_weight)
        changes = changed_settings(self)
        targets = Targets.fit(
            self._read_targets(y, is_training=True),
            "regression",
            loss=changes.get("loss", "squared_error"),
            quantiles=changes.get("quantiles", (0.5,)),
        )
        return self._add(X, targets, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """The predicted number for each row, (num_rows,), or (num_rows, num_targets).

        The loss determines whether it is the mean, the median or a quantile. With several quantiles
        it is the median, interpolated between those next to 0.5, or else the nearest one.

        Raises:
            ValueError: X has other columns, or a value does not fit its column's kind.
        """
        fitted, frame = self._answers_for(X)
        numbers: Array = fitted.model_.predict(frame)
        return numbers

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Prediction intervals that hold the truth with probability `coverage`.

        By split conformal prediction on the held-out rows, or cross-validation+ over folds; the
        coverage is an average over rows like those of the fit. After a fit of several quantiles
        it is from the lowest to the highest, widened or narrowed by as much as the coverage needs,
        and so wider in rows whose targets scatter more; of counts, too, it is wider where the rate
        is higher.

        Returns:
            (num_rows, 2), or (num_rows, num_targets, 2).

        Raises:
            ValueError: no or too few rows were held out, or the coverage is not between 0 and 1.
        """
        fitted, frame = self._answers_for(X)
        ends = np.stack(fitted.model_.intervals(frame, coverage), axis=-1)
        return ends[:, 0] if ends.shape[1] == 1 else ends

    def predict_quantiles(self, X: Any) -> Array:
        """All predicted quantiles, ascending.

        Returns:
            (num_rows, num_quantiles), or (num_rows, num_targets, num_quantiles).

        Raises:
            ValueError: the loss is not "quantile", or X has other columns, or a value does not
                fit its column's kind.
        """
        fitted, frame = self._answers_for(X)
        quantiles = fitted.model_.quantiles(frame)
        return quantiles[:, 0] if quantiles.shape[1] == 1 else quantiles

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination of `predict`, averaged over several targets."""
        return float(super().score(X, self._read_targets(y), sample_weight))

    def _read_targets(self, y: Any, *, is_training: bool = False) -> NDArray[Any]:
        require_labels(y)
        if is_training:
            y, self._target_format = numbers_of_targets(y, self)
        else:
            y = numbers_like_training(y, self, getattr(self, "_target_format", None))
        if not hasattr(y, "toarray"):
            _require_numbers(np.asarray(y))
        array: NDArray[Any] = check_array(
            y, ensure_2d=False, dtype="numeric", input_name="y", ensure_min_samples=0
        )
        if array.ndim == 2 and array.shape[1] == 1:
            array = column_or_1d(array, warn=True)
        require_no_moments(array, ["y"] * width_of(array))
        return array.astype(np.float64)

    def _task_of(self, targets: NDArray[Any]) -> Task:  # noqa: ARG002
        return "regression"


def _require_numbers(y: NDArray[Any]) -> None:
    """Raise TableError that shows the first text of the target."""
    if y.dtype.kind not in "USO":
        return
    for row, value in enumerate(y.ravel().tolist(), start=1):
        if isinstance(value, str | bytes):
            try:
                float(value)
            except ValueError:
                advice = "make it numbers first, or take MLPClassifier for classes"
            else:
                advice = "make it numbers first, for example with y.astype(float)"
            raise TableError(
                f"y must hold numbers; value {row} is the text {value!r:.60}; {advice}"
            )
