"""Models with weights drawn at random, of every kind of column, network and answer; and rows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args

import numpy as np
import polars as pl
from hypothesis import strategies as st

from multilayer.columns.kinds import judge_columns
from multilayer.columns.value_format import ValueFormat
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.image_encoder import ImageEncoder
from multilayer.encoding.targets import Targets
from multilayer.engine.specification import ActivationName, NetworkSpec
from multilayer.model.conformal import ConformalScores
from multilayer.model.mixing import Mixture
from multilayer.model.predictor import Predictor

ACTIVATIONS = get_args(ActivationName)
TASKS = ("classes", "labels", "numbers", "counts", "quantiles")
COLUMNS = {
    "size": "numeric", "whole": "numeric", "price": "numeric", "flat": "numeric",
    "day": "date", "moment": "date", "clock": "date",
    "two": "categorical", "five": "categorical", "wide": "categorical", "many": "categorical",
    "digit": "categorical", "half": "categorical", "is it": "boolean",
}  # fmt: skip
_AS_KIND = {"digit": "categorical", "half": "categorical", "flat": "numeric"}
_EPOCH = datetime(1970, 1, 1)
_LINEAR = {"hidden_widths": (), "scale_layer": True, "activation": "relu"}


def rows(generator: np.random.Generator, num_rows: int, *, is_new: bool = False) -> pl.DataFrame:
    """Raw columns with missing values; new rows hold more that training rows do not."""
    beyond = 2 if is_new else 1  # categories of which half are unseen
    size = generator.normal(100, 30, num_rows)
    if is_new:
        odd = [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e-300, 0.0, -999.0]
        chosen = generator.random(num_rows) < 0.3
        size[chosen] = generator.choice(odd, int(chosen.sum()))
    seconds = generator.integers(-3_000_000_000, 4_000_000_000, num_rows)
    table = {
        "size": size,
        "whole": generator.integers(-50, 50, num_rows),
        "price": [f"$1,{number:03}.5" for number in generator.integers(0, 999, num_rows)],
        "flat": np.full(num_rows, 3.0),
        "day": [(_EPOCH + timedelta(seconds=int(second))).date() for second in seconds],
        "moment": [_EPOCH + timedelta(seconds=int(second)) for second in seconds],
        "clock": [f"{second // 60 % 24:02}:{second % 60:02}" for second in seconds],
        "two": generator.choice(["no way", "of course", "perhaps"][: 1 + beyond], num_rows),
        "five": [f"é{number}" for number in generator.integers(0, 5 * beyond, num_rows)],
        "wide": [f"w{number}" for number in generator.integers(0, 80 * beyond, num_rows)],
        "many": [f"m{number}" for number in generator.integers(0, 30 * beyond, num_rows)],
        "digit": generator.integers(-4, 4 * beyond, num_rows),
        "half": generator.integers(0, 6 * beyond, num_rows) / 2,
        "is it": generator.random(num_rows) < 0.4,
    }
    frame = pl.DataFrame(table)
    is_missing = {
        name: pl.Series(generator.random(num_rows) < 0.15) for name in COLUMNS if name != "flat"
    }
    return frame.with_columns(
        pl.when(~is_missing[name]).then(pl.col(name)).alias(name) for name in is_missing
    )


def tolerance_for(model: Predictor) -> float:
    """How near the answers of the same model computed elsewhere must be.

    Tables are computed in float64, images in float32. The sines of dates differ by a rounding
    error, which may round an input to the next float32.
    """
    if model.image_shape is not None or any(c.date_format for c in model.encoder.numbers):
        return 1e-5
    return 1e-9


@dataclass
class RandomModel:
    """What a model is drawn from.

    Args:
        seed: of all draws.
        task: one of TASKS.
        columns: of the table; none: images.
        num_members: of each population.
        num_populations: in the mixture.
        one_hot_limit: of the encoder.
        num_scores: of each array of conformal scores; none: no conformal scores.
        shape: further fields of the networks' shape.
    """

    seed: int = 0
    task: str = "classes"
    columns: tuple[str, ...] = tuple(COLUMNS)
    num_members: int = 1
    num_populations: int = 1
    one_hot_limit: int | None = 8
    num_scores: tuple[int, ...] = ()
    classes: tuple[Any, ...] = ("a", "b", "c")
    missing: tuple[str, ...] = ()
    shape: dict[str, Any] = field(default_factory=dict)

    def predictor(self) -> Predictor:
        generator = np.random.default_rng(self.seed)
        targets = self._targets(generator)
        if self.columns:
            schema, encoder = self._table(generator)
            of_rows = {
                "category_sizes": encoder.category_sizes, "one_hot_blocks": encoder.one_hot_blocks,
            }  # fmt: skip
        else:
            schema, encoder = None, ImageEncoder((4, 3))
            of_rows = {"input_scale": 1 / 255}
        shape = {"hidden_widths": (7, 5), **self.shape, **of_rows}
        if shape.pop("embeds_numbers", False):
            shape["embedded_numbers"] = encoder.num_numeric
        if encoder.category_sizes:
            shape["standardize_inputs"] = False
        else:
            shape |= {"category_statistics": 0, "embedding_limit": 0}
        populations = [
            self._population(
                generator,
                NetworkSpec(encoder.num_inputs, targets.num_outputs, **{**shape, **other}),
            )
            for other in ({}, _LINEAR)[: self.num_populations]
        ]
        shares = (0.7, 0.3)[: self.num_populations]
        has_spread = self.task == "classes" and self.seed % 2
        width = len(targets.names) if targets.task == "regression" else 1
        scores = [
            np.sort(generator.normal(0.3, 0.2, (count, width)), axis=0) for count in self.num_scores
        ]
        return Predictor(
            schema, encoder, targets, *populations[0],
            mixture=Mixture(shares, tuple(populations[1:])) if len(shares) > 1 else None,
            temperature=0.8, uniform_share=0.1 * (self.seed % 3),
            spread=(0.2, 0.3, 0.5)[: len(targets.classes)] if has_spread else None,
            conformal=ConformalScores(tuple(scores)) if scores else None,
            clips=self.seed % 2 == 0, on_unseen="ignore",
        )  # fmt: skip

    def _table(self, generator: np.random.Generator) -> tuple[Any, Encoder]:
        frame = rows(generator, 400).select(self.columns)
        schema, frame = judge_columns(
            frame, as_kind={name: kind for name, kind in _AS_KIND.items() if name in self.columns},
            value_format=ValueFormat(missing=self.missing),
        )  # fmt: skip
        found = {column.name: column.kind for column in schema.columns}
        assert found == {name: COLUMNS[name] for name in self.columns}
        return schema, Encoder.fit(frame, schema, EncodingPlan(self.one_hot_limit))

    def _targets(self, generator: np.random.Generator) -> Targets:
        if self.task == "classes":
            return Targets.fit(list(self.classes) * 2, "multiclass")
        if self.task == "labels":
            return Targets.fit(generator.integers(0, 2, (50, 3)), "multilabel")
        loss = {"counts": "poisson", "quantiles": "quantile"}.get(self.task, "squared_error")
        numbers = generator.integers(0, 40, (50, 2)) * 1.5
        return Targets.fit(numbers, "regression", loss=loss, quantiles=(0.1, 0.4, 0.9))

    def _population(self, generator: np.random.Generator, spec: NetworkSpec) -> Any:
        parameters = {}
        for slot in spec.parameter_slots:
            values = generator.normal(0, 1, (self.num_members, *slot.shape))
            if slot.name.startswith("linear_") and slot.name.endswith("weight"):
                values /= np.sqrt(slot.shape[0])
            elif slot.name.endswith(("variance", "inputs.scale")):
                values = np.abs(values) + 0.1
            elif slot.name == "numbers.edges":
                values = np.sort(values.round(1), axis=-1)  # of which some are equal
            parameters[slot.name] = values.astype(np.float32)
        return spec, parameters


# Every kind of table, network and answer.
drawn_models = st.builds(
    RandomModel,
    seed=st.integers(0, 2**30),
    task=st.sampled_from(TASKS),
    columns=st.sets(st.sampled_from(list(COLUMNS)), min_size=1).map(
        lambda names: tuple(name for name in COLUMNS if name in names)
    ),
    num_members=st.sampled_from([1, 3]),
    num_populations=st.sampled_from([1, 2]),
    one_hot_limit=st.sampled_from([None, 0, 8, 40]),
    missing=st.sampled_from([(), ("-999", "perhaps", "3")]),
    shape=st.fixed_dictionaries(
        {
            "activation": st.sampled_from([*ACTIVATIONS, "sigmoid,mish", "gelu,tanh"]),
            "embeds_numbers": st.booleans(),
            "number_embedding": st.sampled_from(["periodic", "piecewise"]),
            "number_components": st.integers(2, 5),
            "standardize_inputs": st.booleans(),
            "scale_layer": st.booleans(),
            "batch_norm": st.booleans(),
            "learned_activation": st.booleans(),
            "category_statistics": st.just(2),
            "embedding_limit": st.sampled_from([0, 10]),
        }
    ),
)
