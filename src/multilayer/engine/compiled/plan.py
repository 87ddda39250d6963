"""What the compiled step is told of a training: source/plan.hpp, field by field."""

import ctypes
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, get_args

from multilayer.engine.rate_groups import rate_groups
from multilayer.engine.settings import LossName, TrainingSettings
from multilayer.engine.specification import CATEGORY_WIDTH, ActivationName, NetworkSpec

_NONE = -1  # the place of what there is not
_EPSILON = 1e-8  # Adam's
_OF_NORM = "gain", "mean", "variance"


def _structure(name: str, fields: str) -> type[ctypes.Structure]:
    """Fields of eight bytes: "name:kind …", where w is whole, n a number and p a pointer."""
    kinds = {"w": ctypes.c_int64, "n": ctypes.c_double, "p": ctypes.c_void_p}
    pairs = [entry.split(":") for entry in fields.split()]
    return type(name, (ctypes.Structure,), {"_fields_": [(n, kinds[k]) for n, k in pairs]})


LinearLayer = _structure(
    "LinearLayer", "inputs:w outputs:w weight:w bias:w strength:w gain:w mean:w variance:w"
)
RateGroup = _structure("RateGroup", "start:w stop:w rate:n epsilon:n")
OneHot = _structure("OneHot", "place:w size:w values:w")
Plan = _structure(
    "Plan",
    "num_members:w num_parameters:w num_threads:w batch_size:w row_type:w row_width:w num_inputs:w "
    "input_scale:n num_one_hots:w one_hots:p one_hot_values:p shift:w deviation:w is_embedded:w "
    "num_features:w num_numbers:w is_piecewise:w num_components:w num_mixtures:w frequency:w "
    "phase:w number_weight:w number_bias:w edges:w num_passed:w num_codes:w code_sizes:p "
    "num_tables:w category_width:w table_codes:p tables:p num_statistics:w num_versions:w "
    "statistics:w feature_scale:w num_layers:w activation:w layers:p loss:w label_smoothing:n "
    "num_quantiles:w quantiles:p is_adam:w beta_1:n beta_2:n epsilon:n momentum:n max_norm:n "
    "num_groups:w weights_stop:w groups:p is_averaged:w has_dropout:w input_dropout:n dropouts:p",
)
Values = _structure(
    "Values", "parameters:p gradient:p first_moment:p second_moment:p average:p generators:p"
)
Batches = _structure(
    "Batches",
    "inputs:p targets:p weights:p num_orders:w order_step:w num_batches:w orders:p "
    "sizes:p rates:p kept:p strengths:p average_kept:p steps_before:w losses:p",
)
Questions = _structure(
    "Questions",
    "inputs:p parameters:p num_rows:p orders_from:p logits_from:p orders:p logits:p",
)


def plan_of(
    spec: NetworkSpec,
    members: Sequence[TrainingSettings],
    *,
    batch_size: int,
    row_type: int,
    num_threads: int,
) -> tuple[Any, list[Any]]:
    """The plan, and what it points to, which must live as long.

    Args:
        spec: the networks' shape.
        members: settings of each.
        batch_size: rows of the largest batch.
        row_type: of rows as they are given: 0 bytes, 1 float32, 2 float64.
        num_threads: that share in it.
    """
    shared = members[0]
    kept: list[Any] = []

    def whole(numbers: Sequence[int]) -> int:
        kept.append((ctypes.c_int64 * max(1, len(numbers)))(*numbers))
        return ctypes.addressof(kept[-1])

    def real(numbers: Sequence[float]) -> int:
        kept.append((ctypes.c_double * max(1, len(numbers)))(*numbers))
        return ctypes.addressof(kept[-1])

    def several(kind: type[ctypes.Structure], entries: Sequence[tuple[Any, ...]]) -> int:
        kept.append((kind * max(1, len(entries)))(*(kind(*entry) for entry in entries)))
        return ctypes.addressof(kept[-1])

    def place(name: str) -> int:
        return spec.slots[name].start if name in spec.slots else _NONE

    blocks = spec.one_hot_blocks
    starts = [0, *accumulate(2 * block.size for block in blocks)]
    hots = [(block.place, block.size, start) for block, start in zip(blocks, starts, strict=False)]
    layers = []
    for number, (weight, bias) in enumerate(spec.linear_layers):
        names = f"activation_{number}.strength", *(f"batch_norm_{number}.{n}" for n in _OF_NORM)
        layers.append((*weight.shape, weight.start, bias.start, *map(place, names)))
    tables, table = [], place("categories.weight")
    for size in spec.embedded_sizes:
        tables.append(table)
        table += size * CATEGORY_WIDTH
    groups = rate_groups(spec, shared)
    is_adam = shared.optimizer == "adam"
    plan = Plan(
        num_members=len(members), num_parameters=spec.num_parameters, num_threads=num_threads,
        batch_size=batch_size, row_type=row_type, row_width=spec.row_width,
        num_inputs=spec.num_inputs, input_scale=spec.input_scale, num_one_hots=len(blocks),
        one_hots=several(OneHot, hots),
        one_hot_values=real([v for b in blocks for v in (*b.absent, *b.present)]),
        shift=place("inputs.shift"), deviation=place("inputs.scale"),
        is_embedded=bool(spec.embedded_numbers or spec.category_sizes),
        num_features=spec.num_features, num_numbers=spec.embedded_numbers,
        is_piecewise=spec.number_embedding == "piecewise",
        num_components=spec.number_components, num_mixtures=spec.number_width - 1,
        frequency=place("numbers.frequency"), phase=place("numbers.phase"),
        number_weight=place("numbers.weight"), number_bias=place("numbers.bias"),
        edges=place("numbers.edges"), num_passed=spec.num_passthrough,
        num_codes=len(spec.category_sizes), code_sizes=whole(spec.category_sizes),
        num_tables=len(tables), category_width=CATEGORY_WIDTH,
        table_codes=whole(spec.embedded_columns), tables=whole(tables),
        num_statistics=spec.category_statistics, num_versions=spec.statistic_versions,
        statistics=place("categories.statistics"), feature_scale=place("features.scale"),
        num_layers=len(layers), activation=get_args(ActivationName).index(spec.activation),
        layers=several(LinearLayer, layers), loss=get_args(LossName).index(shared.loss),
        label_smoothing=shared.label_smoothing,
        num_quantiles=len(shared.quantiles) if shared.loss == "quantile" else 1,
        quantiles=real(shared.quantiles), is_adam=is_adam, beta_1=shared.beta_1,
        beta_2=shared.beta_2, epsilon=_EPSILON, momentum=0.0 if is_adam else shared.momentum,
        max_norm=shared.max_gradient_norm, num_groups=len(groups),
        weights_stop=spec.linear_layers[-1][0].stop,
        groups=several(RateGroup, [(g.start, g.stop, g.rate, g.epsilon) for g in groups]),
        is_averaged=bool(shared.average_decay),
        has_dropout=any(member.dropout for member in members),
        input_dropout=shared.input_dropout, dropouts=real([m.dropout for m in members]),
    )  # fmt: skip
    return plan, kept
