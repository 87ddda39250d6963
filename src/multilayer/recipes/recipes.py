"""Recipes: named settings that work, each of which a person may change by name.

The recipes for tables are RealMLP's (Holzmüller et al., "Better by Default: Strong Pre-Tuned MLPs
and Boosted Trees on Tabular Data", 2024): `default` is its TD, `fast` its plain variant TD-S, and
`best` is `default` in five folds. Three things differ from its authors' program: that also lets the
scale layer shrink, 36 times as fast as the weights, which won on some tables and lost on as many;
`default` keeps a running average of the weights, which lowered the error by 1.5% in the mean of
twelve tables; and it learns numbers at half their rate, which with the average lowered the error by
another 3.2% in the mean of five (`benchmarks/table_recipes.py`, on folds of training rows). Since
then it embeds numbers by 32 bins in place of cosines, and gives categories of more than 12 values
the mean of the target in place of an embedding, which together lowered the error by some 3% in the
mean of twelve tables. With 1,000 rows and more a second network is trained on all rows (`refit`),
which lowered it by another 3%.

The recipes for pictures were chosen on 5,000 rows held out from Fashion-MNIST's training
pictures; `best` is five of `default`, averaged, and `record` mirrors the pictures, for which it
takes twice the epochs. `benchmarks/images.py` measures them; what was tried, and what each gets on
the test rows, stands in benchmarks/results/.
"""

from dataclasses import fields, replace
from numbers import Integral
from typing import Any, Literal, get_args

from multilayer.columns.target_values import Task
from multilayer.engine.settings import LossName, TrainingSettings
from multilayer.engine.specification import check_choice
from multilayer.errors import SettingsError, did_you_mean

RecipeName = Literal["chapter", "fast", "default", "best", "pack", "record"]
TaskName = Literal["images", "classification", "multilabel", "regression"]

# What can be minimised in a task; the first is what is, unless another is asked for.
LOSSES_OF_TASKS: dict[TaskName, tuple[LossName, ...]] = {
    "images": ("cross_entropy",),
    "classification": ("cross_entropy",),
    "multilabel": ("binary_cross_entropy",),
    "regression": ("squared_error", "absolute_error", "huber", "quantile", "poisson"),
}

# "Dive into Deep Learning", chapter 5.2.
_CHAPTER = TrainingSettings(
    hidden_widths=(256,),
    activation="relu",
    optimizer="sgd",
    learning_rate=0.1,
    batch_size=256,
    max_epochs=10,
)

# What all recipes but the chapter's share.
_COMMON = TrainingSettings(optimizer="adam", beta_2=0.95, batch_size=256, drop_last_batch=True)

# Flat pictures: pixels standardised, wide layers with batch norm, strong dropout.
_IMAGES = replace(
    _COMMON,
    hidden_widths=(1024, 1024),
    activation="gelu",
    batch_norm=True,
    standardize_inputs=True,
    initialization="linear",
    label_smoothing=0.1,
    learning_rate=2e-3,
    schedule="one_cycle",
    max_epochs=50,
    dropout=0.4,
    input_dropout=0.2,
    weight_decay=0.05,
    average_decay=0.999,
    precision="medium",
)
_IMAGE_RECIPES: dict[str, TrainingSettings] = {
    "chapter": _CHAPTER,
    "fast": replace(
        _IMAGES,
        hidden_widths=(512, 256),
        max_epochs=15,
        dropout=0.2,
        input_dropout=0.0,
        weight_decay=0.02,
    ),
    "default": _IMAGES,
    "best": replace(_IMAGES, num_members=5),
    "record": replace(_IMAGES, augment=("flip",), max_epochs=100, dropout=0.3, input_dropout=0.1),
    # Five folds would take five times as long a draw: all draws hold out the same tenth.
    "pack": replace(
        _IMAGES,
        num_draws=12,
        drawn=(
            "hidden_widths", "activation", "input_dropout", "learning_rate", "weight_decay",
            "dropout",
        ),
        validation_fraction=0.1,
        selection="loss",
    ),
}  # fmt: skip

_TABLES_FAST = replace(
    _COMMON,
    hidden_widths=(256, 256, 256),
    activation="selu",
    scale_layer=True,
    parametrization="ntk",
    initialization="data",
    zero_last_layer=True,
    learning_rate=0.04,
    scale_rate_factor=6.0,
    bias_rate_factor=0.1,
    schedule="log_cosine",
    max_epochs=64,  # a quarter of the authors', and as good (results/2026-11-28-fast-epochs.md)
    selection="loss",
    validation_fraction=0.2,
)
_TABLES_DEFAULT = replace(
    _TABLES_FAST,
    learned_activation=True,
    numeric_embedding="piecewise",
    embedding_components=32,
    one_hot_limit=8,
    category_statistics=True,
    embedding_limit=12,
    zero_last_layer=False,
    max_epochs=256,
    dropout=0.15,
    weight_decay=0.02,
    regularization_schedule="flat_cosine",
    average_decay=0.98,
    clip_predictions=True,
)
_TABLE_RECIPES: dict[str, TrainingSettings] = {
    "chapter": _CHAPTER,
    "fast": _TABLES_FAST,
    "default": _TABLES_DEFAULT,
    "best": replace(_TABLES_DEFAULT, num_folds=5, validation_fraction=0.0),
    "pack": replace(
        _TABLES_DEFAULT,
        num_folds=5,
        validation_fraction=0.0,
        num_draws=32,
        drawn=(
            "hidden_widths", "activation", "numeric_embedding", "embedding_components",
            "embedding_frequency", "scale_rate_factor", "bias_rate_factor", "learning_rate",
            "weight_decay", "dropout", "embedding_limit",
        ),
    ),
}  # fmt: skip
_REGRESSION_RATES = {"fast": 0.07, "default": 0.1, "best": 0.1, "pack": 0.1}
_MOST_DRAWS_IN_A_TIME = 100  # if nobody says how many: the time is what bounds them
_POISSON_RATE = 0.02  # an output is an exponent there, and long steps overshoot

