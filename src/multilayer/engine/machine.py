"""Where a fit computes, and whether this machine can do it, found before it begins."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    import torch

_BYTES_OF_A_NUMBER = 4


def check_machine(
    spec: NetworkSpec,
    members: Sequence[TrainingSettings],
    device: "torch.device | None" = None,
    data_bytes: int = 0,
) -> None:
    """Raise SettingsError if this machine lacks the cores or the memory for a fit.

    Args:
        spec: the network's shape.
        members: the settings of each member.
        device: where it is trained; None: the processor.
        data_bytes: of rows that are yet to be brought there.

    Raises:
        SettingsError: there are fewer cores than threads are asked for, or less memory than the
            fit needs; in GB, 10⁹ bytes.
    """
    num_cores, num_threads = num_usable_cores(), members[0].num_threads
    if num_threads > num_cores:
        raise SettingsError(
            f"num_threads is {num_threads}, and this process may use {num_cores} cores; "
            "take at most as many, or 0 to have the number chosen"
        )
    needed, free = fit_bytes(spec, members) + data_bytes, free_bytes(device)
    if free is not None and needed > free:
        networks = "a network" if len(members) == 1 else f"{len(members)} networks"
        rows = f", {data_bytes / 1e9:,.1f} GB of it for the rows," if data_bytes else ","
        card = "" if device is None or device.type == "cpu" else " on the card"
        raise SettingsError(
            f"training {networks} of {'-'.join(map(str, spec.widths))} with batches of "
            f"{members[0].batch_size} takes about {needed / 1e9:,.1f} GB of memory{rows} and "
            f"{free / 1e9:,.1f} GB are free{card}; take fewer or smaller ones"
        )


def choose_device(name: str) -> "torch.device":
    """The device that the setting `device` means on this machine.

    Args:
        name: "cpu" or "cuda". Of several cards, a process of a job takes the one that the
            variable LOCAL_RANK numbers, as torchrun sets it.

    Raises:
        SettingsError: there is no such card.
    """
    import torch

    if name == "cpu":
        return torch.device("cpu")
    number = int(os.environ.get("LOCAL_RANK", "0"))
    num_cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if num_cards == 0:
        raise SettingsError(
            f"device 'cuda' needs an NVIDIA card, and PyTorch {torch.__version__} finds none here; "
            "use device 'cpu'"
        )
    if number >= num_cards:
        raise SettingsError(
            f"process {number} of this machine has no card of its own: there are {num_cards}; "
            "start at most as many processes"
        )
    return torch.device("cuda", number)


def num_usable_cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fit_bytes(spec: NetworkSpec, members: Sequence[TrainingSettings]) -> int:
    """About how many bytes training takes beside the data.

    Parameters, their gradient, the optimiser's moments, the average and the best so far; and for
    each row of a batch what flows forward and back through every layer.
    """
    shared = members[0]
    num_moments = 2 if shared.optimizer == "adam" else int(shared.momentum > 0)
    num_copies = 2 + num_moments + int(shared.average_decay > 0) + int(shared.selection != "last")
    is_embedded = bool(spec.embedded_numbers or spec.category_sizes)
    num_wide = spec.num_inputs + 2 * (is_embedded + spec.scale_layer) * spec.num_features
    num_wide += spec.num_embedding_values
    num_flowing = shared.batch_size * (num_wide + 3 * sum(spec.widths[1:]))
    of_member = num_copies * spec.num_parameters + num_flowing
    return len(members) * of_member * _BYTES_OF_A_NUMBER


def free_bytes(device: "torch.device | None" = None) -> int | None:
    """Memory that is free; None where the system does not tell.

    On a graphics card its own, with what PyTorch holds there and does not use. Otherwise what
    Linux calls available, or less where the process may not have all of the machine (a control
    group's limit).
    """
    if device is not None and device.type == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        # PyTorch keeps what was given back, and gives it out again.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + kept
    limits = [limit for limit in (_available_on_machine(), _left_of_group()) if limit is not None]
    return min(limits, default=None)


def _available_on_machine() -> int | None:
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _left_of_group() -> int | None:
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        # The page cache counts as used and is given back when memory is asked for.
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(limit) - int(used) + int(cached["file"])
    except (OSError, ValueError, KeyError):  # no such limit, or none to be read
        return None
