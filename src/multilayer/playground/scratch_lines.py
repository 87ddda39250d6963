"""The network of a setup from scratch, line by line: each line says which values it computes."""

from collections.abc import Iterator
from dataclasses import dataclass

from multilayer.playground.setup import Setup

# From Z to H, and the slope by Z and H, which is a factor; "" is 1.
_ACTIVATIONS = {
    "relu": ("torch.relu({Z})", "({Z} > 0)"),
    "leaky_relu": ("torch.where({Z} > 0, {Z}, 0.01 * {Z})", "torch.where({Z} > 0, 1.0, 0.01)"),
    "elu": ("torch.where({Z} > 0, {Z}, torch.expm1({Z}))", "torch.where({Z} > 0, 1.0, {H} + 1)"),
    "selu": (
        "torch.where({Z} > 0, SCALE * {Z}, SCALE * ALPHA * torch.expm1({Z}))",
        "torch.where({Z} > 0, SCALE, {H} + SCALE * ALPHA)",
    ),
    "gelu": (
        "{Z} * torch.special.ndtr({Z})",
        "(torch.special.ndtr({Z}) + {Z} * torch.exp(-({Z}**2) / 2) / math.sqrt(2 * math.pi))",
    ),
    "silu": (
        "{Z} * torch.sigmoid({Z})",
        "torch.sigmoid({Z}) * (1 + {Z} * (1 - torch.sigmoid({Z})))",
    ),
    "mish": (
        "{Z} * torch.tanh(softplus({Z}))",
        "(torch.tanh(softplus({Z})) + {Z} * torch.sigmoid({Z}) / torch.cosh(softplus({Z})) ** 2)",
    ),
    "softplus": ("softplus({Z})", "torch.sigmoid({Z})"),
    "tanh": ("torch.tanh({Z})", "(1 - {H}**2)"),
    "sigmoid": ("torch.sigmoid({Z})", "{H} * (1 - {H})"),
    "identity": ("{Z}", ""),
}
_SELU = ("ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # of SELU",)

# First values of a layer's weights, drawn as the engine draws them.
_FIRST_WEIGHTS = {
    "linear": (
        "r = 1 / math.sqrt(num_inputs)  # as nn.Linear draws them",
        "W = torch.rand(num_inputs, num_outputs, generator=draws) * (2 * r) - r",
        "b = torch.rand(1, num_outputs, generator=draws)[0] * (2 * r) - r",
    ),
    "normal": (
        "W = torch.randn(num_inputs, num_outputs, generator=draws) * 0.01",
        "b = torch.zeros(num_outputs)",
    ),
    "glorot": (
        "r = math.sqrt(6 / (num_inputs + num_outputs))  # Xavier",
        "W = torch.rand(num_inputs, num_outputs, generator=draws) * (2 * r) - r",
        "b = torch.zeros(num_outputs)",
    ),
    "he": (
        "W = torch.randn(num_inputs, num_outputs, generator=draws) * math.sqrt(2 / num_inputs)",
        "b = torch.zeros(num_outputs)",
    ),
}


@dataclass(frozen=True)
class Line:
    """A line of the printed code.

    Attributes:
        text: with its indentation.
        values: keys of the values that it computes, such as "H1" or "W1.grad".
    """

    text: str
    values: tuple[str, ...] = ()


def first_weights(setup: Setup) -> Iterator[Line]:
    """The function that draws a layer's first weights."""
    yield Line("def first_weights(num_inputs, num_outputs, draws):")
    for text in _FIRST_WEIGHTS[setup.initialization]:
        yield Line(f"    {text}")
    yield Line("    return W, b")


def helpers(setup: Setup) -> Iterator[Line]:
    """What activations and dropout need beside PyTorch."""
    used = set(setup.activations)
    if "selu" in used:
        yield from map(Line, _SELU)
        yield Line("")
    if used & {"mish", "softplus"}:
        yield from map(Line, ("", "def softplus(Z):", "    return torch.logaddexp(Z, 0 * Z)", ""))
    if setup.dropout:
        yield from map(
            Line,
            (
                "",
                "def dropout_mask(H, dropout):",
                "    # The page draws its masks in another way, so that its numbers are others.",
                "    return (torch.rand_like(H) > dropout).float() / (1 - dropout)",
                "",
            ),
        )


