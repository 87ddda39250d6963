"""Where a fit computes: the processor or a graphics card."""

import os

import torch

from multilayer.errors import SettingsError


def choose_device(name: str) -> torch.device:
    """The device that the setting `device` means on this machine.

    Args:
        name: "cpu" or "cuda". Of several cards, a process of a job takes the one that the
            variable LOCAL_RANK numbers, as torchrun sets it.

    Raises:
        SettingsError: there is no such card.
    """
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
