"""A reader for tables written from docs/model-file.md alone, with NumPy and no more."""

import calendar
import datetime
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from container.test_independent_reader import read

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.targets import Targets
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.model.conformal import ConformalScores
from multilayer.model.mixed_networks import MixedNetworks
from multilayer.model.mixing import kind_of_outputs
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, save_model

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*not in the training rows:multilayer.errors.DataWarning"
)
MISSING = {"", "na", "n/a", "#n/a", "<na>", "n.a.", "nan", "nat", "null", "none", "nil", "missing",
           "?", "-", "--", "."}  # fmt: skip
TRUE, FALSE = {"true", "yes", "t", "y", "on", "1"}, {"false", "no", "f", "n", "off", "0"}


def is_missing(value):
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or (isinstance(value, str) and value.strip().lower() in MISSING)


def date_numbers(value, date_format, has_time):
    if isinstance(value, str):
        date, _, time_of_day = value.strip().replace("T", " ").partition(" ")
        moment = datetime.datetime.strptime(date, date_format)
        if time_of_day:
            moment = datetime.datetime.combine(
                moment.date(), datetime.time.fromisoformat(time_of_day)
            )
    else:
        moment = value
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    days = (moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
    part = days % 1
    date = moment.date()
    in_year, in_month = 365 + calendar.isleap(date.year), calendar.monthrange(*date.timetuple()[:2])
    places = [
        (date.timetuple().tm_yday - 1 + part) / in_year,
        (date.day - 1 + part) / in_month[1],
        (date.weekday() + part) / 7,
    ]
    waves = [(math.sin(2 * math.pi * p), math.cos(2 * math.pi * p)) for p in places]
    if has_time:
        waves.append((math.sin(2 * math.pi * part), math.cos(2 * math.pi * part)))
    return [days, *(value for wave in waves for value in wave)]


def category_place(value, column):
    """From 1; 0 is missing or no category."""
    if is_missing(value):
        return 0
    text = str(value).strip()
    if column["meaning"] == "boolean":
        lower = text.lower()
        text = "true" if lower in TRUE else "false" if lower in FALSE else ""
    elif column["meaning"] == "number" or not isinstance(value, str):
        try:
            number = float(text)
            text = str(int(number)) if number.is_integer() and abs(number) < 2**53 else text
        except ValueError:
            pass
    return column["categories"].index(text) + 1 if text in column["categories"] else 0


def inputs_of(encoder, rows):
    """(num_rows, num_inputs), float32, from rows that are dictionaries."""
    encoded = []
    for row in rows:
        numbers, passed, indicators, codes = [], [], [], []
        for column in encoder["numbers"]:
            value, width = row[column["name"]], 1
            if column["date_format"] is not None:
                width = 9 if column["has_time"] else 7
            if is_missing(value):
                numbers += encoder["means"][len(numbers) : len(numbers) + width]
            elif column["date_format"] is None:
                numbers.append(float(value))
            else:
                numbers += date_numbers(value, column["date_format"], column["has_time"])
            if column["has_indicator"]:
                indicators.append(float(is_missing(value)))
        for column in encoder["categories"]:
            place = category_place(row[column["name"]], column)
            if column["form"] == "codes":
                codes.append(place)
            elif column["form"] == "plus-minus":
                passed.append((0.0, -1.0, 1.0)[place])
            else:
                passed += [float(place == n + 1) for n in range(len(column["categories"]))]
        scale, median = (np.array(encoder["scaling"][name]) for name in ("scale", "median"))
        y = scale * (np.array([*numbers, *passed, *indicators]) - median)
        encoded.append([*(y / np.hypot(1, y / 3)), *codes])
    return np.array(encoded, np.float64).astype(np.float32)


ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
    "mish": lambda z: z * np.tanh(np.log1p(np.exp(z))),
}


