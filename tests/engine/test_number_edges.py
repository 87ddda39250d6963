"""Edges of the bins that the piecewise embedding of numbers has, from training rows."""

import dataclasses
import warnings

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer import MLPRegressor
from multilayer.engine import number_edges
from multilayer.engine.network import Network
from multilayer.engine.number_edges import edges_of
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import ModelFileError
from multilayer.model.model_file import load_predictor, save_model

BINS = TrainingSettings(numeric_embedding="piecewise", initialization="data", hidden_widths=(8,))


def test_many_values_are_divided_by_their_quantiles():
    values = torch.randperm(101).double()
    assert edges_of(values, 4).tolist() == pytest.approx([0, 25, 50, 75, 100], abs=1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7, 7, 7], [7, 7, 7, 7, 7]),
        ([3, 1, 1, 3], [1, 2, 2, 2, 3]),  # a yes and a no: two bins, each open on one side
        ([0, 5, 1], [0, 1, 1, 1, 5]),
        ([0, 5, 1, 2, 3], [0, 1, 2, 3, 5]),
        # 90 zeros count as a bin of 10 / 3 rows, and the others lie in three bins of that size.
        ([0] * 90 + list(range(1, 11)), [0, 1, 4, 8, 10]),
    ],
)
def test_edges_worked_out_by_hand(values, expected):
    assert edges_of(torch.tensor(values, dtype=torch.float64), 4).tolist() == expected


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=60),
    st.integers(2, 20),
    st.integers(1, 4),
)
def test_any_columns_edges_ascend_between_its_least_and_its_largest_value(values, bins, repeats):
    column = torch.tensor(values * repeats, dtype=torch.float64)
    edges = edges_of(column, bins)
    assert edges.shape == (bins + 1,)
    assert (edges[0], edges[-1]) == (column.min(), column.max())
    widths = edges.diff()
    assert (widths >= 0).all()
    if column.min() < column.max():
        assert widths[0] > 0 and widths[-1] > 0
        assert (widths[widths > 0] > 1e-6 * widths.sum()).all()


def table(num_rows: int = 300) -> torch.Tensor:
    source = torch.Generator().manual_seed(1)
    rows = torch.randn(num_rows, 4, generator=source)
    rows[:, 1] = 2.0
    rows[:, 2] = torch.randint(3, (num_rows,), generator=source)
    return rows


def edges_in(network: Network) -> torch.Tensor:
    return network.spec.slots["numbers.edges"].view(network.parameters)[:, :, 0]


def test_each_member_has_the_edges_of_its_own_rows():
    rows, own = table(), [torch.arange(0, 200), torch.arange(100, 300)]
    spec = BINS.network_spec(4, 1, num_numeric=3)
    network = Network.for_training(spec, [BINS] * 2, rows, own)
    for edges, of_member in zip(edges_in(network), own, strict=True):
        assert abs(np.histogram(rows[of_member, 0], edges[0])[0] - 200 / 16).max() <= 2
        assert edges[1].tolist() == [2.0] * 17
        assert set(edges[2].tolist()) == {0.0, 1.0, 2.0}
    assert network.parameters.isfinite().all()
    alone = Network.for_training(spec, [BINS], rows[own[1]])
    torch.testing.assert_close(network.parameters[1:], alone.parameters)


def test_of_very_many_rows_some_are_drawn_by_the_seed(monkeypatch):
    monkeypatch.setattr(number_edges, "_MOST_ROWS", 250)
    spec = BINS.network_spec(4, 1, num_numeric=3)
    members = [BINS, TrainingSettings(**{**vars(BINS), "seed": 1})]
    first, again = (edges_in(Network.for_training(spec, members, table())) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    torch.testing.assert_close(first[0, 0, 4:13], first[1, 0, 4:13], atol=0.3, rtol=0)


def test_edges_are_of_the_inputs_as_they_are_standardized():
    spec = NetworkSpec(
        4, 1, (), input_scale=2.0, standardize_inputs=True, embedded_numbers=3,
        number_embedding="piecewise",
    )  # fmt: skip
    network = Network.for_training(spec, [BINS], table())
    shift, scale = (spec.slots[f"inputs.{n}"].view(network.parameters) for n in ("shift", "scale"))
    seen = (table() * 2.0 - shift[0]) * scale[0]
    edges = edges_in(network)[0]
    torch.testing.assert_close(edges[0, 0], seen[:, 0].min())
    torch.testing.assert_close(edges[0, -1], seen[:, 0].max())


def test_training_leaves_the_edges_and_a_file_keeps_them(tmp_path):
    """Also with missing numbers, a constant column and one of two values."""
    source = np.random.default_rng(0)
    rows = source.normal(size=(200, 4))
    rows[source.random(200) < 0.1, 0] = np.nan
    rows[:, 1], rows[:, 2] = 3.0, source.integers(2, size=200)
    y = np.abs(np.nan_to_num(rows[:, 0])) + rows[:, 2]
    settings = {"numeric_embedding": "piecewise", "hidden_widths": (16,), "max_epochs": 30}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(random_state=0, settings=settings).fit(rows, y)
        answers = model.predict(rows)
    assert model.score(rows, y) > 0.5
    save_model(model.model_, tmp_path / "model")
    read = load_predictor(tmp_path / "model")
    edges = read.parameters["numbers.edges"][0, :, 0]
    np.testing.assert_array_equal(edges, edges_in(model.model_.network)[0])
    # The constant is no input.
    assert sorted(len(np.unique(of_column)) for of_column in edges) == [3, 33, 33]
    frame = pl.DataFrame(rows, schema=[f"x{number}" for number in range(4)], nan_to_null=True)
    np.testing.assert_allclose(read.numbers(frame)[:, 0], answers, rtol=1e-5, atol=1e-5)
    falling = dict(read.parameters)
    falling["numbers.edges"] = falling["numbers.edges"][..., ::-1].copy()
    save_model(dataclasses.replace(read, parameters=falling), tmp_path / "falling")
    with pytest.raises(ModelFileError, match="holds edges of bins that do not ascend"):
        load_predictor(tmp_path / "falling")
