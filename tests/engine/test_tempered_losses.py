"""Many epochs at once are scored as one at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.engine.temperature import tempered_cross_entropy
from multilayer.engine.tempered_losses import tempered_losses


@given(
    num_rows=st.integers(20, 80),
    num_classes=st.integers(2, 6),
    size=st.floats(0.5, 3),
    noise=st.floats(0.3, 1),
    has_weights=st.booleans(),
    is_multilabel=st.booleans(),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None)
def test_it_is_what_is_left_by_a_temperature(
    num_rows, num_classes, size, noise, has_weights, is_multilabel, seed
):
    random = np.random.default_rng(seed)
    known = random.normal(size=(num_rows, num_classes))
    logits = known + 0.5 * random.normal(size=(4, num_rows, num_classes))
    drawn = known + noise * random.normal(size=known.shape)
    targets = (drawn > 0).astype(np.int64) if is_multilabel else drawn.argmax(1)
    weights = random.uniform(0.1, 3, num_rows) if has_weights else None
    logits = (size * logits).astype(np.float32)
    found = tempered_losses(
        torch.from_numpy(logits),
        torch.from_numpy(targets.astype(np.float32) if is_multilabel else targets),
        None if weights is None else torch.from_numpy(weights.astype(np.float32)),
    )
    expected = [tempered_cross_entropy(of.astype(np.float64), targets, weights) for of in logits]
    assert found.numpy() == pytest.approx(expected, abs=3e-3)


def test_a_network_that_is_never_wrong():
    logits = torch.tensor([[[9.0, 0.0], [0.0, 7.0], [5.0, 0.0]]])
    targets = torch.tensor([0, 1, 0])
    expected = tempered_cross_entropy(logits[0].double().numpy(), targets.numpy(), None)
    assert tempered_losses(logits, targets, None).item() == pytest.approx(expected, abs=1e-4)