def network(setup: Setup, *, is_of_classes: bool) -> Iterator[Line]:
    """The class: weights, forward and backward, one layer after the other.

    Args:
        setup: the network's.
        is_of_classes: whether the loss is cross entropy; else it is the squared error.
    """
    depth, widths = len(setup.hidden_widths), setup.hidden_widths
    yield Line(f"class MLPScratch(d2l.{'Classifier' if is_of_classes else 'Module'}):")
    yield Line("    def __init__(self, num_inputs, num_outputs, draws):")
    yield Line("        super().__init__()")
    sizes = ["num_inputs", *map(str, widths), "num_outputs"]
    for layer in range(1, depth + 2):
        fan = f"{sizes[layer - 1]}, {sizes[layer]}"
        yield Line(f"        W{layer}, b{layer} = first_weights({fan}, draws)")
        yield Line(f"        self.W{layer}, self.b{layer} = nn.Parameter(W{layer}), "
                   f"nn.Parameter(b{layer})")  # fmt: skip
    yield Line("")
    yield Line("    def forward(self, X):")
    for layer in range(1, depth + 1):
        yield from _hidden(setup, layer)
    product = f"torch.matmul({_before(depth + 1)}, self.W{depth + 1}) + self.b{depth + 1}"
    yield Line(f"        O = {product}", ("O",))
    yield Line("        return O")
    yield Line("")
    if not is_of_classes:
        yield Line("    def loss(self, O, y):")
        yield Line("        return ((O - y) ** 2).mean()", ("loss",))
        yield Line("")
    yield Line("    def backward(self, X, O, y):  # section 5.3; loss.backward() does the same")
    yield from _last_delta(depth + 1, is_of_classes=is_of_classes)
    yield from _gradients(depth + 1)
    for layer in range(depth, 0, -1):
        yield from _hidden_delta(setup, layer)
        yield from _gradients(layer)


def update(setup: Setup, num_layers: int) -> Iterator[Line]:
    """The optimiser by hand.

    Args:
        setup: with optimiser, rate and decay.
        num_layers: matrices of weights.
    """
    every = tuple(f"{name}{layer}" for layer in range(1, num_layers + 1) for name in "Wb")
    weights = tuple(name for name in every if name[0] == "W")
    lr, decay = f"{setup.learning_rate!r}", setup.weight_decay
    if setup.optimizer == "adam":
        yield Line("def adam(model, moments, t):")
    else:
        yield Line("def sgd(model):")
    is_by_name = setup.optimizer == "adam" or decay
    each = "name, param in model.named_parameters" if is_by_name else "param in model.parameters"
    yield Line(f"    for {each}():")
    if decay:
        yield Line('        if name[0] == "W":  # the weights decay, not the biases')
        yield Line(
            f"            param *= 1 - {lr} * {decay!r}", tuple(f"{w}.decayed" for w in weights)
        )
    if setup.optimizer == "sgd":
        yield Line(f"        param -= {lr} * param.grad", tuple(f"{one}.after" for one in every))
        return
    yield Line("        m, v = moments[name]")
    yield Line("        m += (1 - 0.9) * (param.grad - m)", tuple(f"{one}.m" for one in every))
    yield Line("        v += (1 - 0.999) * (param.grad**2 - v)", tuple(f"{one}.v" for one in every))
    yield Line("        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)")
    yield Line(f"        param -= {lr} * m_hat / (torch.sqrt(v_hat) + 1e-8)",
               tuple(f"{one}.after" for one in every))  # fmt: skip


def _before(layer: int) -> str:
    """What a layer's product takes."""
    return "X" if layer == 1 else f"self.H{layer - 1}"


def _hidden(setup: Setup, layer: int) -> Iterator[Line]:
    Z, H = f"self.Z{layer}", f"self.{'A' if setup.dropout else 'H'}{layer}"
    forward, _ = _ACTIVATIONS[setup.activations[layer - 1]]
    product = f"torch.matmul({_before(layer)}, self.W{layer}) + self.b{layer}"
    yield Line(f"        {Z} = {product}", (f"Z{layer}",))
    yield Line(f"        {H} = {forward.format(Z=Z, H=H)}", (H.removeprefix("self."),))
    if setup.dropout:
        yield Line(f"        self.H{layer} = {H}", ())
        yield Line("        if self.training:")
        yield Line(f"            self.M{layer} = dropout_mask({H}, {setup.dropout!r})",
                   (f"M{layer}",))  # fmt: skip
        yield Line(f"            self.H{layer} = {H} * self.M{layer}", (f"H{layer}",))


def _last_delta(layer: int, *, is_of_classes: bool) -> Iterator[Line]:
    if is_of_classes:
        yield Line("        Y = nn.functional.one_hot(y, O.shape[1])")
        text = f"        delta{layer} = (torch.softmax(O, dim=1) - Y) / len(y)"
    else:
        text = f"        delta{layer} = 2 * (O - y) / y.numel()"
    yield Line(text, (f"delta{layer}",))


def _hidden_delta(setup: Setup, layer: int) -> Iterator[Line]:
    Z, H = f"self.Z{layer}", f"self.{'A' if setup.dropout else 'H'}{layer}"
    _, slope = _ACTIVATIONS[setup.activations[layer - 1]]
    yield Line(f"        dH{layer} = torch.matmul(delta{layer + 1}, self.W{layer + 1}.T)",
               (f"dH{layer}",))  # fmt: skip
    factors = [f"dH{layer}"]
    if setup.dropout:
        factors.append(f"self.M{layer}")
    if slope:
        factors.append(slope.format(Z=Z, H=H))
    yield Line(f"        delta{layer} = {' * '.join(factors)}", (f"delta{layer}",))


def _gradients(layer: int) -> Iterator[Line]:
    yield Line(f"        self.W{layer}.grad = torch.matmul({_before(layer)}.T, delta{layer})",
               (f"W{layer}.grad",))  # fmt: skip
    yield Line(f"        self.b{layer}.grad = delta{layer}.sum(dim=0)", (f"b{layer}.grad",))
