"""The forward pass in NumPy against the network in PyTorch, with all that a network may have."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.encoding.one_hot_block import OneHotBlock, code_places
from multilayer.engine.network import Network
from multilayer.engine.specification import ActivationName, NetworkSpec
from multilayer.model.numpy_network import NumPyNetwork

BLOCKS = (
    OneHotBlock(1, (0.5, -1.0, 0.0), (2.0, 1.5, -1.0)), OneHotBlock(5, (0.0, 0.5), (1.0, 2.0)),
)  # fmt: skip
SPECS = {
    "a table": NetworkSpec(
        7, 3, (16, 9), "mish", embedded_numbers=3, category_sizes=(4, 9), scale_layer=True,
        learned_activation=True,
    ),
    "a table of categories": NetworkSpec(2, 3, (16,), "selu", category_sizes=(4, 9)),
    "a table of categories with statistics": NetworkSpec(
        4, 3, (16,), "selu", category_sizes=(4, 9), category_statistics=2, scale_layer=True
    ),
    "a table of numbers": NetworkSpec(4, 1, (16,), "selu", scale_layer=True),
    "numbers standardized, then embedded": NetworkSpec(
        4, 1, (16,), "selu", 0.5, standardize_inputs=True, embedded_numbers=2
    ),
    "numbers standardized, then in bins": NetworkSpec(
        4, 1, (16,), "selu", 0.5, standardize_inputs=True, embedded_numbers=2,
        number_embedding="piecewise", number_width=8,
    ),
    "more frequencies": NetworkSpec(
        4, 1, (16,), embedded_numbers=2, number_width=3, number_components=20
    ),
    "pictures": NetworkSpec(
        7, 3, (16, 9), "gelu", 1 / 255, standardize_inputs=True, batch_norm=True
    ),
    "pictures, scaled": NetworkSpec(
        7, 3, (16, 9), "relu", 1 / 255, standardize_inputs=True, batch_norm=True, scale_layer=True
    ),
    "a linear model": NetworkSpec(7, 3, (), input_scale=0.1, standardize_inputs=True),
    "one-hot columns as codes": NetworkSpec(
        8, 3, (9,), "relu", standardize_inputs=True, one_hot_blocks=BLOCKS
    ),
    "one-hot columns between embeddings": NetworkSpec(
        9, 3, (9,), "mish", embedded_numbers=1, category_sizes=(5,), one_hot_blocks=BLOCKS
    ),
}  # fmt: skip


def varied(spec: NetworkSpec) -> Network:
    network = Network.initialized(spec, [0], "he")
    noise = torch.rand(network.parameters.shape, generator=torch.Generator().manual_seed(3))
    network.parameters.add_(noise, alpha=0.2)
    return network


def in_numpy(network: Network) -> NumPyNetwork:
    return NumPyNetwork(
        network.spec, {name: view[0].numpy() for name, view in network.named_parameters()}
    )


def random_rows(spec: NetworkSpec, num_rows: int) -> np.ndarray:
    source = np.random.default_rng(5)
    rows = source.normal(0, 2 / spec.input_scale, (num_rows, spec.row_width))
    for place, block in zip(code_places(spec.one_hot_blocks), spec.one_hot_blocks, strict=True):
        rows[:, place] = source.integers(1 + block.size, size=num_rows)
    for number, size in enumerate(spec.category_sizes):
        rows[:, spec.row_width - len(spec.category_sizes) + number] = source.integers(
            size, size=num_rows
        )
    return rows.astype(np.float32)


@pytest.mark.parametrize("name", SPECS)
def test_a_network_answers_as_in_pytorch(name):
    network = varied(SPECS[name])
    forward = in_numpy(network)
    for num_rows in (1, 40, 3, 0, 1):
        rows = random_rows(network.spec, num_rows)
        before = rows.copy()
        expected = network.logits(torch.from_numpy(rows))[0].numpy()
        np.testing.assert_allclose(forward.logits(rows), expected, atol=1e-5, rtol=1e-5)
        np.testing.assert_array_equal(rows, before)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 7), max_size=2).map(tuple), st.sampled_from(ActivationName.__args__),
    st.integers(0, 3), st.integers(0, 3), st.lists(st.integers(1, 4), max_size=3).map(tuple),
    *[st.booleans() for _ in range(5)], st.integers(0, 3), st.integers(0, 4),
)  # fmt: skip
def test_any_network_answers_as_in_pytorch(
    hidden_widths, activation, num_numbers, num_passed, sizes, scales, learns, norms, standardizes,
    has_bins, num_statistics, limit,
):  # fmt: skip
    num_inputs = num_numbers + num_passed + len(sizes)
    if num_inputs == 0:
        return
    spec = NetworkSpec(
        num_inputs, 2, hidden_widths, activation, standardize_inputs=standardizes and not sizes,
        embedded_numbers=num_numbers, category_sizes=sizes, scale_layer=scales,
        batch_norm=norms, learned_activation=learns,
        number_embedding="piecewise" if has_bins else "periodic",
        category_statistics=num_statistics if sizes else 0,
        embedding_limit=limit if sizes and num_statistics else 0,
    )  # fmt: skip
    network, rows = varied(spec), random_rows(spec, 5)
    expected = network.logits(torch.from_numpy(rows))[0].numpy()
    np.testing.assert_allclose(in_numpy(network).logits(rows), expected, atol=1e-5, rtol=1e-5)
