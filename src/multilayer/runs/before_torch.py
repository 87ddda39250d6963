"""Load PyTorch in the background, and ask for the rank without loading it."""

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from threading import Thread


def require_pytorch() -> None:
    """See that PyTorch is there, without loading it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if find_spec("torch") is None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")


def begin_loading(module: str) -> None:
    """Import a module in a background thread; importing it meanwhile waits for that.

    Raises:
        ModuleNotFoundError: PyTorch, which the module needs, is not installed.
    """
    require_pytorch()

    def load() -> None:
        with suppress(ImportError):  # raised again where it is needed
            import_module(module)

    Thread(target=load, daemon=True).start()


def is_among_ranks() -> bool:
    """Whether this process is in distributed training."""
    distributed = sys.modules.get("torch.distributed")  # loaded if there is a process group
    return bool(distributed is not None and getattr(distributed, "is_initialized", bool)())


def rank_of_this_process() -> int:
    """The rank of this process in distributed training; 0 without."""
    return int(sys.modules["torch.distributed"].get_rank()) if is_among_ranks() else 0
