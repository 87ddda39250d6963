"""Target statistics of categories: values worked out by hand, and nothing of a row's own target."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.target_statistics import statistic_tables, with_versions, without_versions


def encoded(codes, sizes, versions):
    inputs = torch.tensor(codes, dtype=torch.float32)
    return with_versions(inputs, sizes, torch.tensor(versions))


def test_a_statistic_is_the_shrunk_distance_from_the_mean():
    spec = NetworkSpec(1, 1, (), category_sizes=(3,), category_statistics=1, statistic_versions=3)
    targets = torch.tensor([[1.0], [3.0], [0.0], [0.0], [6.0]])
    inputs = encoded([[1], [1], [2], [2], [1]], (3,), [1, 1, 1, 2, 2])
    table = statistic_tables(spec, Examples(inputs, targets)).reshape(3, 3)

    def statistic(of_category, of_all):
        shrunk = (sum(of_category) - len(of_category) * np.mean(of_all)) / (len(of_category) + 10)
        return shrunk / np.std(of_all)

    everything, first, second = [1, 3, 0, 0, 6], [1, 3, 0], [0, 6]
    assert table[0].tolist() == pytest.approx(
        [0, statistic([1, 3, 6], everything), statistic([0, 0], everything)]
    )
    assert table[1].tolist() == pytest.approx([0, statistic([6], second), statistic([0], second)])
    assert table[2].tolist() == pytest.approx([0, statistic([1, 3], first), statistic([0], first)])


def test_weights_count_as_rows_and_classes_have_a_statistic_each():
    spec = NetworkSpec(2, 3, (), category_sizes=(3, 4), category_statistics=3, statistic_versions=3)
    codes, versions, classes = [[1, 3], [2, 0], [1, 1]], [1, 2, 2], [0, 2, 1]
    weighted = Examples(
        encoded(codes, (3, 4), versions), torch.tensor(classes), torch.tensor([2.0, 1.0, 3.0])
    )
    repeats = [0, 0, 1, 2, 2, 2]
    repeated = Examples(
        encoded([codes[row] for row in repeats], (3, 4), [versions[row] for row in repeats]),
        torch.tensor([classes[row] for row in repeats]),
    )
    table = statistic_tables(spec, weighted)
    assert table.shape == (1, 3 * 7, 3)
    torch.testing.assert_close(table, statistic_tables(spec, repeated))
    binary = NetworkSpec(2, 2, (), category_sizes=(3, 4), category_statistics=1)
    with pytest.raises(ValueError, match="own target"):
        statistic_tables(binary, Examples(torch.ones(2, 2), torch.tensor([0, 1])))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["classes", "numbers"]))
def test_no_target_reaches_its_own_version_in_any_bit(seed, kind):
    source = np.random.default_rng(seed)
    num_rows, sizes, num_parts = 30, (5, 8), 3
    versions = source.integers(1, 1 + num_parts, num_rows)
    inputs = encoded(source.integers(0, 5, (num_rows, 2)), sizes, versions)
    if kind == "classes":
        targets, changed = source.integers(0, 3, (2, num_rows))
    else:
        targets, changed = source.normal(0, 1e3, (2, num_rows, 2)).astype(np.float32)
    spec = NetworkSpec(
        2, 3, (), category_sizes=sizes, category_statistics=3 if kind == "classes" else 2,
        statistic_versions=1 + num_parts,
    )  # fmt: skip
    part = source.integers(1, 1 + num_parts)
    other = np.where((versions == part).reshape(-1, *[1] * (targets.ndim - 1)), changed, targets)
    rows = [torch.arange(num_rows), torch.from_numpy(np.flatnonzero(versions != part))]
    before, after = (
        statistic_tables(spec, Examples(inputs, torch.from_numpy(values)), rows)
        .view(2, 1 + num_parts, sum(sizes), -1)
        for values in (targets, other)
    )  # fmt: skip
    assert torch.equal(before[0, part], after[0, part])  # the version that the changed rows see
    assert torch.equal(before[1], after[1])  # a member that holds them out
    assert torch.equal(before[1, 0], before[1, part])  # its held-out rows see all it learns from


def test_networks_without_versions_answer_held_out_rows_the_same():
    spec = NetworkSpec(
        3, 2, (4,), category_sizes=(3, 5), category_statistics=1, statistic_versions=4
    )
    network = Network.initialized(spec, (0, 1))
    table = spec.slots["categories.statistics"].view(network.parameters)
    table.copy_(torch.randn(table.shape, generator=torch.Generator().manual_seed(0)))
    single = without_versions(network)
    assert single.spec.slots["categories.statistics"].shape == (8, 1)
    codes = torch.tensor([[0.5, 1, 4], [0.1, 2, 0], [-1, 0, 1]])
    expected = network.logits(codes)
    assert torch.equal(single.logits(codes), expected)
    later = with_versions(codes, (3, 5), torch.tensor([3, 1, 2]))
    assert torch.equal(single.logits(later), expected)  # other versions are read as the one
    assert not torch.equal(network.logits(later), expected)
    assert without_versions(single) is single
