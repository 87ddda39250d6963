"""Members divided among threads train as they do on one."""

import threading
import warnings
from dataclasses import replace
from functools import partial

import pytest
import torch

from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.member_threads import MemberThreads, divide
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_member_threads
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step
from multilayer.engine.training import Training, train

pytestmark = pytest.mark.usefixtures("twin")

SPEC = NetworkSpec(4, 3, (16, 8))
MEMBERS = [
    TrainingSettings(
        hidden_widths=SPEC.hidden_widths, batch_size=32, max_epochs=3, num_threads=2, seed=seed,
        learning_rate=0.01 * (1 + seed), dropout=0.1 * seed,
    )
    for seed in range(5)
]  # fmt: skip


@pytest.fixture(scope="module")
def blobs() -> Examples:
    source = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (350,), generator=source)
    inputs = torch.randn(350, 4, generator=source) + labels.unsqueeze(1)
    return Examples(inputs, labels, torch.rand(350, generator=source))


def trained(examples: Examples, members: list[TrainingSettings], **options) -> Network:
    network = Network.initialized(SPEC, [member.seed for member in members])
    list(train(network, examples, members, **options))
    return network


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adam", "average_decay": 0.9},
        {"momentum": 0.9, "max_gradient_norm": 0.5, "selection": "loss"},
    ],
    ids=lambda changes: " ".join(changes) or "plain",
)
@pytest.mark.parametrize("has_own_rows", [False, True], ids=["all rows", "own rows"])
def test_on_two_threads_members_become_what_they_become_on_one(blobs, changes, has_own_rows):
    members = [replace(member, **changes) for member in MEMBERS]
    own_rows = [torch.arange(300)[member:] for member in range(5)] if has_own_rows else None
    assert choose_num_member_threads(len(members), 2) == 2
    networks = [
        trained(
            blobs,
            [replace(member, num_threads=num_threads) for member in members],
            rows=own_rows,
            validation=blobs,
        )
        for num_threads in (1, 2)
    ]
    torch.testing.assert_close(networks[1].parameters, networks[0].parameters, atol=1e-6, rtol=0)
    assert not torch.equal(networks[0].parameters[0], networks[0].parameters[1])


def test_the_state_does_not_tell_how_the_members_were_divided(blobs):
    """Half of the way on two threads, half on one, is the whole way."""
    members = [replace(member, optimizer="adam", average_decay=0.9) for member in MEMBERS]
    whole = trained(blobs, members)
    first = Training(Network.initialized(SPEC, range(5)), blobs, members)
    epochs = first.epochs()
    next(epochs)
    state = first.state()
    assert {part.shape[0] for part in state.parts["step"].values() if part.dim()} == {5}
    for num_threads in (1, 2):
        network = Network.initialized(SPEC, range(5))
        second = Training(network, blobs, members)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            second.restore(replace(state, num_threads=num_threads))
        assert ["goes on with 1 threads, as it began" in str(one.message) for one in caught] == (
            [True] if num_threads == 1 else []
        )
        list(second.epochs())
        torch.testing.assert_close(network.parameters, whole.parameters, atol=1e-6, rtol=0)


def test_threads_end_with_the_training_and_their_settings_stay_their_own(blobs):
    before = torch.get_num_threads(), threading.active_count()
    loop = train(Network.initialized(SPEC, range(5)), blobs, MEMBERS)
    next(loop)
    assert threading.active_count() == before[1] + 1
    assert torch.get_num_threads() == before[0]
    loop.close()
    assert (torch.get_num_threads(), threading.active_count()) == before


def test_what_goes_wrong_in_a_thread_is_raised(blobs, monkeypatch):
    def fail(self: MemberThreads, place: int, *_: object) -> None:
        if place == 1:
            raise RuntimeError("lost in the other thread")

    monkeypatch.setattr(MemberThreads, "_take", fail)
    with pytest.raises(RuntimeError, match="lost in the other thread"):
        trained(blobs, MEMBERS)


@pytest.mark.parametrize(
    ("num_members", "num_threads", "expected"),
    [(1, 2, 1), (3, 2, 1), (4, 2, 2), (64, 2, 2), (64, 1, 1), (7, 4, 1), (8, 4, 4)],
)
def test_there_are_lanes_where_each_has_two_members(num_members, num_threads, expected):
    assert choose_num_member_threads(num_members, num_threads) == expected


@pytest.mark.parametrize(
    ("num_members", "num_threads", "expected"),
    [(4, 2, [2, 2]), (5, 2, [2, 2, 1]), (11, 4, [2, 2, 2, 2, 1, 1, 1])],
)
def test_members_are_divided_evenly_and_the_others_one_by_one(num_members, num_threads, expected):
    parts = divide(num_members, num_threads)
    assert [part.stop - part.start for part in parts] == expected
    assert [number for part in parts for number in range(part.start, part.stop)] == [
        *range(num_members)
    ]


@pytest.mark.parametrize("num_threads", [2, 3, 4])
@pytest.mark.parametrize("num_members", [8, 9, 11])
def test_who_is_left_over_takes_each_step_once_and_in_order(blobs, num_members, num_threads):
    members = [replace(MEMBERS[1], seed=seed) for seed in range(num_members)]
    trained_by = []
    for make in (Step, partial(MemberThreads, num_threads=num_threads)):
        network = Network.initialized(SPEC, range(num_members))
        step, losses = make(network, members, num_steps=40), []
        source = BatchSource(blobs, 32, [generator(seed, "shuffle") for seed in range(num_members)])
        with torch.inference_mode():
            for _ in range(2):
                for batch in source.epoch():
                    loss = step.run(batch)
                    losses.append(loss.clone() if make is Step else loss)
            step.finish()
        trained_by.append((network.parameters, torch.stack(losses)))
    torch.testing.assert_close(trained_by[1], trained_by[0], atol=1e-6, rtol=0)
