"""What is on the page as code: the book's, from scratch and with PyTorch's layers, and ours.

All four forms begin with the same weights and see the same rows in the same order, and so lead to
the same network as the page, to rounding; `tests/playground/test_code.py` runs them. With dropout
the two forms of the book draw other masks, and say so.
"""

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from multilayer.errors import SettingsError
from multilayer.playground.points import TARGET_NAMES
from multilayer.playground.problems import Problem
from multilayer.playground.scratch_lines import (
    Line,
    first_weights,
    helpers,
    network,
    update,
)
from multilayer.playground.setup import IMAGE_PROBLEMS, MADE_PROBLEMS, Setup
from multilayer.recipes.recipes import recipe
from multilayer.runs.repeat_command import as_argument, as_option

_TORCH_LAYERS = {
    "relu": "nn.ReLU()", "leaky_relu": "nn.LeakyReLU()", "elu": "nn.ELU()", "selu": "nn.SELU()",
    "gelu": "nn.GELU()", "silu": "nn.SiLU()", "mish": "nn.Mish()", "softplus": "nn.Softplus()",
    "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()", "identity": "nn.Identity()",
}  # fmt: skip
_ARGUMENTS = {  # of the estimators, whose names are scikit-learn's
    "hidden_widths": "hidden_layer_sizes", "activation": "activation", "batch_size": "batch_size",
    "learning_rate": "learning_rate_init", "max_epochs": "max_iter", "dropout": "dropout",
    "weight_decay": "weight_decay", "validation_fraction": "validation_fraction",
    "seed": "random_state",
}  # fmt: skip
TABLE = "table.csv"  # what the reader's own file is called in the code


def as_scratch(setup: Setup, problem: Problem | None = None, table: str = TABLE) -> str:
    """The book's code from scratch: parameters, gradients and optimiser by hand.

    Args:
        setup: what is on the page.
        problem: made of it; only a table needs it.
        table: the reader's file.

    Raises:
        SettingsError: the problem is a table and `problem` is None.
    """
    return _joined(scratch_lines(setup, problem, table))


def as_book(setup: Setup, problem: Problem | None = None, table: str = TABLE) -> str:
    """The book's code with PyTorch's layers, `nn.Sequential` in a `d2l.Classifier`; see above."""
    return _joined(_book_lines(setup, problem, table))


def as_command(setup: Setup, problem: Problem | None = None, table: str = TABLE) -> str:
    """Commands for a shell; see `as_scratch`."""
    words = ["multilayer", "train"]
    lines = []
    if setup.problem in IMAGE_PROBLEMS:
        words.append(setup.problem)
    elif setup.problem == "table":
        words += [as_argument(table), *as_option("--target", _target(setup, problem))]
    else:
        file = f"{setup.problem}.csv"
        made = ["multilayer", "points", setup.problem, "--num-rows", str(setup.num_rows)]
        made += ["--noise", str(setup.noise), "--seed", str(setup.seed)]
        lines.append(f"{shlex.join(made)} > {file}")
        words += [file, "--target", TARGET_NAMES[setup.problem]]
    words += ["--recipe", "chapter"]
    for name, value in _differing(setup).items():
        written = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [f"--{name.replace('_', '-')}", written]
    return "\n".join([*lines, shlex.join(words)]) + "\n"


def as_python(setup: Setup, problem: Problem | None = None, table: str = TABLE) -> str:
    """A program that uses this package: an estimator for points, the engine for images.

    The reader's own table is read by a `Run`, as on the page and by `multilayer train`: it knows
    missing values by their spellings, and leaves rows without a target out.
    """
    if setup.problem in IMAGE_PROBLEMS:
        return _joined(_engine_lines(setup))
    if setup.problem == "table":
        return _joined(_run_lines(setup, _target(setup, problem), table))
    return _joined(_estimator_lines(setup))


