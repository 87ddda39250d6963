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
    """Return the index of the largest element, along a dimension if one is given.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.argmax(x, axis=1)
        tensor([2, 2])
    """
    return x.argmax(*args, **kwargs)


def astype(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor with elements of another type.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.astype(x, torch.int32).dtype
        torch.int32
    """
    return x.type(*args, **kwargs)


def expand_dims(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor with a dimension of length 1 inserted.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.expand_dims(x, 0).shape
        torch.Size([1, 2, 3])
    """
    return x.unsqueeze(*args, **kwargs)


def numpy(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor as a NumPy array, without its gradient.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.numpy(x).shape
        (2, 3)
    """
    return x.detach().numpy(*args, **kwargs)


def reduce_mean(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the mean, along a dimension if one is given.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.reduce_mean(x, axis=0)
        tensor([1.5000, 2.5000, 3.5000])
    """
    return x.mean(*args, **kwargs)


def reduce_sum(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the sum, along a dimension if one is given.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.reduce_sum(x)
        tensor(15.)
    """
    return x.sum(*args, **kwargs)


def repeat(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor repeated along its dimensions.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.repeat(x, 2, 1).shape
        torch.Size([4, 3])
    """
    return x.repeat(*args, **kwargs)


def reshape(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the same elements in another shape.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.reshape(x, (3, 2)).shape
        torch.Size([3, 2])
    """
    return x.reshape(*args, **kwargs)


def size(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the number of elements.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.size(x)
        6
    """
    return x.numel(*args, **kwargs)


def swapaxes(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor with two dimensions exchanged.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.swapaxes(x, 0, 1).shape
        torch.Size([3, 2])
    """
    return x.swapaxes(*args, **kwargs)


def to(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the tensor on another device or with another type.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.to(x, d2l.cpu()).device
        device(type='cpu')
    """
    return x.to(*args, **kwargs)


def transpose(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Return the matrix with rows and columns exchanged.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> x = torch.arange(6.0).reshape(2, 3)
        >>> d2l.transpose(x).shape
        torch.Size([3, 2])
    """
    return x.t(*args, **kwargs)


def cpu() -> torch.device:
    """Return the processor.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.cpu()
        device(type='cpu')
    """
    return torch.device("cpu")


def gpu(i: int = 0) -> torch.device:
    """Return the graphics card with number `i`, counted from 0, whether or not there is one.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.gpu(1)
        device(type='cuda', index=1)
    """
    return torch.device(f"cuda:{i}")


def num_gpus() -> int:
    """Return the number of graphics cards that PyTorch can use.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.num_gpus() >= 0
        True
    """
    return torch.cuda.device_count()


def try_gpu(i: int = 0) -> torch.device:
    """Return the graphics card with number `i` if there is one, else the processor.

    Examples:
        >>> import multilayer as d2l
        >>> d2l.try_gpu().type in ("cpu", "cuda")
        True
    """
    return gpu(i) if num_gpus() > i else cpu()


def try_all_gpus() -> list[torch.device]:
    """Return every graphics card; an empty list where there is none.

    Examples:
        >>> import multilayer as d2l
        >>> len(d2l.try_all_gpus()) == d2l.num_gpus()
        True
    """
    return [gpu(i) for i in range(num_gpus())]
