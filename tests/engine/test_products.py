"""Products by either library against NumPy."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from multilayer.engine import products

SHAPES = [(200, 784, 256), (7, 5, 3), (300, 200, 100), (256, 100, 2), (90, 80, 10)]


@pytest.fixture(params=[False, True], ids=["BLAS", "oneDNN"])
def onednn(request, monkeypatch) -> bool:
    if request.param and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this PyTorch was built without oneDNN")
    monkeypatch.setattr(products, "_ONEDNN_IS_FASTER", request.param)
    return request.param


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape) / shape[-1] ** 0.5


@pytest.mark.parametrize("stack", [(), (3,)], ids=["one", "three members"])
@pytest.mark.parametrize("shape", SHAPES)
def test_affine_is_numpys(onednn, shape, stack):
    rows, inner, columns = shape
    inputs, weight, bias = (
        random(*stack, rows, inner), random(*stack, inner, columns), random(*stack, 1, columns),
    )  # fmt: skip
    answer = products.affine(inputs, weight, bias, torch.empty(*stack, rows, columns))
    expected = inputs.double().numpy() @ weight.double().numpy() + bias.double().numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-5)


@pytest.mark.parametrize("stack", [(), (3,)], ids=["one", "three members"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transposed", ["neither", "left", "right"])
def test_product_is_numpys(onednn, shape, stack, transposed):
    rows, inner, columns = shape
    left = random(*stack, inner, rows).mT if transposed == "left" else random(*stack, rows, inner)
    right = (
        random(*stack, columns, inner).mT
        if transposed == "right"
        else random(*stack, inner, columns)
    )
    expected = left.double().numpy() @ right.double().numpy()
    out = torch.full((*stack, rows, columns), torch.nan)
    products.add_product(left, right, out, 0.5, 0)
    np.testing.assert_allclose(out, 0.5 * expected, atol=1e-4)
    for beta in (1, 0.25):
        out = torch.ones(*stack, rows, columns)
        products.add_product(left, right, out, -2, beta)
        np.testing.assert_allclose(out, beta - 2 * expected, atol=1e-4)


def test_large_float32_products_go_to_onednn_and_others_do_not(monkeypatch):
    monkeypatch.setattr(products, "_ONEDNN_IS_FASTER", True)
    large, small = torch.empty(200, 200), torch.empty(20, 20)
    assert products._is_for_onednn(large, large)
    assert not products._is_for_onednn(small, small)
    assert not products._is_for_onednn(large.double(), large.double())
    monkeypatch.setattr(products, "_ONEDNN_IS_FASTER", False)
    assert not products._is_for_onednn(large, large)


def test_a_member_of_three_is_the_one_alone_in_shared_rows(onednn):
    inputs, weight, bias = random(1, 200, 784), random(3, 784, 256), random(3, 1, 256)
    out = torch.empty(3, 200, 256)
    together = products.affine(inputs.expand(3, -1, -1), weight, bias, out)
    for member in range(3):
        alone = products.affine(inputs[0], weight[member], bias[member], torch.empty(200, 256))
        torch.testing.assert_close(together[member], alone, atol=1e-5, rtol=0)


@pytest.mark.skipif(not products._ONEDNN_IS_FASTER, reason="oneDNN is not used on this processor")
def test_large_steps_do_not_ask_the_system_for_memory_again():
    program = """
        import resource, torch, multilayer
        settings = multilayer.recipe("chapter", hidden_widths=(1024, 1024), batch_size=512)
        network = multilayer.Network.initialized(multilayer.NetworkSpec(784, 10, (1024, 1024)))
        rows = multilayer.Examples(torch.randn(2048, 784), torch.randint(10, (2048,)))
        epochs = multilayer.train(network, rows, settings)
        counts = []
        for _ in range(8):
            next(epochs)
            counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        print(sorted(after - before for before, after in zip(counts, counts[1:]))[3])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    # Pages of an epoch, the median of seven: a matrix is asked for once more now and then, as the
    # threads share the work anew. Over a thousand a step before.
    assert int(done.stdout) < 500