def scratch_lines(
    setup: Setup, problem: Problem | None = None, table: str = TABLE
) -> Iterator[Line]:
    """The lines of `as_scratch`, each with the values that it computes."""
    is_of_classes = _is_of_classes(setup, problem)
    depth = len(setup.hidden_widths)
    yield from _notes(setup)
    yield from map(Line, ("import math", "", "import torch", "from torch import nn", ""))
    yield from map(Line, ("import multilayer as d2l", ""))
    yield from helpers(setup)
    yield Line("")
    yield from first_weights(setup)
    yield from map(Line, ("", ""))
    yield from network(setup, is_of_classes=is_of_classes)
    yield from map(Line, ("", ""))
    yield from update(setup, depth + 1)
    yield from map(Line, ("", "", _data(setup, problem, table)))
    yield Line('model = MLPScratch(data.num_inputs, data.num_outputs, data.generator("init"))')
    call = "sgd(model)"
    if setup.optimizer == "adam":
        yield Line("moments = {name: (torch.zeros_like(param), torch.zeros_like(param))")
        yield Line("           for name, param in model.named_parameters()}")
        yield Line("t = 0")
        call = "adam(model, moments, t)"
    yield Line("with torch.no_grad():  # the gradients are ours")
    yield Line(f"    for epoch in range({setup.num_epochs}):")
    yield Line("        model.train()")
    yield Line("        train_loss = val_loss = 0.0")
    yield Line("        for X, y in data.train_dataloader():", ("X", "y"))
    yield Line("            O = model(X)")
    yield Line("            L = model.loss(O, y)", ("loss",))
    yield Line("            model.backward(X, O, y)")
    if setup.optimizer == "adam":
        yield Line("            t += 1")
    yield Line(f"            {call}")
    yield Line("            train_loss += float(L) * len(y) / data.num_train")
    yield Line("        model.eval()")
    loader = "[]" if problem is not None and problem.held_out is None else "data.val_dataloader()"
    yield Line(f"        for X, y in {loader}:")
    yield Line("            val_loss += float(model.loss(model(X), y)) * len(y) / data.num_val")
    yield Line('        losses = f"loss {train_loss:.6f}, validation {val_loss:.6f}"')
    yield Line('        print(f"epoch {epoch + 1}: {losses}")')


def _book_lines(setup: Setup, problem: Problem | None, table: str) -> Iterator[Line]:
    is_of_classes = _is_of_classes(setup, problem)
    yield from _notes(setup)
    yield from map(Line, ("import math", "", "import torch", "from torch import nn", ""))
    yield from map(Line, ("import multilayer as d2l", "", ""))
    yield Line(f"class MLP(d2l.{'Classifier' if is_of_classes else 'Module'}):")
    yield Line("    def __init__(self, num_outputs, lr):")
    yield Line("        super().__init__()")
    yield Line("        self.save_hyperparameters()")
    yield Line("        self.net = nn.Sequential(")
    yield Line("            nn.Flatten(),")
    for width, activation in zip(setup.hidden_widths, setup.activations, strict=True):
        dropout = f", nn.Dropout({setup.dropout!r})" if setup.dropout else ""
        yield Line(f"            nn.LazyLinear({width}), {_TORCH_LAYERS[activation]}{dropout},")
    yield Line("            nn.LazyLinear(num_outputs),")
    yield Line("        )")
    if not is_of_classes:
        yield from map(Line, ("", "    def loss(self, Y_hat, y):"))
        yield Line("        return nn.functional.mse_loss(Y_hat, y)")
    if setup.optimizer == "adam" or setup.weight_decay:
        kind = "AdamW" if setup.optimizer == "adam" else "SGD"
        yield from map(Line, ("", "    def configure_optimizers(self):"))
        yield Line("        weights = [p for p in self.parameters() if p.dim() == 2]")
        yield Line("        biases = [p for p in self.parameters() if p.dim() == 1]")
        yield Line(f"        return torch.optim.{kind}([")
        yield Line(f'            {{"params": weights, "weight_decay": {setup.weight_decay!r}}},')
        yield Line('            {"params": biases, "weight_decay": 0.0},')
        yield Line("        ], lr=self.lr)")
    yield from map(Line, ("", ""))
    yield from first_weights(setup)
    yield from map(Line, ("", "", _data(setup, problem, table)))
    yield from map(Line, ('draws = data.generator("init")', "", ""))
    yield from map(
        Line,
        (
            "def init_weights(layer):",
            "    if isinstance(layer, nn.Linear):",
            "        W, b = first_weights(layer.in_features, layer.out_features, draws)",
            "        layer.weight.data, layer.bias.data = W.T.contiguous(), b",
            "",
            "",
            f"model = MLP(data.num_outputs, lr={setup.learning_rate!r})",
            "model.apply_init([torch.zeros(1, data.num_inputs)], init_weights)",
            f"trainer = d2l.Trainer(max_epochs={setup.num_epochs})",
            "trainer.fit(model, data)",
        ),
    )


def _run_lines(setup: Setup, target: str, table: str) -> Iterator[Line]:
    yield from map(Line, ("import multilayer", ""))
    yield Line("configuration = multilayer.RunConfiguration(")
    yield Line(f"    {_literal(table)},")
    yield Line(f"    multilayer.ColumnRoles(({_literal(target)},)),")
    yield Line('    "chapter",')
    yield Line("    {")
    for name, value in _differing(setup).items():
        yield Line(f"        {_literal(name)}: {_literal(value)},")
    yield from map(Line, ("    },", ")"))
    yield Line("run = multilayer.Run(configuration)")
    yield Line("for epoch in run.epochs():")
    yield Line("    print(epoch.epoch, epoch.train_loss, epoch.validation)")
    yield Line("run.finish()")


