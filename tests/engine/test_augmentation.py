from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multilayer.engine.augmentation import Augmentation
from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train
from multilayer.errors import DataError, SettingsError

NAMES = st.sampled_from([("shift",), ("flip",), ("shift", "flip"), ("flip", "shift")])


def make(names, shape, num_sources=1) -> Augmentation:
    sources = [generator(seed, "augment") for seed in range(num_sources)]
    return Augmentation(names, shape, sources)


def every_kind(names, picture: list[list[int]]) -> set[tuple[tuple[int, ...], ...]]:
    """What all kinds make of one picture."""
    array = torch.tensor(picture, dtype=torch.uint8)
    augmentation = make(names, tuple(array.shape))
    inputs = array.flatten().repeat(augmentation.num_kinds, 1)
    augmentation.apply(inputs, torch.arange(augmentation.num_kinds))
    return {tuple(map(tuple, one)) for one in inputs.view(-1, *array.shape).tolist()}


def test_a_picture_shifted_by_hand():
    assert every_kind(["shift"], [[1, 2, 3], [4, 5, 6]]) == {
        ((5, 6, 0), (0, 0, 0)), ((4, 5, 6), (0, 0, 0)), ((0, 4, 5), (0, 0, 0)),
        ((2, 3, 0), (5, 6, 0)), ((1, 2, 3), (4, 5, 6)), ((0, 1, 2), (0, 4, 5)),
        ((0, 0, 0), (2, 3, 0)), ((0, 0, 0), (1, 2, 3)), ((0, 0, 0), (0, 1, 2)),
    }  # fmt: skip


def test_a_picture_mirrored_by_hand():
    assert every_kind(["flip"], [[1, 2, 3], [4, 5, 6]]) == {
        ((1, 2, 3), (4, 5, 6)), ((3, 2, 1), (6, 5, 4)),
    }  # fmt: skip


@given(
    NAMES, st.tuples(st.integers(1, 6), st.integers(1, 6)), st.integers(0, 20),
    st.sampled_from([torch.uint8, torch.float32]), st.integers(0, 2**32),
)  # fmt: skip
def test_each_picture_is_what_numpy_makes_of_it(names, shape, num_pictures, dtype, seed):
    height, width = shape
    source = torch.Generator().manual_seed(seed)
    before = torch.randint(1, 256, (num_pictures, height * width), generator=source).to(dtype)
    augmentation = make(names, shape)
    [kinds] = augmentation.draw(num_pictures)
    after = before.clone()
    augmentation.apply(after, kinds)
    for old, new in zip(
        before.view(num_pictures, *shape).numpy(),
        after.view(num_pictures, *shape).numpy(),
        strict=True,
    ):
        assert any(np.array_equal(new, one) for one in by_numpy(names, old))


def by_numpy(names, picture):
    """All that may become of a picture."""
    height, width = picture.shape
    shifts = range(-1, 2) if "shift" in names else [0]
    for mirrored in [picture, picture[:, ::-1]] if "flip" in names else [picture]:
        bordered = np.pad(mirrored, 1)
        for down in shifts:
            for right in shifts:
                yield bordered[1 - down :, 1 - right :][:height, :width]


def test_all_kinds_are_equally_likely():
    augmentation = make(["shift", "flip"], (3, 3))
    counts = augmentation.draw(18_000)[0].bincount()
    assert len(counts) == augmentation.num_kinds == 18
    assert counts.min() > 1000 - 5 * 1000**0.5
    assert counts.max() < 1000 + 5 * 1000**0.5


def pictures(num_rows: int) -> Examples:
    source = torch.Generator().manual_seed(0)
    inputs = torch.randint(1, 256, (num_rows, 12), generator=source, dtype=torch.uint8)
    return Examples(inputs, torch.arange(num_rows), image_shape=(3, 4))


def batches_of(seeds, part=(0, 1), num_rows=23) -> BatchSource:
    augmentation = Augmentation(
        ["shift", "flip"], (3, 4), [generator(seed, "augment") for seed in seeds]
    )
    orders = [generator(seed, "shuffle") for seed in seeds]
    return BatchSource(pictures(num_rows), 5, orders, part=part, augmentation=augmentation)


def seen(batches: BatchSource, num_done: int = 0, member: int = 0) -> dict[int, bytes]:
    """The pictures of an epoch by their number."""
    return {
        int(number): picture.numpy().tobytes()
        for batch in batches.epoch(num_done)
        for number, picture in zip(batch.targets[member], batch.inputs[member], strict=True)
    }


def test_the_pictures_in_memory_stay_as_they_are():
    batches = batches_of([0])
    first, second = seen(batches), seen(batches)
    assert first.keys() == second.keys() == set(range(23))
    assert first != second
    kept = pictures(23).inputs
    assert torch.equal(batches._examples.inputs, kept)
    assert sum(first[row] == kept[row].numpy().tobytes() for row in range(23)) < 10


def test_a_member_in_company_sees_the_pictures_it_sees_alone():
    assert seen(batches_of([3, 8]), member=1) == seen(batches_of([8]))


def test_ranks_see_the_pictures_that_one_process_sees():
    parts = [seen(batches_of([4], (rank, 2))) for rank in range(2)]
    assert {**parts[0], **parts[1]} == seen(batches_of([4]))


def test_an_epoch_that_is_gone_on_with_has_the_pictures_it_would_have_had():
    batches = batches_of([2])
    seen(batches)
    state = batches.state()
    whole = seen(batches)
    taken_up = batches_of([7])
    taken_up.restore(state)
    rest = seen(taken_up, num_done=2)
    assert len(rest) == 23 - 10
    assert rest.items() <= whole.items()


PLAIN = TrainingSettings(hidden_widths=(6,), batch_size=5, max_epochs=2, augment=("shift",))


def trained(settings: list[TrainingSettings]) -> torch.Tensor:
    spec = settings[0].network_spec(12, 23, input_scale=1 / 255)
    network = Network.for_training(spec, settings, pictures(23).inputs)
    list(train(network, pictures(23), settings))
    return network.parameters


def test_training_repeats_and_differs_from_one_without():
    assert torch.equal(trained([PLAIN]), trained([PLAIN]))
    assert not torch.equal(trained([PLAIN]), trained([replace(PLAIN, augment=())]))


def test_a_member_of_a_population_learns_what_it_learns_alone():
    members = [replace(PLAIN, seed=seed) for seed in (1, 2)]
    together = trained(members)
    for member, settings in enumerate(members):
        torch.testing.assert_close(together[member], trained([settings])[0])


def test_rows_that_are_no_pictures_are_refused():
    spec = PLAIN.network_spec(12, 23)
    rows = replace(pictures(23), image_shape=None)
    with pytest.raises(SettingsError, match="augment shift is for pictures; these rows have no"):
        list(train(Network.for_training(spec, [PLAIN], rows.inputs), rows, PLAIN))


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"rows of \(12,\) are no pictures of 3 × 5"):
        replace(pictures(23), image_shape=(3, 5))
