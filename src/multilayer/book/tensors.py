"""The book's own names for tensor operations, each one PyTorch's.

The functions at the end call the method of the same meaning and hand on every argument.
"""

from typing import Any

import torch
from torch import nn

__all__ = [
    "abs", "arange", "argmax", "astype", "batch_matmul", "concat", "cos", "cosh", "cpu", "exp",
    "expand_dims", "eye", "float32", "gpu", "int32", "int64", "linspace", "log", "matmul",
    "meshgrid", "nn_Module", "normal", "num_gpus", "numpy", "ones", "ones_like", "rand", "randn",
    "reduce_mean", "reduce_sum", "repeat", "reshape", "sigmoid", "sin", "sinh", "size", "stack",
    "swapaxes", "tanh", "tensor", "to", "transpose", "try_all_gpus", "try_gpu", "zeros",
    "zeros_like",
]  # fmt: skip

nn_Module = nn.Module  # noqa: N816  (the book's spelling)

float32 = torch.float32
int32 = torch.int32
int64 = torch.int64

abs = torch.abs  # noqa: A001  (the book's spelling)
arange = torch.arange
batch_matmul = torch.bmm
concat = torch.cat
cos = torch.cos
cosh = torch.cosh
exp = torch.exp
eye = torch.eye
linspace = torch.linspace
log = torch.log
matmul = torch.matmul
meshgrid = torch.meshgrid
normal = torch.normal
ones = torch.ones
ones_like = torch.ones_like
rand = torch.rand
randn = torch.randn
sigmoid = torch.sigmoid
sin = torch.sin
sinh = torch.sinh
stack = torch.stack
tanh = torch.tanh
tensor = torch.tensor
zeros = torch.zeros
zeros_like = torch.zeros_like


def argmax(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the index of the largest element, along a dimension if one is given."""
    return x.argmax(*args, **kwargs)


def astype(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor with elements of another type."""
    return x.type(*args, **kwargs)


def expand_dims(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor with a dimension of length 1 inserted."""
    return x.unsqueeze(*args, **kwargs)


def numpy(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor as a NumPy array, without its gradient."""
    return x.detach().numpy(*args, **kwargs)


def reduce_mean(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the mean, along a dimension if one is given."""
    return x.mean(*args, **kwargs)


def reduce_sum(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the sum, along a dimension if one is given."""
    return x.sum(*args, **kwargs)


def repeat(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor repeated along its dimensions."""
    return x.repeat(*args, **kwargs)


def reshape(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the same elements in another shape."""
    return x.reshape(*args, **kwargs)


def size(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the number of elements."""
    return x.numel(*args, **kwargs)


def swapaxes(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor with two dimensions exchanged."""
    return x.swapaxes(*args, **kwargs)


def to(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor on another device or with another type."""
    return x.to(*args, **kwargs)


def transpose(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the matrix with rows and columns exchanged."""
    return x.t(*args, **kwargs)


def cpu() -> torch.device:
    """Return the processor."""
    return torch.device("cpu")


def gpu(i: int = 0) -> torch.device:
    """Return the graphics card with number `i`, counted from 0, whether or not there is one."""
    return torch.device(f"cuda:{i}")


def num_gpus() -> int:
    """Return the number of graphics cards that PyTorch can use."""
    return torch.cuda.device_count()


def try_gpu(i: int = 0) -> torch.device:
    """Return the graphics card with number `i` if there is one, else the processor."""
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[torch.device]:
    """Return every graphics card; an empty list where there is none."""
    return [gpu(i) for i in range(num_gpus())]