def features_of(network, arrays, member, x):
    if network.get("standardize_inputs"):
        x = (x - arrays["inputs.shift"][member]) * arrays["inputs.scale"][member]
    n, sizes = network.get("embedded_numbers", 0), network.get("category_sizes", [])
    end = x.shape[1] - len(sizes)
    parts = [x[:, :n]]
    for place in range(n):
        if network.get("number_embedding") == "piecewise":
            b = arrays["numbers.edges"][member][place, 0]
            with np.errstate(divide="ignore", invalid="ignore"):
                e = (x[:, [place]] - b[:-1]) / np.diff(b)
            e[:, np.diff(b) == 0] = 0
            e[:, 1:] = np.maximum(e[:, 1:], 0)
            e[:, :-1] = np.minimum(e[:, :-1], 1)
            parts.append(e @ arrays["numbers.weight"][member][place])
            continue
        f, p, w, b = (
            arrays[f"numbers.{name}"][member][place]
            for name in ("frequency", "phase", "weight", "bias")
        )
        parts.append(np.cos(2 * np.pi * x[:, [place]] @ f + p) @ w + b)
    parts.append(x[:, n:end])
    codes = x[:, end:].astype(int)
    limit = network.get("embedding_limit", 0) or np.inf
    embedded = [place for place, size in enumerate(sizes) if size - 1 <= limit]
    for place in embedded:
        first = sum(sizes[other] for other in embedded if other < place)
        parts.append(arrays["categories.weight"][member][first + codes[:, place]])
    if network.get("category_statistics", 0):
        for place in range(len(sizes)):
            first = sum(sizes[:place])
            parts.append(arrays["categories.statistics"][member][first + codes[:, place]])
    features = np.concatenate(parts, axis=1)
    if network.get("scale_layer"):
        features = features * arrays["features.scale"][member]
    return features


