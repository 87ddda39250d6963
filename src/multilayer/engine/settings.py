"""Everything about a fit that a person can set, declared once.

The Python API, the command line's flags and their help, and the JSON that is saved with a run all
come from `TrainingSettings`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_type_hints

from multilayer.encoding.one_hot_block import OneHotBlock
from multilayer.engine.fingerprints import as_json
from multilayer.engine.setting_checks import check_setting, check_together
from multilayer.engine.specification import ActivationName, NetworkSpec, activation_text
from multilayer.errors import SettingsError

AugmentationName = Literal["shift", "flip"]
DeviceName = Literal["cpu", "cuda"]
DrawnName = Literal[
    "hidden_widths", "activation", "numeric_embedding", "embedding_components",
    "embedding_frequency", "scale_rate_factor", "bias_rate_factor", "input_dropout",
    "learning_rate", "weight_decay", "dropout", "embedding_limit",
]  # fmt: skip
InitializationName = Literal["linear", "normal", "glorot", "he", "data"]
LossName = Literal[
    "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber",
    "quantile", "poisson",
]  # fmt: skip
NumericEmbeddingName = Literal["none", "periodic", "piecewise"]
OptimizerName = Literal["sgd", "adam"]
ParametrizationName = Literal["standard", "ntk"]
PrecisionName = Literal["highest", "medium"]
RegularizationScheduleName = Literal["constant", "flat_cosine"]
ScheduleName = Literal["constant", "cosine", "one_cycle", "log_cosine"]
SelectionName = Literal["last", "loss", "calibrated_loss", "accuracy"]

# What the members of a population may differ in; all else is shared.
SETTINGS_OF_A_MEMBER = (
    "seed", "initialization", "learning_rate", "weight_decay", "dropout", "embedding_frequency",
)  # fmt: skip
SEED_STEP = 1 << 32  # so that populations of neighboring seeds share no member
NUM_STATISTIC_PARTS = 5  # of the training rows, unless they are in folds; see target_statistics
IMAGE_SEED_STEP = 1  # kept so that runs on images repeat those of earlier versions


@dataclass(frozen=True)
class TrainingSettings:
    """The network's hidden part and how it is trained; the defaults are the chapter's.

    Each field's meaning stands in its type and is what `multilayer train --help` prints.

    Raises:
        SettingsError: a value is out of range or unknown.

    Examples:
        >>> from multilayer import TrainingSettings
        >>> settings = TrainingSettings(hidden_widths=(128, 64), dropout=0.2)
        >>> settings.hidden_widths, settings.optimizer, settings.learning_rate
        ((128, 64), 'sgd', 0.1)
    """

    hidden_widths: Annotated[
        tuple[int, ...], "neurons in each hidden layer, from the input on; '' is the linear model"
    ] = (256,)
    activation: Annotated[
        str,
        f"function after each hidden layer, of {', '.join(get_args(ActivationName))}; several with "
        "commas between them are one for each layer",
    ] = "relu"
    learned_activation: Annotated[
        bool, "learn for each neuron how much of the activation is mixed with its input"
    ] = False
    batch_norm: Annotated[bool, "standardise the values before each activation by the batch"] = (
        False
    )
    standardize_inputs: Annotated[
        bool, "shift each input by its mean and scale all by one deviation, of the training rows"
    ] = False
    numeric_embedding: Annotated[
        NumericEmbeddingName,
        "in tables, add learned mixtures of a number's components to the number itself: 'periodic' "
        "has cosines of learned frequencies, 'piecewise' how far it is through bins between "
        "quantiles of the training rows; true and false are 'periodic' and 'none'",
    ] = "none"
    embedding_width: Annotated[
        int, "values that the numeric embedding makes of a number: itself and mixtures"
    ] = 4
    embedding_components: Annotated[int, "cosines or bins that the numeric embedding mixes"] = 16
    embedding_frequency: Annotated[
        float, "deviation of the first frequencies of the numeric embedding 'periodic'"
    ] = 0.1
    one_hot_limit: Annotated[
        int,
        "in tables, categories of more values than this get a learned embedding of 8 values "
        "instead of a column for each value; 0 is no limit",
    ] = 0
    category_statistics: Annotated[
        bool,
        "in tables, give categories of more than one_hot_limit values the mean of the target of "
        "their other rows beside the embedding",
    ] = False
    embedding_limit: Annotated[
        int,
        "with category_statistics, categories of more values than this have no embedding beside "
        "them; 0 is no limit",
    ] = 0
    scale_layer: Annotated[bool, "multiply each feature by a learned number"] = False
    parametrization: Annotated[
        ParametrizationName,
        "'ntk' shortens the steps of a weight matrix by its number of inputs, as the neural "
        "tangent parametrisation does",
    ] = "standard"
    initialization: Annotated[
        InitializationName,
        "first weights: 'linear' as torch.nn.Linear draws them, 'normal' with deviation 0.01 as "
        "in the chapter's from-scratch network, 'glorot', 'he', or 'data', which fits scale and "
        "offset of each neuron to training rows",
    ] = "linear"
    zero_last_layer: Annotated[bool, "begin with a last layer of zeros"] = False
    loss: Annotated[
        LossName,
        "what is minimised; in tables numbers may have another than 'squared_error': "
        "'absolute_error' predicts the median, 'huber' is between the two, 'quantile' predicts "
        "quantiles, 'poisson' rates of counts",
    ] = "cross_entropy"
    quantiles: Annotated[
        tuple[float, ...], "what the loss 'quantile' predicts, each between 0 and 1 and rising"
    ] = (0.5,)
    label_smoothing: Annotated[
        float, "share of each label that cross entropy spreads over all classes while training"
    ] = 0.0
    optimizer: Annotated[OptimizerName, "how a gradient becomes a step"] = "sgd"
    learning_rate: Annotated[float, "size of a step"] = 0.1
    scale_rate_factor: Annotated[float, "times the learning rate for the scale layer"] = 1.0
    bias_rate_factor: Annotated[
        float,
        "times the learning rate for biases, the gains of batch norm, learned activations and "
        "the numeric embedding",
    ] = 1.0
    momentum: Annotated[float, "share of the last step that SGD keeps"] = 0.0
    beta_1: Annotated[float, "share of the running mean of gradients that Adam keeps"] = 0.9
    beta_2: Annotated[float, "share of the running mean of their squares that Adam keeps"] = 0.999
    batch_size: Annotated[int, "rows in a step"] = 256
    drop_last_batch: Annotated[bool, "leave the rows that fill no whole batch out of the epoch"] = (
        False
    )
    max_epochs: Annotated[int, "passes over the training rows"] = 10
    schedule: Annotated[
        ScheduleName,
        "how the learning rate changes: 'cosine' falls to 0, 'one_cycle' rises for a quarter of "
        "the steps first, 'log_cosine' rises and falls four times, each time longer",
    ] = "constant"
    dropout: Annotated[float, "share of hidden neurons left out of each step at random"] = 0.0
    input_dropout: Annotated[
        float, "share of the first layer's inputs left out of each step at random"
    ] = 0.0
    augment: Annotated[
        tuple[AugmentationName, ...],
        "change each picture at random, anew in each epoch: 'shift' moves it by up to a pixel each "
        "way, 'flip' mirrors half of them, left for right; 'shift,flip' does both",
    ] = ()
    weight_decay: Annotated[
        float, "the weights, not the biases, shrink by this times the learning rate in each step"
    ] = 0.0
    regularization_schedule: Annotated[
        RegularizationScheduleName,
        "how dropout and weight decay change: 'flat_cosine' takes them to 0 in the second half",
    ] = "constant"
    max_gradient_norm: Annotated[
        float, "a longer gradient is shortened to this length; 0 leaves it"
    ] = 0.0
    average_decay: Annotated[
        float,
        "share of the running average of the weights that stays in each step; the average is the "
        "network that is scored and kept; 0 is no average",
    ] = 0.0
    selection: Annotated[
        SelectionName,
        "which epoch's network is kept: the last, or the best by validation loss or accuracy, of "
        "equals the last; 'calibrated_loss' is the loss once a temperature is fitted, as it is at "
        "the end",
    ] = "last"
    patience: Annotated[
        int, "epochs without a better one by the selection after which training ends; 0 is never"
    ] = 0
    refit: Annotated[
        bool,
        "once held-out rows have chosen the epoch, train a second network on all rows, these "
        "included, up to that epoch, and average the two; scores and intervals are those of the "
        "first",
    ] = False
    clip_predictions: Annotated[
        bool, "in tables, keep predicted numbers to the range of the training rows"
    ] = False
    precision: Annotated[
        PrecisionName,
        "'medium' lets matrix products round to bfloat16 where the machine is faster with it",
    ] = "highest"
    num_threads: Annotated[
        int, "processor threads; 0 takes one for small steps and all of PyTorch's for others"
    ] = 0
    device: Annotated[
        DeviceName, "where it computes: the processor, or an NVIDIA card ('cuda')"
    ] = "cpu"
    seed: Annotated[int, "address of every random draw; the same seed repeats the run"] = 0
    num_members: Annotated[
        int, "networks trained side by side on all rows, their answers averaged"
    ] = 1
    num_folds: Annotated[
        int,
        "in tables, so many networks are trained side by side, each selected on a fold of its "
        "own, and averaged; 0 is one network",
    ] = 0
    num_draws: Annotated[
        int,
        "a pack: so many networks at most (times the folds) are trained with settings drawn at "
        "random, and those that together are best on held-out rows are mixed; 0 is no pack",
    ] = 0
    drawn: Annotated[
        tuple[DrawnName, ...], "what a pack draws anew for each network; the rest is as it is set"
    ] = ()
    time_limit: Annotated[
        float,
        "how long all of it may take, reading and writing included, such as 90s, 5m or 1h: a pack "
        "takes as many draws and epochs as fit; 0 is no limit",
    ] = 0.0
    validation_fraction: Annotated[
        float,
        "share of the training rows held out for validation; with 0 the test images are the "
        "validation set, as in the book, and nothing is selected by them",
    ] = 0.0

    def __post_init__(self) -> None:
        for name in ("hidden_widths", "quantiles", "augment", "drawn"):
            value = getattr(self, name)
            if isinstance(value, Iterable) and not isinstance(value, str):
                object.__setattr__(self, name, tuple(value))  # others are refused below
        object.__setattr__(self, "activation", activation_text(self.activation))
        embedding = _name_of_embedding(self.numeric_embedding)
        object.__setattr__(self, "numeric_embedding", embedding)
        for name, (kind, _) in setting_types().items():
            check_setting(name, kind, getattr(self, name))
        check_together(self)

    def network_spec(
        self,
        num_inputs: int,
        num_outputs: int,
        *,
        num_numeric: int = 0,
        category_sizes: Sequence[int] = (),
        one_hot_blocks: Sequence[OneHotBlock] = (),
        input_scale: float = 1.0,
        num_statistics: int = 0,
    ) -> NetworkSpec:
        """The network that these settings make of data.

        Args:
            num_inputs: columns of the input.
            num_outputs: values in a row of output.
            num_numeric: how many columns, the first ones, are numbers that a numeric embedding is
                for.
            category_sizes: number of codes of each categorical column; these come last.
            one_hot_blocks: see `NetworkSpec`.
            input_scale: see `NetworkSpec`.
            num_statistics: of the target, that each categorical column may be given.
        """
        spec = NetworkSpec(
            num_inputs,
            num_outputs,
            self.hidden_widths,
            self.activation,
            input_scale,
            self.standardize_inputs,
            category_sizes=tuple(category_sizes),
            scale_layer=self.scale_layer,
            batch_norm=self.batch_norm,
            learned_activation=self.learned_activation,
            one_hot_blocks=tuple(one_hot_blocks),
        )
        if self.category_statistics and category_sizes and num_statistics:
            spec = replace(
                spec,
                category_statistics=num_statistics,
                embedding_limit=self.embedding_limit,
                statistic_versions=1 + (self.num_folds or NUM_STATISTIC_PARTS),
            )
        if self.numeric_embedding == "none" or num_numeric == 0:
            return spec
        return replace(
            spec,
            embedded_numbers=num_numeric,
            number_embedding=self.numeric_embedding,
            number_width=self.embedding_width,
            number_components=self.embedding_components,
        )


def settings_of_earlier(document: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a file of an earlier version as this one writes them, of unchecked types.

    What it lacks is at its default: a default is what was done before there was a setting.
    """
    settings = {**as_json(asdict(TrainingSettings())), **document}
    if "numeric_embedding" in settings:
        settings["numeric_embedding"] = _name_of_embedding(settings["numeric_embedding"])
    return settings


