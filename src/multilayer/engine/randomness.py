"""Randomness with an address: each generator is made from a seed and a name."""

import hashlib

import torch


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose, such as "init" or "shuffle".

    Different names give independent streams, so that a draw added for one purpose does not
    change the draws made for another. The global generators are never touched.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little", signed=True))
