"""What can be known of a step on a graphics card where there is none.

Tensors of PyTorch's device "meta" have a shape but no values, and are not the processor's: what
mixes the two, or asks for a value, is found as on a card. The operators of a step, noted and taken
again, are what a CUDA graph is: whatever Python does between them happens once.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from multilayer.encoding.one_hot_block import OneHotBlock
from multilayer.engine import distributed, machine, products
from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.losses import loss_to_score
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step
from multilayer.engine.step_choice import RecordedStep, can_be_recorded
from multilayer.engine.training import train
from multilayer.errors import SettingsError

NUM_ROWS = 80  # batches of 32, 32 and 16
CARD, ELSEWHERE = torch.device("cuda", 0), torch.device("meta")
PLAIN = TrainingSettings(hidden_widths=(16,), batch_size=32, max_epochs=4)
SPECS = {
    "plain": NetworkSpec(6, 3, (16,), input_scale=0.5),
    "batch norm": NetworkSpec(6, 3, (16, 8), batch_norm=True, activation="gelu"),
    "learned activation": NetworkSpec(
        6, 3, (16,), learned_activation=True, activation="mish", standardize_inputs=True
    ),
    "periodic, categories": NetworkSpec(
        6, 3, (16,), embedded_numbers=2, category_sizes=(4, 5), scale_layer=True
    ),
    "piecewise, statistics": NetworkSpec(
        6, 3, (16,), embedded_numbers=3, number_embedding="piecewise", category_sizes=(4, 5),
        category_statistics=1,
    ),
    "one-hot": NetworkSpec(
        8, 3, (16,), one_hot_blocks=(OneHotBlock(2, (0.25, 0.0, 0.0), (1.0, 2.0, 3.0)),)
    ),
}  # fmt: skip
CHANGES = {
    "descent": {},
    "adam": {"optimizer": "adam", "weight_decay": 0.01, "bias_rate_factor": 0.1},
    "momentum, clipped": {"momentum": 0.9, "max_gradient_norm": 0.3},
    "smoothed": {"label_smoothing": 0.1},
    "cosine, average": {"optimizer": "adam", "schedule": "cosine", "average_decay": 0.9},
    "squared error": {"loss": "squared_error"},
    "absolute error": {"loss": "absolute_error"},
    "quantile": {"loss": "quantile", "quantiles": (0.1, 0.5, 0.9)},
    "poisson": {"loss": "poisson"},
    "huber": {"loss": "huber"},
    "labels": {"loss": "binary_cross_entropy"},
}
COMBINATIONS = [(spec, "adam") for spec in SPECS] + [("plain", change) for change in CHANGES]


def rows_for(spec: NetworkSpec, settings: TrainingSettings) -> Examples:
    source = generator(0, "rows")
    inputs = torch.rand(NUM_ROWS, spec.row_width, generator=source) * 3.99
    if spec.one_hot_blocks or spec.category_sizes:
        inputs[:, 2:] = inputs[:, 2:].floor()
    if settings.loss == "cross_entropy":
        targets = torch.randint(3, (NUM_ROWS,), generator=source)
    else:
        num_targets = 1 if settings.loss == "quantile" else 3
        targets = (torch.rand(NUM_ROWS, num_targets, generator=source) > 0.5).float()
    return Examples(inputs, targets, torch.rand(NUM_ROWS, generator=source))


def source_of(rows: Examples, num_members: int) -> BatchSource:
    return BatchSource(rows, 32, [generator(seed, "shuffle") for seed in range(num_members)])


class NothingForTheProcessor(TorchDispatchMode):
    """Refuses what a recording on a card may not do: bring values to or from the processor."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        result = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        # A single number of the processor goes along with what is launched.
        devices = {tensor.device for tensor in given if tensor.dim()} | {t.device for t in made}
        assert devices <= {ELSEWHERE}, f"{func} goes between devices: {devices}"
        return result


@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize(("spec_name", "change"), COMBINATIONS)
def test_a_step_on_a_card_stays_there(spec_name, change, num_members):
    spec, settings = SPECS[spec_name], replace(PLAIN, **CHANGES[change])
    with torch.inference_mode():
        network = Network.of(spec, torch.empty(num_members, spec.num_parameters, device=ELSEWHERE))
        rows = fake_rows(rows_for(spec, settings))
        step = Step(network, settings, num_steps=12)
        batches = source_of(rows, num_members)
        for batch in batches.epoch():  # makes the buffers
            step.run(batch)
        for batch in batches.epoch():
            with NothingForTheProcessor():
                step.run(batch)
        logits = network.logits(rows.inputs)
        loss_to_score(settings).value(logits, rows.targets.unsqueeze(0), rows.weights.unsqueeze(0))


def fake_rows(rows: Examples) -> Examples:
    """Rows of the same shapes on a card; what is checked of values cannot be."""
    fake = object.__new__(Examples)
    for name in ("inputs", "targets", "weights"):
        like = getattr(rows, name)
        object.__setattr__(fake, name, torch.empty(like.shape, dtype=like.dtype, device=ELSEWHERE))
    object.__setattr__(fake, "image_shape", None)
    return fake