def _name_of_embedding(value: Any) -> Any:
    """True and False are what a numeric embedding was before there were two of them."""
    return {True: "periodic", False: "none"}[value] if isinstance(value, bool) else value


@cache
def setting_types() -> dict[str, tuple[Any, str]]:
    """Type and explanation of each field of `TrainingSettings`, by its name."""
    hints = get_type_hints(TrainingSettings, include_extras=True)
    return {name: get_args(hint) for name, hint in hints.items()}


def of_members(
    settings: TrainingSettings | Sequence[TrainingSettings], num_members: int
) -> list[TrainingSettings]:
    """Settings for each member of a population.

    Args:
        settings: one for all, or one for each, differing in `SETTINGS_OF_A_MEMBER` alone.
        num_members: networks in the population.

    Raises:
        SettingsError: there are not as many as members, or they differ in something else.
    """
    if isinstance(settings, TrainingSettings):
        return [settings] * num_members
    if len(settings) != num_members:
        raise SettingsError(f"{num_members} members were given {len(settings)} settings")
    for name in setting_types():
        values = {getattr(member, name) for member in settings}
        if name not in SETTINGS_OF_A_MEMBER and len(values) > 1:
            raise SettingsError(
                f"members may differ in {', '.join(SETTINGS_OF_A_MEMBER)} alone, "
                f"not in {name}: {', '.join(map(str, sorted(values, key=str)))}"
            )
    return list(settings)


def settings_of_members(
    settings: TrainingSettings, num_members: int, step: int = SEED_STEP
) -> list[TrainingSettings]:
    """The settings of each network, with a seed of its own."""
    return [replace(settings, seed=settings.seed + member * step) for member in range(num_members)]