# Where rows must be held out and nobody says how many, as of folds in the order of time.
HELD_OUT_FRACTION = 0.2

# Of 4,000 rows half the epochs are as good, and most of a network is learned in the first third of
# them; of 1,300 rows they are not. More dropout is better for classes from about 1,000 rows on
# (benchmarks/results/2026-11-28-table-recipes.md).
_FEWEST_ROWS_FOR_FEWER_EPOCHS, _FEWER_EPOCHS = 3_000, 128
# Of 2,000 rows it brings 4%, of 700 more still, but not where a class is rare
# (benchmarks/results/2026-11-29-refit.md).
_FEWEST_ROWS_TO_REFIT = 1_000
# Half of these again serve five folds as well, and twice as many draws fit into a time.
_EPOCHS_OF_A_PACK = 64
_FEWEST_ROWS_FOR_MORE_DROPOUT, _MORE_DROPOUT = 1_000, 0.3
_MOST_ROWS_SEEN = 256 * 200_000  # larger tables are gone through less often
# With fewer steps the rate is constant. Of iris and wine, trained for 256 steps, the
# log loss fell from 0.189 to 0.151, of 100 rows of breast cancer from 0.240 to 0.164; for numbers
# (diabetes) it was worse with 200 rows, R² 0.35 in place of 0.41, and better with 100.
_FEWEST_STEPS_FOR_CLASSES, _FEWEST_STEPS_FOR_NUMBERS = 300, 32
_MOST_EMBEDDED_COLUMNS = 500  # each embedded number costs as much as sixteen plain ones


def recipe(
    name: str = "chapter",
    task: TaskName = "images",
    *,
    num_rows: int | None = None,
    num_columns: int | None = None,
    **changes: Any,
) -> TrainingSettings:
    """The settings of a recipe for a task and its data, with changes.

    Args:
        name: "chapter", "fast", "default", "best" or "pack"; of images also "record", which takes
            the time for what is best for one network, and mirrors half of the pictures: not for
            digits or letters, which are others then.
        task: what is predicted, and from what: labels of pictures, or of a table's rows one of
            several classes, several labels that are each there or not, or numbers.
        num_rows: of the table to learn from; None: not many.
        num_columns: of the table, without the target; None: not many.
        changes: fields of `TrainingSettings` that shall differ from the recipe's.

    Raises:
        SettingsError: the recipe, the task or a field is unknown, a value or a number of rows or
            columns is out of range, or the recipe or the loss is for another task.

    Examples:
        >>> from multilayer import recipe
        >>> recipe("chapter").learning_rate
        0.1
        >>> recipe("chapter", learning_rate=0.5, seed=3).learning_rate
        0.5
        >>> recipe("fast", "classification", num_rows=5000, num_columns=20).hidden_widths
        (256, 256, 256)
    """
    check_choice("recipe", name, get_args(RecipeName))
    check_choice("task", task, get_args(TaskName))
    if name == "record" and task != "images":
        raise SettingsError(
            "the recipe 'record' mirrors pictures; for a table 'pack' is what takes its time"
        )
    for what, number in (("num_rows", num_rows), ("num_columns", num_columns)):
        if number is not None and (
            isinstance(number, bool) or not isinstance(number, Integral) or number < 0
        ):
            raise SettingsError(f"{what} must be a whole number of at least 0; it is {number!r}")
    known = [field.name for field in fields(TrainingSettings)]
    for changed in changes:
        if changed not in known:
            raise SettingsError(
                f"unknown setting {changed!r}; known are: {', '.join(known)}"
                f"{did_you_mean(changed, known)}"
            )
    if changes.get("augment") and task != "images":
        raise SettingsError(
            f"augment {', '.join(changes['augment'])} shifts and mirrors pictures; "
            "it does not go with tables"
        )
    if changes.get("time_limit") and name == "pack" and "num_draws" not in changes:
        changes["num_draws"] = _MOST_DRAWS_IN_A_TIME
    losses = LOSSES_OF_TASKS[task]
    if changes.get("loss", losses[0]) not in losses and changes["loss"] in get_args(LossName):
        raise SettingsError(
            f"the loss of {task} is {' or '.join(losses)}; it cannot be {changes['loss']!r}"
        )
    if task == "images":
        return _without_drawn(replace(_IMAGE_RECIPES[name], **changes), changes)
    settings = replace(
        _TABLE_RECIPES[name],
        **_by_data(name, task, num_rows, num_columns)
        | _by_loss(name, changes)
        | _by_changes(changes)
        | changes,
    )
    settings = _without_drawn(settings, changes)
    if num_rows is None:
        return settings
    fewest = _FEWEST_STEPS_FOR_NUMBERS if task == "regression" else _FEWEST_STEPS_FOR_CLASSES
    return _for_few_steps(settings, num_rows, fewest, changes)


