"""Target statistics of categories, out of fold: what the codes of a row say of the target.

The statistic of a category is the mean of the target over its training rows, shrunk towards the
mean of all (Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes",
2001), as a distance from that mean in standard deviations of the target:
n / (n + m) (mean of the category - mean of all) / deviation, n rows in the category, m = 10.

A row must not meet its own target there, or a network would learn to trust it. So training rows are
divided into parts, from 1, and a network has several versions of its statistics: version 0 is
computed from all rows it is trained on, version g from those outside part g. A training row of
part g is encoded with version g, a row that is held out or asked later with version 0: its codes
are code + version * size of the column.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec

_PRIOR_ROWS = 10.0  # m: a category of so many rows is shrunk by half


def with_versions(inputs: Tensor, sizes: Sequence[int], versions: Tensor) -> Tensor:
    """Encoded rows with a version of their statistics.

    Args:
        inputs: encoded rows, (num_rows, row_width); left unchanged.
        sizes: number of codes of each embedded column; these are the last columns.
        versions: of each row, int64, (num_rows,).
    """
    inputs = inputs.clone()
    of_columns = torch.tensor(sizes)
    codes = inputs[:, -len(sizes) :]
    codes.copy_(codes.long() % of_columns + versions[:, None] * of_columns)
    return inputs


def statistic_tables(
    spec: NetworkSpec, examples: Examples, rows: Sequence[Tensor] | None = None
) -> Tensor | None:
    """Compute the statistics of each member of a population from its training rows.

    Args:
        spec: the networks' shape.
        examples: encoded rows with their versions.
        rows: row numbers that each member is trained on; None: one table, of all rows.

    Returns:
        float32, (num_members, statistic_versions * sum(category_sizes), category_statistics); None
        if the networks have no statistics.

    Raises:
        ValueError: a training row has version 0, which its own target is part of.
    """
    if not spec.category_statistics:
        return None
    sizes = torch.tensor(spec.category_sizes)
    codes = examples.inputs[:, -len(sizes) :].long()
    places = codes % sizes + (sizes.cumsum(0) - sizes)
    versions = codes[:, 0] // sizes[0]
    values = _target_values(spec, examples)
    tables = []
    for of_member in [torch.arange(len(codes))] if rows is None else rows:
        if not bool((versions[of_member] > 0).all()):
            raise ValueError("a training row would meet its own target in its statistics")
        weights = None if examples.weights is None else examples.weights[of_member].double()
        tables.append(
            _table(spec, places[of_member], versions[of_member], values[of_member], weights)
        )
    return torch.stack(tables)


def with_statistics(network: Network, spec: NetworkSpec, statistics: Tensor | None) -> Network:
    """A copy of the networks with other statistics.

    Args:
        network: of the same shape but for the versions.
        spec: the shape of the copy.
        statistics: from `statistic_tables`; None: there are none.
    """
    copied = Network(spec, network.num_members, network.parameters.dtype)
    for name, view in network.named_parameters():
        values = statistics if name == "categories.statistics" else view
        assert values is not None
        spec.slots[name].view(copied.parameters).copy_(values)
    return copied


def without_versions(network: Network) -> Network:
    """The same networks with version 0 of their statistics alone, as rows to come need it."""
    spec = network.spec.with_one_version()
    if spec == network.spec:
        return network
    statistics = network.spec.slots["categories.statistics"].view(network.parameters)
    return with_statistics(network, spec, statistics[:, : sum(spec.category_sizes)])


def _target_values(spec: NetworkSpec, examples: Examples) -> Tensor:
    """What is averaged, float64, (num_rows, category_statistics): numbers, labels, or classes."""
    targets = examples.targets
    if targets.is_floating_point():
        return targets.double().reshape(len(targets), -1)
    classes = torch.nn.functional.one_hot(targets, spec.num_outputs)
    return classes[:, -spec.category_statistics :].double()  # of two classes the second


def _table(
    spec: NetworkSpec, places: Tensor, versions: Tensor, values: Tensor, weights: Tensor | None
) -> Tensor:
    """The versions of a member, (statistic_versions * sum(category_sizes), statistics).

    Args:
        spec: the network's shape.
        places: of the codes of its training rows in a version, (num_rows, columns).
        versions: of these rows, (num_rows,).
        values: see `_target_values`, (num_rows, statistics).
        weights: of the rows, (num_rows,); None: all 1.
    """
    num_places, num_versions = sum(spec.category_sizes), spec.statistic_versions
    if weights is None:
        weights = values.new_ones(len(values))
    weighted = torch.cat([weights[:, None], weights[:, None] * values], dim=1)
    of_parts = values.new_zeros(num_versions, weighted.shape[1])
    of_parts.index_add_(0, versions, weighted)
    squares = values.new_zeros(num_versions, values.shape[1])
    squares.index_add_(0, versions, weights[:, None] * values.square())
    by_place = values.new_zeros(num_versions * num_places, weighted.shape[1])
    for column in places.T:
        by_place.index_add_(0, versions * num_places + column, weighted)
    by_place = by_place.view(num_versions, num_places, -1)
    tables = []
    for version in range(num_versions):
        # Others are added up, not this part subtracted: its targets leave no trace by rounding.
        others = [part for part in range(1, num_versions) if part != version]
        counts, sums = by_place[others].sum(0).split([1, values.shape[1]], dim=1)
        num_rows, total = of_parts[others].sum(0).split([1, values.shape[1]])
        prior = total / num_rows
        deviation = (squares[others].sum(0) / num_rows - prior.square()).clamp(min=0).sqrt()
        shrunk = (sums - counts * prior) / (counts + _PRIOR_ROWS)
        tables.append(torch.where(deviation > 1e-9, shrunk / deviation, 0.0))
    return torch.cat(tables).float()