def _estimator_lines(setup: Setup) -> Iterator[Line]:
    kind = "MLPRegressor" if setup.task == "regression" else "MLPClassifier"
    target = TARGET_NAMES[setup.problem]
    yield from map(Line, ("import multilayer", ""))
    yield Line(f"table = multilayer.points_table({_points(setup)})")
    yield Line(f"model = multilayer.{kind}(")
    yield Line('    "chapter",')
    differing = _differing(setup)
    for name, argument in _ARGUMENTS.items():
        if name in differing:
            yield Line(f"    {argument}={_literal(differing.pop(name))},")
    if setup.seed == 0:
        yield Line("    random_state=0,")
    if differing:
        yield Line(f"    settings={_literal(differing)},")
    yield Line(")")
    yield Line(f"model.fit(table.drop({_literal(target)}), table[{_literal(target)}])")
    yield from map(Line, ("for line in model.history_:", "    print(line)"))


def _engine_lines(setup: Setup) -> Iterator[Line]:
    yield from map(Line, ("from dataclasses import replace", "", "import torch", ""))
    yield from map(Line, ("import multilayer", ""))
    yield Line(f"images = multilayer.load_images({_literal(setup.problem)})")
    yield Line("train, test = (")
    yield Line("    multilayer.Examples(")
    yield Line("        torch.from_numpy(part.images).flatten(1), torch.from_numpy(part.labels)")
    yield Line("    )")
    yield Line("    for part in (images.train, images.test)")
    yield Line(")")
    yield Line("settings = multilayer.recipe(")
    yield Line('    "chapter",')
    for name, value in _differing(setup).items():
        yield Line(f"    {name}={_literal(value)},")
    yield Line(")")
    seeds = f"range({setup.seed}, {setup.seed + setup.num_seeds})"
    yield Line(f"members = [replace(settings, seed=seed) for seed in {seeds}]")
    yield Line("num_pixels, num_classes = train.inputs.shape[1], len(images.class_names)")
    yield Line("spec = settings.network_spec(num_pixels, num_classes, input_scale=1 / 255)")
    yield Line("network = multilayer.Network.initialized(")
    yield Line("    spec, [member.seed for member in members], settings.initialization")
    yield Line(")")
    yield Line("for epoch in multilayer.train(network, train, members, validation=test):")
    yield Line("    print(epoch.epoch, epoch.train_loss, epoch.validation.loss)")


def _notes(setup: Setup) -> Iterator[Line]:
    """What the forms of the book do not share with the page."""
    notes = []
    if setup.num_seeds > 1:
        notes.append(f"# The first of {setup.num_seeds} networks, which has the seed itself.")
    if setup.dropout:
        notes.append("# The masks of dropout are others than the page's, and so are the losses;")
        notes.append("# weights at the beginning and the order of the batches are the same.")
    yield from map(Line, (*notes, *([""] if notes else [])))


def _data(setup: Setup, problem: Problem | None, table: str) -> str:
    arguments: dict[str, Any] = {}
    if setup.problem in MADE_PROBLEMS:
        arguments |= {"noise": setup.noise, "num_rows": setup.num_rows}
    if setup.problem == "table":
        arguments |= {"table": table, "target": _target(setup, problem)}
    arguments |= {"batch_size": setup.batch_size, "seed": setup.seed}
    given = ", ".join(f"{name}={_literal(value)}" for name, value in arguments.items())
    return f"data = d2l.PlaygroundData({_literal(setup.problem)}, {given})"


def _points(setup: Setup) -> str:
    return (
        f"{_literal(setup.problem)}, num_rows={setup.num_rows}, noise={setup.noise}, "
        f"seed={setup.seed}"
    )


def _differing(setup: Setup) -> dict[str, Any]:
    """The settings that differ from the recipe's own."""
    own = asdict(recipe("chapter", setup.task))
    return {name: value for name, value in setup.changes().items() if value != own[name]}


def _is_of_classes(setup: Setup, problem: Problem | None) -> bool:
    if setup.problem != "table":
        return setup.task != "regression"
    return _known(problem).task == "classes"


def _target(setup: Setup, problem: Problem | None) -> str:
    return _known(problem).target_name if setup.problem == "table" else TARGET_NAMES[setup.problem]


def _known(problem: Problem | None) -> Problem:
    if problem is None:
        raise SettingsError("the code of the reader's table needs the problem made of it")
    return problem


def _literal(value: Any) -> str:
    """A value as Python code has it, text in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(k)}: {_literal(v)}' for k, v in value.items())}}}"
    return repr(value)


def _joined(lines: Iterator[Line]) -> str:
    code = "\n".join(line.text for line in lines) + "\n"
    return code if "math." in code else code.replace("import math\n\n", "", 1)