def for_fewer_epochs(
    settings: TrainingSettings, num_epochs: int, num_rows: int, task: Task
) -> TrainingSettings:
    """A table's settings with fewer epochs, and with the schedule that goes with so few.

    Args:
        settings: from `recipe`.
        num_epochs: instead of `max_epochs`.
        num_rows: of the data to learn from.
        task: what is predicted.
    """
    fewest = _FEWEST_STEPS_FOR_NUMBERS if task == "regression" else _FEWEST_STEPS_FOR_CLASSES
    return _for_few_steps(replace(settings, max_epochs=num_epochs), num_rows, fewest, {})


def _without_drawn(settings: TrainingSettings, changes: dict[str, Any]) -> TrainingSettings:
    """A pack draws neither what is set nor embeddings that cost too much.

    Raises:
        SettingsError: it is told what to draw, and is no pack.
    """
    if changes.get("drawn") and not settings.num_draws:
        raise SettingsError(
            f"drawn {', '.join(changes['drawn'])} is for a pack, which draws settings for its "
            "networks; take the recipe 'pack', or num_draws above 0"
        )
    if "drawn" in changes and "hidden_widths" in settings.drawn and "," in settings.activation:
        raise SettingsError(
            f"activation {settings.activation} is one for each layer, and a pack that draws "
            "hidden_widths draws the number of layers; set hidden_widths, or one activation for all"
        )
    if "drawn" in changes or not settings.drawn:
        return settings
    is_embedded = settings.numeric_embedding != "none"
    of_embeddings = ("numeric_embedding", "embedding_components", "embedding_frequency")
    is_fixed = {*changes, *(() if is_embedded else of_embeddings)}
    if "," in settings.activation:
        is_fixed.add("hidden_widths")  # as many layers as activations
    return replace(settings, drawn=tuple(one for one in settings.drawn if one not in is_fixed))


def _for_few_steps(
    settings: TrainingSettings, num_rows: int, fewest_steps: int, changes: dict[str, Any]
) -> TrainingSettings:
    """With too few steps for a schedule, which begins at a rate of 0, the rate is constant.

    So that a fit of one epoch, and many of them after another, learn something.
    """
    num_steps = settings.max_epochs * -(-num_rows // settings.batch_size)
    if settings.schedule != "log_cosine" or num_steps >= fewest_steps:
        return settings
    chosen = {"schedule": "constant", "zero_last_layer": True}
    return replace(settings, **{**chosen, **{n: changes[n] for n in chosen if n in changes}})


def _by_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """What goes with a change: every category needs an input, and cosines are sixteen."""
    chosen: dict[str, Any] = {}
    if not changes.get("category_statistics", True):
        chosen["embedding_limit"] = 0
    if changes.get("numeric_embedding") in (True, "periodic"):
        chosen["embedding_components"] = TrainingSettings.embedding_components
    if changes.get("num_folds") or changes.get("num_draws") or changes.get("num_members", 1) != 1:
        chosen["refit"] = False
    return chosen


def _by_loss(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The settings of a table's recipe that depend on what shall be minimised."""
    if changes.get("loss") == "poisson" and name != "chapter":
        return {"learning_rate": _POISSON_RATE}
    return {}


def _by_data(
    name: str, task: TaskName, num_rows: int | None, num_columns: int | None
) -> dict[str, Any]:
    """The settings of a table's recipe that depend on the task and the data."""
    chosen: dict[str, Any] = {"loss": LOSSES_OF_TASKS[task][0]}
    if name == "chapter":
        return chosen
    if task == "regression":
        chosen.update(activation="mish", learning_rate=_REGRESSION_RATES[name])
    else:
        chosen["selection"] = "calibrated_loss"
    if num_rows is not None:
        num_epochs = _TABLE_RECIPES[name].max_epochs
        if name != "fast":
            chosen["refit"] = name == "default" and num_rows >= _FEWEST_ROWS_TO_REFIT
            if num_rows >= _FEWEST_ROWS_FOR_FEWER_EPOCHS:
                num_epochs = _EPOCHS_OF_A_PACK if name == "pack" else _FEWER_EPOCHS
            if num_rows >= _FEWEST_ROWS_FOR_MORE_DROPOUT and task != "regression":
                chosen["dropout"] = _MORE_DROPOUT
        chosen["max_epochs"] = max(8, min(num_epochs, _MOST_ROWS_SEEN // max(num_rows, 1)))
    if num_columns is not None and num_columns > _MOST_EMBEDDED_COLUMNS:
        chosen["numeric_embedding"] = "none"
    return chosen
