"""Randomness with an address: each generator is made from a seed and a name."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Generator, Tensor


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose, such as "init" or "shuffle".

    Different names give independent streams, so that a draw added for one purpose does not
    change the draws made for another. The global generators are never touched.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def states_of(generators: Sequence[Generator]) -> Tensor:
    """The states of generators, (num_generators, num_bytes)."""
    return torch.stack([generator.get_state() for generator in generators])


def restore_generators(generators: Sequence[Generator], states: Tensor) -> None:
    """Put generators back to where `states_of` found them."""
    for generator, state in zip(generators, states, strict=True):
        generator.set_state(state.clone())
