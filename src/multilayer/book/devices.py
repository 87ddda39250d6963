"""The devices that tensors and networks live on."""

import torch


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