def outputs_of(document, arrays, inputs):
    """(num_members, num_rows, num_outputs)."""
    if "mixture" not in document:
        return outputs_of_population(document["network"], document["num_members"], arrays, inputs)
    mixed, task = 0.0, document["targets"]["task"]
    networks = [document["network"], *document["mixture"]["others"]]
    for number, weight in enumerate(document["mixture"]["weights"]):
        start = f"{number}/" if number else ""
        own = {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
        z = outputs_of_population(networks[number], document["num_members"], own, inputs)
        if task == "multilabel":
            z = 1 / (1 + np.exp(-z))
        elif task != "regression":
            z = np.exp(z - z.max(-1, keepdims=True))
            z /= z.sum(-1, keepdims=True)
        mixed = mixed + weight * z
    if task == "multilabel":
        return np.log(mixed / (1 - mixed))
    return mixed if task == "regression" else np.log(mixed)


def outputs_of_population(network, num_members, arrays, inputs):
    """(num_members, num_rows, num_outputs)."""
    answers = []
    arrays = {name: values.astype(np.float64) for name, values in arrays.items()}
    last = len(network["hidden_widths"])
    for member in range(num_members):
        x = features_of(network, arrays, member, inputs.astype(np.float64))
        for layer in range(last + 1):
            x = x @ arrays[f"linear_{layer}.weight"][member]
            if network.get("batch_norm") and layer < last:
                gain, mean, variance = (
                    arrays[f"batch_norm_{layer}.{name}"][member]
                    for name in ("gain", "mean", "variance")
                )
                x = gain * (x - mean) / np.sqrt(variance + 1e-5)
            x = x + arrays[f"linear_{layer}.bias"][member]
            if layer < last:
                names = network["activation"].split(",")
                activated = ACTIVATIONS[names[layer if len(names) > 1 else 0]](x)
                if network.get("learned_activation"):
                    strength = arrays[f"activation_{layer}.strength"][member]
                    activated = (1 - strength) * x + strength * activated
                x = activated
        answers.append(x)
    return np.array(answers)


def member_answers(document, outputs):
    targets, share = document["targets"], document["uniform_share"]
    if targets["task"] == "regression":
        numbers = by_name(targets, outputs)
        if targets["are_counts"]:
            numbers = np.exp(numbers)
        columns = {
            name: np.array(targets[name])[:, None]
            for name in ("means", "deviations", "lowest", "highest")
        }
        numbers = numbers * columns["deviations"] + columns["means"]
        if document["clips"]:
            numbers = np.clip(numbers, columns["lowest"], columns["highest"])
        return np.sort(numbers, axis=-1).reshape(outputs.shape)
    z = outputs / document["temperature"]
    if targets["task"] == "multilabel":
        return (1 - share) / (1 + np.exp(-z)) + share / 2
    odds = np.exp(z - z.max(-1, keepdims=True))
    return (1 - share) * odds / odds.sum(-1, keepdims=True) + share * np.array(
        document.get("spread", 1 / z.shape[-1])
    )


def by_name(targets, numbers):
    return numbers.reshape(*numbers.shape[:-1], len(targets["names"]), -1)


def the_numbers(targets, answers):
    numbers = by_name(targets, answers.mean(0))
    if len(targets["quantiles"]) < 2:
        return numbers[..., 0]
    return np.apply_along_axis(
        lambda of_row: np.interp(0.5, targets["quantiles"], of_row), -1, numbers
    )


def scored_answers(document, arrays, answers):
    counts = document["num_conformal_rows"]
    scores = [arrays[f"conformal.{m}"] for m in range(len(counts))]
    return scores, answers if len(counts) == len(answers) else answers.mean(0, keepdims=True)


def interval(document, arrays, answers, coverage):
    scores, answers = scored_answers(document, arrays, answers)
    k = math.ceil(coverage * (sum(map(len, scores)) + 1))
    targets = document["targets"]
    answers = by_name(targets, np.sqrt(answers) if targets["are_counts"] else answers)

    def end(sign, of_members):
        ends = np.concatenate(
            [sign * a[None] + s[:, None, :] for a, s in zip(of_members, scores, strict=True)]
        )
        return sign * np.sort(ends, axis=0)[k - 1]

    low, high = end(-1, answers[..., 0]), end(1, answers[..., -1])
    low, high = np.minimum(low, (low + high) / 2), np.maximum(high, (low + high) / 2)
    if targets["are_counts"]:
        return np.maximum(low, 0) ** 2, np.maximum(high, 0) ** 2
    return low, high


def class_set(document, arrays, answers, coverage):
    scores, answers = scored_answers(document, arrays, answers)
    k = math.ceil(coverage * (sum(map(len, scores)) + 1))
    below = sum((s[:, 0] < 1 - a[..., None]).sum(-1) for s, a in zip(scores, answers, strict=True))
    is_in = below < k
    is_in[np.arange(len(is_in)), answers.mean(0).argmax(-1)] = True
    return is_in


generator = np.random.default_rng(0)
NUM_ROWS = 60
FRAME = pl.DataFrame(
    {
        "size": [
            None if n % 9 == 0 else float(v) for n, v in enumerate(generator.normal(5, 2, 60))
        ],
        "day": [f"{1 + n % 28:02d}.{1 + n % 12:02d}.{2019 + n % 4}" for n in range(NUM_ROWS)],
        "moment": [
            datetime.datetime(2020, 2, 1) + datetime.timedelta(hours=17 * n)
            for n in range(NUM_ROWS)
        ],
        "garden": [("yes", "no", None)[n % 3] for n in range(NUM_ROWS)],
        "town": [("Bern", " Oslo", "Rome", "?")[n % 4] for n in range(NUM_ROWS)],
        "street": [f"street {n % 12}" for n in range(NUM_ROWS)],
        "floor": [n % 4 for n in range(NUM_ROWS)],
    }
)
NEW = FRAME.head(9).with_columns(
    town=pl.Series(["Bern", "Paris", None, "Rome ", "Oslo", "none", "rome", "NA", ""]),
    size=pl.Series([1e300, math.inf, math.nan, None, -3.5, 0.0, 1.0, 2.0, 3.0]),
)
TARGETS = {
    "binary": generator.choice(["no", "yes"], NUM_ROWS),
    "multiclass": generator.choice([1, 2, 30], NUM_ROWS),
    "multilabel": generator.integers(0, 2, (NUM_ROWS, 3)),
    "regression": generator.normal(10, 3, (NUM_ROWS, 2)),
    "quantiles": generator.normal(10, 3, (NUM_ROWS, 2)),
    "counts": generator.poisson(2, (NUM_ROWS, 2)),
}
LOSSES = {
    "quantiles": {"loss": "quantile", "quantiles": (0.2, 0.4, 0.9)},
    "counts": {"loss": "poisson"},
}
NUMBERS = ("regression", *LOSSES)
NETWORKS = {
    "plain": {},
    "embedded": {
        "activation": "mish",
        "learned_activation": True,
        "scale_layer": True,
        "category_statistics": 2,
        "embedding_limit": 8,
    },
    "bins": {"number_embedding": "piecewise", "number_width": 6, "number_components": 5},
    "normed": {"activation": "silu,tanh", "batch_norm": True, "hidden_widths": (6, 5)},
    "mixed": {"activation": "tanh"},
}


_RANDOM = ("batch", "activation", "features.scale", "linear", "categories.statistics")


def make_model(task, kind, num_scored):
    plan = EncodingPlan(one_hot_limit=4 if kind != "normed" else None)
    kinds = {"town": "categorical", "floor": "categorical", "street": "categorical"}
    schema = infer_schema(FRAME, as_kind=kinds)
    encoder = Encoder.fit(FRAME, schema, plan)
    targets = Targets.fit(
        TARGETS[task], "regression" if task in NUMBERS else task, **LOSSES.get(task, {})
    )
    embedded = {"embedded_numbers": encoder.num_numeric} if kind in ("embedded", "bins") else {}
    spec = NetworkSpec(
        encoder.num_inputs, targets.num_outputs,
        **{"hidden_widths": (7,), "category_sizes": encoder.category_sizes, **embedded,
           **NETWORKS[kind]},
    )  # fmt: skip
    network = Network.initialized(spec, [0, 1])
    for name, view in network.named_parameters():  # nothing may be 0 or 1 by luck
        if name == "numbers.edges":
            view[:, 0, 0, 2] = view[:, 0, 0, 3]  # a bin without width
        if name.split("_")[0] in _RANDOM:
            view.copy_(view + 0.3 * view.new_tensor(generator.random(view.shape)))
    if kind == "mixed":
        other = replace(spec, hidden_widths=(), scale_layer=True)
        networks = [network, Network.initialized(other, [2, 3])]
        network = MixedNetworks(networks, (0.7, 0.3), kind_of_outputs(targets.task))
    width = len(targets.names) if task in NUMBERS else 1
    scores = [np.abs(generator.normal(0, 0.5, (30, width))) for _ in range(num_scored)]
    if task == "quantiles":  # the truth may lie inside
        scores = [of_member - 0.6 for of_member in scores]
    conformal = ConformalScores.of(scores) if task != "multilabel" else None
    return Model(
        schema, encoder, targets, network,
        temperature=1.3, uniform_share=0.02, conformal=conformal, clips=True,
        spread=(0.5, *np.full(n - 1, 0.5 / (n - 1))) if (n := len(targets.classes)) > 1 else None,
    )  # fmt: skip


def test_it_reads_a_model_whose_lists_lie_outside_the_document(tmp_path):
    """60,000 towns of another alphabet, which as JSON would take 6 bytes for each letter."""
    towns = [f"Нижний Новгород {number}" for number in range(60_000)]
    frame = pl.DataFrame({"town": towns, "x": [float(n) for n in range(60_000)]})
    schema = infer_schema(frame, categorical=("town",))
    encoder = Encoder.fit(frame, schema)
    targets = Targets.fit(np.array(["no", "yes"] * 30_000), "binary")
    spec = NetworkSpec(
        encoder.num_inputs, targets.num_outputs, (3,), category_sizes=encoder.category_sizes
    )
    model = Model(schema, encoder, targets, Network.initialized(spec, [0]))
    save_model(model, tmp_path / "model.safetensors")
    document, arrays = read(tmp_path / "model.safetensors")
    assert document["encoder"]["categories"][0]["categories"] == sorted(towns)
    some = frame[[7, 31_000, 59_999]]
    inputs = inputs_of(document["encoder"], some.rows(named=True))
    found = member_answers(document, outputs_of(document, arrays, inputs)).mean(0)
    np.testing.assert_allclose(found, model.probabilities(some), rtol=1e-6, atol=1e-6)
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.probabilities(some), model.probabilities(some))


