"""A training that is left and gone on with is, bit for bit, the one that was never left."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch

from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.records import EpochRecord
from multilayer.engine.scores import Scores
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import TrainingState
from multilayer.engine.training import Training, train
from multilayer.errors import CheckpointError, ModelFileError, TrainingDivergedError

pytestmark = pytest.mark.usefixtures("batch_by_batch")

PLAIN = TrainingSettings(
    hidden_widths=(7,), batch_size=8, max_epochs=4, learning_rate=0.05, num_threads=1
)
NUM_STEPS = 4 * 5  # 38 rows in batches of 8

CASES: dict[str, tuple[TrainingSettings, ...]] = {
    "plain": (PLAIN,),
    "momentum": (replace(PLAIN, momentum=0.9),),
    "adam": (replace(PLAIN, optimizer="adam", weight_decay=0.1, max_gradient_norm=0.5),),
    "dropout": (replace(PLAIN, dropout=0.3, schedule="one_cycle"),),
    "average": (replace(PLAIN, average_decay=0.9, schedule="cosine"),),
    "augmented": (replace(PLAIN, augment=("shift", "flip")),),
    "selection": (replace(PLAIN, selection="accuracy", optimizer="adam", average_decay=0.5),),
    "patience": (replace(PLAIN, selection="loss", patience=1, learning_rate=5.0),),
    "batch norm": (replace(PLAIN, batch_norm=True, standardize_inputs=True, momentum=0.5),),
    "everything": (
        replace(
            PLAIN,
            optimizer="adam",
            scale_layer=True,
            learned_activation=True,
            numeric_embedding=True,
            parametrization="ntk",
            initialization="data",
            dropout=0.2,
            input_dropout=0.2,
            label_smoothing=0.1,
            drop_last_batch=True,
            weight_decay=0.1,
            schedule="log_cosine",
            regularization_schedule="flat_cosine",
            beta_1=0.8,
            beta_2=0.9,
            scale_rate_factor=6.0,
            bias_rate_factor=0.1,
            selection="accuracy",
            average_decay=0.5,
        ),
    ),
    "population": (
        replace(PLAIN, seed=1, dropout=0.2, optimizer="adam", selection="loss"),
        replace(PLAIN, seed=2, dropout=0.4, optimizer="adam", selection="loss", learning_rate=0.5),
    ),
    "augmented population": tuple(replace(PLAIN, seed=seed, augment=("flip",)) for seed in (1, 2)),
}


def examples(num_rows: int, seed: int) -> Examples:
    source = torch.Generator().manual_seed(seed)
    inputs = torch.randn(num_rows, 5, generator=source)
    targets = torch.randint(0, 3, (num_rows,), generator=source)
    return Examples(inputs, targets, image_shape=(1, 5))


def make_training(
    members: tuple[TrainingSettings, ...], keeper=None, stop=None, **changes
) -> tuple[Training, Network]:
    spec = members[0].network_spec(5, 3, num_numeric=3)
    network = Network.for_training(spec, members, examples(38, 0).inputs)
    data = {"examples": examples(38, 0), "validation": examples(20, 1), **changes}
    if len(members) > 1:  # members with rows of their own
        data["rows"] = [torch.arange(38), torch.arange(37, -1, -1)]
    return Training(network, settings=members, keeper=keeper, stop=stop, **data), network


class KeepAt:
    """Keeps the state after the given numbers of steps, and at the ends of epochs if asked to."""

    def __init__(self, path: Path, steps: set[int], at_ends: bool = False) -> None:
        self.path, self.steps, self.at_ends = path, steps, at_ends
        self.num_steps, self.states = 0, []

    def is_due(self, *, is_epoch_over: bool) -> bool:
        if is_epoch_over:
            return self.at_ends
        self.num_steps += 1
        return self.num_steps in self.steps

    def keep(self, state: TrainingState) -> None:
        path = self.path / f"{len(self.states)}.safetensors"
        state.save(path)
        self.states.append(path)


def without_time(records: list[EpochRecord]) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in records]


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.numpy().tobytes()


def assert_same_state(one: TrainingState, other: TrainingState) -> None:
    assert (one.epoch, one.num_batches_done) == (other.epoch, other.num_batches_done)
    assert without_time(list(one.history)) == without_time(list(other.history))
    assert one.parts.keys() == other.parts.keys()
    for part, tensors in one.parts.items():
        assert tensors.keys() == other.parts[part].keys()
        for name, tensor in tensors.items():
            assert bits(tensor) == bits(other.parts[part][name]), f"{part}/{name}"


@pytest.mark.parametrize("members", CASES.values(), ids=CASES.keys())
def test_from_every_batch_the_same_end_is_reached(members, tmp_path):
    keeper = KeepAt(tmp_path, set(range(1, NUM_STEPS + 1)), at_ends=True)
    whole, network = make_training(members, keeper)
    records = list(whole.epochs())
    assert len(keeper.states) > 5
    for path in keeper.states:
        state = TrainingState.load(path)
        resumed, other = make_training(members)
        resumed.restore(state)
        rest = list(resumed.epochs())
        assert without_time([*state.history, *rest]) == without_time(records)
        assert bits(other.parameters) == bits(network.parameters)
        assert_same_state(resumed.state(), whole.state())


def test_left_many_times_within_one_epoch(tmp_path):
    members = CASES["dropout"]
    whole, network = make_training(members)
    records = list(whole.epochs())
    state, history = None, []
    for _ in range(NUM_STEPS + 4):
        keeper = KeepAt(tmp_path, {1}, at_ends=True)
        training, other = make_training(members, keeper)
        if state is not None:
            training.restore(state)
        epochs = training.epochs()
        try:
            history = [*(state.history if state else ()), next(epochs)]
        except StopIteration:
            break
        finally:
            epochs.close()
        state = TrainingState.load(keeper.states[0])
    assert without_time(history) == without_time(records) or state.epoch == 5
    assert without_time(list(state.history)) == without_time(records)
    assert bits(other.parameters) == bits(network.parameters)


def test_a_stopped_training_keeps_its_state_and_goes_on(tmp_path):
    """The last record of a stopped epoch is not part of the state."""

    class StopAt(Event):
        num_asked = 0

        def is_set(self) -> bool:
            self.num_asked += 1
            return self.num_asked >= 8

    members = CASES["selection"]
    whole, network = make_training(members)
    records = list(whole.epochs())
    keeper = KeepAt(tmp_path, set())
    stopped, _ = make_training(members, keeper, stop=StopAt())
    *_, last = stopped.epochs()
    assert last.is_interrupted
    state = TrainingState.load(keeper.states[-1])
    assert (state.epoch, state.num_batches_done, len(state.history)) == (2, 2, 1)
    resumed, other = make_training(members)
    resumed.restore(state)
    assert without_time([*state.history, *resumed.epochs()]) == without_time(records)
    assert bits(other.parameters) == bits(network.parameters)


def test_a_training_stopped_between_epochs_keeps_its_state_too(tmp_path):
    members, stop = CASES["selection"], Event()
    whole, network = make_training(members)
    records = list(whole.epochs())
    keeper = KeepAt(tmp_path, set())
    stopped, _ = make_training(members, keeper, stop=stop)
    for record in stopped.epochs():
        if record.epoch == 2:
            stop.set()
    state = TrainingState.load(keeper.states[-1])
    assert (state.epoch, state.num_batches_done, len(state.history)) == (3, 0, 2)
    resumed, other = make_training(members)
    resumed.restore(state)
    assert without_time([*state.history, *resumed.epochs()]) == without_time(records)
    assert bits(other.parameters) == bits(network.parameters)


def test_the_function_takes_a_state_too(tmp_path):
    keeper = KeepAt(tmp_path, {7})
    spec, data = NetworkSpec(5, 3, (7,)), examples(38, 0)
    whole, other = Network.initialized(spec), Network.initialized(spec)
    list(train(whole, data, PLAIN, keeper=keeper))
    state = TrainingState.load(keeper.states[0])
    assert [record.epoch for record in train(other, data, PLAIN, state=state)] == [2, 3, 4]
    assert bits(other.parameters) == bits(whole.parameters)


@pytest.fixture
def state(tmp_path) -> TrainingState:
    keeper = KeepAt(tmp_path, {7})
    training, _ = make_training((PLAIN,), keeper)
    list(training.epochs())
    return TrainingState.load(keeper.states[0])


@pytest.mark.parametrize(
    ("members", "changes", "message"),
    [
        ((replace(PLAIN, learning_rate=0.5),), {}, "learning_rate was 0.05, now it is 0.5"),
        ((replace(PLAIN, max_epochs=9),), {}, "settings max_epochs was 4, now it is 9"),
        ((replace(PLAIN, hidden_widths=(8,)),), {}, r"network hidden_widths was \[7\], now it is"),
        ((PLAIN, replace(PLAIN, seed=1)), {}, "data training rows of the members was None"),
        ((PLAIN,), {"examples": examples(38, 2)}, r"data training rows was \w{16}…, now it is"),
        ((PLAIN,), {"validation": examples(20, 2)}, "data validation rows was"),
        ((PLAIN,), {"validation": None}, r"data validation rows was \w{16}…, now it is None"),
    ],
)  # fmt: skip
def test_another_training_is_refused_with_what_differs(state, members, changes, message):
    training, _ = make_training(members, **changes)
    with pytest.raises(CheckpointError, match=f"not the training that was saved: .*{message}"):
        training.restore(state)


def test_another_version_is_refused(state):
    state.fingerprint["versions"]["torch"] = "2.12.0"
    training, _ = make_training((PLAIN,))
    with pytest.raises(CheckpointError, match=r"versions torch was 2\.12\.0, now it is 2\.13"):
        training.restore(state)


@pytest.mark.parametrize(
    "damage",
    [
        lambda parts: parts.pop("step"),
        lambda parts: parts["network"].update(parameters=torch.zeros(1, 3)),
        lambda parts: parts["network"].update(parameters=torch.zeros(1, 66).double()),
        lambda parts: parts["batches"].update(sources=torch.zeros(1, 8, dtype=torch.uint8)),
        lambda parts: parts.update(epoch={}),
    ],
)
def test_a_state_that_lacks_something_is_refused(state, damage):
    damage(state.parts)
    training, _ = make_training((PLAIN,))
    with pytest.raises(CheckpointError, match="is not whole"):
        training.restore(state)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("epoch"),
        lambda d: d.update(epoch=0),
        lambda d: d.update(epoch="1"),
        lambda d: d.update(history=7),
        lambda d: d.update(history=[{}]),
        lambda d: d.update(seconds="soon"),
        lambda d: d.update(fingerprint=[1]),
    ],
)
def test_a_document_that_is_not_a_state_is_refused(state, tmp_path, change):
    path = tmp_path / "state"
    state.save(path)
    container = read_container(path)
    change(container.document)
    write_container(path, container.kind, container.document, container.arrays)
    with pytest.raises(ModelFileError):
        TrainingState.load(path)


def test_many_epochs_do_not_make_a_state_too_large(state, tmp_path):
    """Their records are arrays: what a document may take was once reached after 27,000 epochs."""
    [record] = state.history[:1] or [EpochRecord(1, 5, (0.5,), None, 0.1)]
    scored = replace(record, validation=Scores((0.25,), (0.75,), (0.2,)), best_epoch=(3,))
    history = tuple(replace(scored, epoch=number) for number in range(1, 40_001))
    replace(state, history=history).save(tmp_path / "state")
    assert TrainingState.load(tmp_path / "state").history == history


def test_a_state_of_an_earlier_version_has_its_history_in_the_document(state, tmp_path):
    path = tmp_path / "state"
    replace(state, history=()).save(path)
    container = read_container(path)
    arrays = {k: v for k, v in container.arrays.items() if not k.startswith("history/")}
    record = {
        "epoch": 1, "num_steps": 5, "train_loss": [0.5, "nan"], "validation_loss": [0.25, 0.5],
        "validation_accuracy": None, "seconds": 0.1, "is_interrupted": False, "best_epoch": [1, 1],
    }  # fmt: skip
    write_container(path, container.kind, {**container.document, "history": [record]}, arrays)
    [loaded] = TrainingState.load(path).history
    assert (loaded.epoch, loaded.num_steps, loaded.train_loss[0]) == (1, 5, 0.5)
    assert loaded.validation == Scores((0.25, 0.5), None)
    assert loaded.best_epoch == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.pop("history/epoch"),
        lambda a: a.update({"history/epoch": np.zeros(1, np.int64)}),
        lambda a: a.update({"history/seconds": np.zeros(7)}),
        lambda a: a.update({"history/num_steps": np.ones(1)}),
    ],
)
def test_a_history_that_is_none_is_refused(state, tmp_path, change):
    path = tmp_path / "state"
    record = EpochRecord(1, 5, (0.5,), None, 0.1)
    replace(state, history=(record,)).save(path)
    container = read_container(path)
    change(container.arrays)
    write_container(path, container.kind, container.document, container.arrays)
    with pytest.raises(ModelFileError):
        TrainingState.load(path)


def test_a_member_that_has_diverged_is_no_obstacle(tmp_path):
    """Its losses are NaN, which JSON does not have."""
    members = (PLAIN, replace(PLAIN, learning_rate=1e30, seed=1))
    keeper = KeepAt(tmp_path, {13})
    whole, network = make_training(members, keeper)
    records = list(whole.epochs())
    assert np.isnan(records[1].train_loss[1])
    state = TrainingState.load(keeper.states[0])
    resumed, other = make_training(members)
    resumed.restore(state)
    list(resumed.epochs())
    assert bits(other.parameters) == bits(network.parameters)


def test_the_state_of_a_diverged_training_is_not_kept(tmp_path):
    keeper = KeepAt(tmp_path, {4})
    training, _ = make_training((replace(PLAIN, learning_rate=1e38),), keeper)
    with pytest.raises(TrainingDivergedError):
        list(training.epochs())
    assert keeper.states == []
