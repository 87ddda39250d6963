"""What is begun and asked before PyTorch is there, which takes long to load."""

import sys
from contextlib import suppress
from importlib import import_module
from threading import Thread


def begin_loading(module: str) -> None:
    """Import a module in a thread; who imports it again meanwhile waits until it is there."""

    def load() -> None:
        with suppress(ImportError):  # whoever needs it is told
            import_module(module)

    Thread(target=load, daemon=True).start()


def rank_of_this_process() -> int:
    """The number of this process among those that train together; 0 on its own."""
    distributed = sys.modules.get("torch.distributed")  # loaded where somebody made a group
    is_in_group = getattr(distributed, "is_initialized", bool)()
    return int(distributed.get_rank()) if distributed is not None and is_in_group else 0
