"""Matrix products, each by the library that is faster for it on this processor.

PyTorch gives float32 products to MKL. On AMD's processors MKL keeps to 256-bit instructions, while
oneDNN, which PyTorch also brings along, uses the 512-bit ones where there are any: from a certain
size on its products take half the time (benchmarks/products.py). Which library is asked depends on
the processor and on the shapes alone, so that a run on a machine repeats bit for bit. On a graphics
card neither is.
"""

from pathlib import Path

import torch
from torch import Tensor

# Rows × inner × columns from which oneDNN's call is worth its overhead.
_LEAST_SIZE = 5_000_000

# MKL is slow at products of few columns, such as those of a last layer, but not at the same with
# rows and columns exchanged; a single column is a product with a vector, which is fast as it is.
_MOST_NARROW_COLUMNS = 32
_MOST_COPIED_COLUMNS = 4  # so few are better laid out anew first


def _onednn_is_faster_here() -> bool:
    cpu_info = Path("/proc/cpuinfo")
    return (
        cpu_info.is_file()
        and "AuthenticAMD" in cpu_info.read_text()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


_ONEDNN_IS_FASTER = _onednn_is_faster_here()

# The largest piece of memory whose release glibc learns from; see `keep_freed_memory`.
_LARGEST_LESSON_BYTES = (32 << 20) - (64 << 10)


def keep_freed_memory() -> None:
    """Have the C library keep the memory of products for the next ones.

    oneDNN's products come in new memory. glibc gives large pieces back to the system when they are
    freed and asks for them again, page by page, at the next product: in the network
    784-1024-1024-10 that takes a fifth of the time. It learns to keep pieces as large as one that
    was freed before, up to 32 MiB; so one of that size is taken here, never touched, and freed.
    """
    if _ONEDNN_IS_FASTER:
        torch.empty(_LARGEST_LESSON_BYTES, dtype=torch.uint8)


def add_product(left: Tensor, right: Tensor, out: Tensor, alpha: float, beta: float) -> None:
    """Write beta × out + alpha × left × right into out.

    Args:
        left: (rows, inner), or with a leading dimension of members, as all others.
        right: (inner, columns).
        out: (rows, columns).
        alpha: weight of the product.
        beta: weight of what was in `out`; with 0 that is never read.
    """
    if _is_narrow(right):
        _add(_product_of_few_columns(left, right), out, alpha, beta)
    elif not _is_for_onednn(left, right):
        multiply_add = torch.addmm if out.dim() == 2 else torch.baddbmm
        multiply_add(out, left, right, alpha=alpha, beta=beta, out=out)
    elif out.dim() == 3:
        for member in range(len(out)):
            _add(_onednn_affine(left[member], right[member], None), out[member], alpha, beta)
    else:
        _add(_onednn_affine(left, right, None), out, alpha, beta)


def _add(values: Tensor, out: Tensor, alpha: float, beta: float) -> None:
    if beta == 0:
        torch.mul(values, alpha, out=out)
    elif beta == 1:
        out.add_(values, alpha=alpha)
    else:
        out.mul_(beta).add_(values, alpha=alpha)


def affine(inputs: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> Tensor:
    """Give inputs × weight + bias.

    Args:
        inputs: (batch, inputs), or with a leading dimension of members, as all others.
        weight: (inputs, outputs).
        bias: (1, outputs).
        out: (batch, outputs); may be used for the answer.

    Returns:
        The answer: `out`, or a new tensor.
    """
    if _is_narrow(weight):
        return torch.add(_product_of_few_columns(inputs, weight), bias, out=out)
    if not _is_for_onednn(inputs, weight):
        multiply_add = torch.addmm if out.dim() == 2 else torch.baddbmm
        return multiply_add(bias, inputs, weight, out=out)
    if out.dim() == 2:
        return _onednn_affine(inputs, weight, bias[0])
    for member in range(len(out)):
        out[member].copy_(_onednn_affine(inputs[member], weight[member], bias[member, 0]))
    return out


def _is_narrow(right: Tensor) -> bool:
    return (
        _ONEDNN_IS_FASTER
        and right.is_cpu
        and right.dtype == torch.float32
        and 1 < right.shape[-1] <= _MOST_NARROW_COLUMNS
    )


def _product_of_few_columns(left: Tensor, right: Tensor) -> Tensor:
    few = right.mT
    if few.shape[-2] <= _MOST_COPIED_COLUMNS:
        few = few.contiguous()
    return torch.matmul(few, left.mT).mT


def _is_for_onednn(left: Tensor, right: Tensor) -> bool:
    return (
        _ONEDNN_IS_FASTER
        and left.is_cpu
        and left.dtype == torch.float32
        and left.shape[-2] * left.shape[-1] * right.shape[-1] >= _LEAST_SIZE
    )


def _onednn_affine(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    inputs = inputs.contiguous()  # oneDNN's own rearranging of a transposed matrix is slower
    answer: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight.mT, bias, "none", [], "")
    return answer