@pytest.mark.parametrize("num_scored", [1, 2])
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("task", TARGETS)
def test_it_answers_as_the_package_does(task, kind, num_scored, tmp_path):
    model = make_model(task, kind, num_scored)
    save_model(model, tmp_path / "model.safetensors")
    document, arrays = read(tmp_path / "model.safetensors")
    assert (document["format_version"], document["kind"]) == (4, "model")
    for frame in (FRAME, NEW):
        inputs = inputs_of(document["encoder"], frame.rows(named=True))
        np.testing.assert_allclose(inputs, model.encoder.encode(frame), rtol=1e-6, atol=1e-6)
        answers = member_answers(document, outputs_of(document, arrays, inputs))
        if task in NUMBERS:
            found = the_numbers(document["targets"], answers)
            np.testing.assert_allclose(found, model.numbers(frame), rtol=1e-6, atol=1e-6)
        else:
            found = answers.mean(0)
            np.testing.assert_allclose(found, model.probabilities(frame), rtol=1e-6, atol=1e-6)
        if task in NUMBERS:
            found = interval(document, arrays, answers, 0.8)
            np.testing.assert_allclose(found, model.intervals(frame, 0.8), rtol=1e-6, atol=1e-6)
        elif task != "multilabel":
            found = class_set(document, arrays, answers, 0.8)
            np.testing.assert_array_equal(found, model.sets(frame, 0.8))