class Noted(TorchDispatchMode):
    """Notes operators and what they gave."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for func, args, kwargs, before in self.operations:
            now = func(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(now), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def recorder(network: Network) -> Callable:
    """Records as a card does, where a recording has no effect."""

    def record(run):
        noted, before = Noted(), network.parameters.clone()
        memory = {id(moment): moment.clone() for moment in noted_state}
        with noted:
            loss = run()
        network.parameters.copy_(before)
        for moment in noted_state:
            moment.copy_(memory[id(moment)])
        return noted.replay, loss

    noted_state: list[torch.Tensor] = []
    record.keeps = noted_state
    return record


@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize(("spec_name", "change"), COMBINATIONS)
def test_a_recorded_step_is_every_step(spec_name, change, num_members):
    spec, settings = SPECS[spec_name], replace(PLAIN, **CHANGES[change])
    if not can_be_recorded([settings] * num_members, CARD, None):
        pytest.skip("its steps differ")
    rows, found = rows_for(spec, settings), []
    for is_recorded in (False, True):
        network = Network.for_training(
            spec, [replace(settings, seed=seed) for seed in range(num_members)], rows.inputs,
            statistics=torch.zeros(num_members, 9, 1) if spec.category_statistics else None,
        )  # fmt: skip
        step, batches = Step(network, settings, num_steps=30), source_of(rows, num_members)
        record = recorder(network)
        # What only steps change lies in the same memory all the time, so that it can be put back.
        record.keeps += [t for name, t in step.state().items() if t.is_floating_point()]
        run = RecordedStep(step, record) if is_recorded else step.run
        with torch.inference_mode():
            losses = [run(batch).clone() for _ in range(10) for batch in batches.epoch()]
        found.append((network.parameters, torch.stack(losses), step.state()))
    (parameters, losses, state), (of_recorded, recorded_losses, recorded_state) = found
    torch.testing.assert_close(of_recorded, parameters, atol=0, rtol=0)
    torch.testing.assert_close(recorded_losses, losses, atol=0, rtol=0)
    assert state.keys() == recorded_state.keys()
    for name, values in state.items():
        torch.testing.assert_close(recorded_state[name], values, atol=0, rtol=0, msg=name)


def test_both_kinds_of_batches_are_recorded_once():
    spec, kinds = SPECS["plain"], []
    network, rows = Network.initialized(spec), rows_for(spec, PLAIN)
    batches, record = source_of(rows, 1), recorder(network)

    def noting(run):
        kinds.append(len(kinds))
        return record(run)

    run = RecordedStep(Step(network, PLAIN), noting)
    with torch.inference_mode():
        for _ in range(6):
            for batch in batches.epoch():
                run(batch)
    assert len(kinds) == 2


def test_no_product_on_a_card_is_asked_of_a_library_of_processors(monkeypatch):
    monkeypatch.setattr(products, "_ONEDNN_IS_FASTER", True)
    left, right = (torch.empty(size, device="meta") for size in ((2048, 1024), (1024, 2048)))
    narrow, out = right[:, :10], torch.empty(2048, 2048, device="meta")
    bias = torch.empty(1, 2048, device="meta")
    with NoProcessorsLibrary():
        products.affine(left, right, bias, out)
        products.add_product(left, right, out, 1, 0)
        products.affine(left, narrow, bias[:, :10], out[:, :10])


class NoProcessorsLibrary(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.namespace != "mkldnn", func
        return func(*args, **(kwargs or {}))


class Card:
    """An NVIDIA card as far as its memory and its number go."""

    def __init__(self, free: int, reserved: int = 0, allocated: int = 0, count: int = 1) -> None:
        self.free, self.reserved, self.allocated, self.count = free, reserved, allocated, count
        self.current: list[torch.device] = []

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, answer in {
            "is_available": lambda: True,
            "device_count": lambda: self.count,
            "mem_get_info": lambda device: (self.free, 10**12),
            "memory_reserved": lambda device: self.reserved,
            "memory_allocated": lambda device: self.allocated,
            "set_device": self.current.append,
        }.items():
            monkeypatch.setattr(torch.cuda, name, answer)


def test_memory_that_pytorch_keeps_on_a_card_is_free(monkeypatch):
    Card(free=1000, reserved=700, allocated=200).put_in(monkeypatch)
    assert machine.free_bytes(CARD) == 1500


def test_rows_that_do_not_fit_on_the_card_are_refused_before_they_are_brought_there(monkeypatch):
    Card(free=10**6).put_in(monkeypatch)
    rows = Examples(torch.zeros(10**5, 4), torch.zeros(10**5, dtype=torch.int64))
    message = r"memory, 0\.0 GB of it for the rows, and 0\.0 GB are free on the card"
    with pytest.raises(SettingsError, match=message):
        next(
            train(Network.initialized(NetworkSpec(4, 3, (4,))), rows, replace(PLAIN, device="cuda"))
        )


def test_a_process_of_a_job_takes_its_own_card_before_it_meets_the_others(monkeypatch):
    card = Card(free=10**9, count=2)
    card.put_in(monkeypatch)
    monkeypatch.setenv("LOCAL_RANK", "1")

    def meet(*_, **__):
        assert card.current == [torch.device("cuda", 1)]
        raise RuntimeError("far enough")

    monkeypatch.setattr(distributed, "rendezvous", meet)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(Exception, match="far enough"), distributed.joined("cuda"):
        pass
    card.count = 1
    with pytest.raises(SettingsError, match="process 1 of"), distributed.joined("cuda"):
        pass
