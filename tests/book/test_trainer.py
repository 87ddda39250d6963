import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

import multilayer as d2l
from multilayer.errors import SettingsError


def plain_pytorch(net, data, num_epochs, lr):
    """What `Trainer` must do, in a plain loop over PyTorch's loaders."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    losses, validations = [], []
    for _ in range(num_epochs):
        for X, y in DataLoader(data.train, data.batch_size, shuffle=True):
            loss = functional.cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            batches = [(net(X), y) for X, y in DataLoader(data.val, data.batch_size)]
        logits, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        accuracy = (logits.argmax(1) == y).double().mean().item()
        validations.append((functional.cross_entropy(logits, y).item(), accuracy))
    return losses, validations


def make_mlp(lr=0.5):
    torch.manual_seed(1)
    model = d2l.MLP(num_outputs=10, num_hiddens=8, lr=lr)
    model.apply_init([torch.zeros(1, 1, 6, 5)])
    return model


def test_training_is_pytorchs_to_the_bit(small_images):
    model = make_mlp()
    model.plot_train_per_epoch = 5
    twin = copy.deepcopy(model.net)
    torch.manual_seed(2)
    d2l.Trainer(max_epochs=2).fit(model, small_images)
    torch.manual_seed(2)
    losses, validations = plain_pytorch(twin, small_images, 2, lr=0.5)
    for ours, theirs in zip(model.net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert [point.y for point in model.board.data["train_loss"]] == losses
    # 23 validation images in batches of 10, 10 and 3: each image counts the same.
    data = model.board.data
    ours = [(loss.y, acc.y) for loss, acc in zip(data["val_loss"], data["val_acc"], strict=True)]
    assert ours == [pytest.approx(theirs, rel=1e-6) for theirs in validations]


def test_batches_of_a_foreign_loader_count_equally(small_images):
    class Foreign(type(small_images)):
        def get_dataloader(self, train):
            images = self.train if train else self.val
            return DataLoader(images, self.batch_size, shuffle=train, num_workers=self.num_workers)

    model, data = make_mlp(), Foreign()
    model.lr = 0
    d2l.Trainer(max_epochs=1).fit(model, data)
    with torch.no_grad():
        losses = [model.loss(model(X), y).item() for X, y in data.val_dataloader()]
    assert model.board.data["val_loss"][0].y == pytest.approx(sum(losses) / 3, rel=1e-6)


def test_a_seed_repeats_a_run(small_images):
    runs = []
    for _ in range(2):
        torch.manual_seed(11)
        model = d2l.MLP(num_outputs=10, num_hiddens=8, lr=0.5)
        d2l.Trainer(max_epochs=2).fit(model, small_images)
        runs.append(model.board.data)
    assert runs[0] == runs[1]


def test_counters_and_dataloaders_are_there_for_the_reader(small_images):
    trainer, model = d2l.Trainer(max_epochs=3), make_mlp()
    trainer.fit(model, small_images)
    assert (trainer.num_train_batches, trainer.num_val_batches) == (5, 3)
    assert (trainer.epoch, trainer.train_batch_idx, trainer.val_batch_idx) == (2, 15, 9)
    assert trainer.model is model
    assert model.trainer is trainer
    assert isinstance(trainer.optim, torch.optim.SGD)
    assert trainer.gpus == []
    assert model.board.xlim == [0, 3]
    assert model.board.xlabel == "epoch"


def test_a_second_fit_begins_its_curves_anew(small_images):
    trainer, model = d2l.Trainer(max_epochs=2), make_mlp()
    for _ in range(2):
        trainer.fit(model, small_images)
        assert [point.x for point in model.board.data["val_loss"]] == [1, 2]
        assert trainer.train_batch_idx == 10


def test_values_left_waiting_do_not_enter_a_second_fit(small_images):
    trainer, model = d2l.Trainer(max_epochs=1), make_mlp()
    model.plot_train_per_epoch = 0.7  # 7 batches a point: an epoch of 5 leaves all waiting
    for _ in range(2):
        trainer.fit(model, small_images)
        assert model.board.data["train_loss"] == []


def test_without_validation_only_training_is_plotted(small_images, capsys):
    class TrainingOnly(type(small_images)):
        def val_dataloader(self):
            return None

    trainer, model = d2l.Trainer(max_epochs=1), make_mlp()
    trainer.fit(model, TrainingOnly())
    assert trainer.num_val_batches == 0
    assert list(model.board.data) == ["train_loss"]
    assert capsys.readouterr().out.startswith("epoch 1: train_loss ")


def test_training_and_evaluation_mode_alternate(small_images):
    modes = []

    class Watched(d2l.MLP):
        def training_step(self, batch):
            modes.append(self.training)
            return super().training_step(batch)

        def validation_step(self, batch):
            modes.append(self.training)
            assert not torch.is_grad_enabled()
            super().validation_step(batch)

    d2l.Trainer(max_epochs=2).fit(Watched(10, 8, 0.1), small_images)
    assert modes == ([True] * 5 + [False] * 3) * 2


@pytest.mark.parametrize("limit", [1e-3, 1e3])
def test_gradients_are_clipped_as_pytorch_clips_them(limit):
    model = make_mlp()
    X, y = torch.randn(4, 30), torch.tensor([0, 3, 9, 9])
    model.loss(model(X), y).backward()
    before = [p.grad.clone() for p in model.parameters()]
    twin = copy.deepcopy(model.net)
    for p, gradient in zip(twin.parameters(), before, strict=True):
        p.grad = gradient.clone()
    nn.utils.clip_grad_norm_(twin.parameters(), limit)
    d2l.Trainer(max_epochs=1).clip_gradients(limit, model)
    for ours, theirs, old in zip(model.parameters(), twin.parameters(), before, strict=True):
        assert torch.allclose(ours.grad, theirs.grad, rtol=1e-4)
        assert torch.equal(ours.grad, old) == (limit > 1)


def test_clipping_is_part_of_training(small_images):
    model = make_mlp(lr=1.0)
    before = [p.detach().clone() for p in model.parameters()]
    small_images.batch_size = 50  # one step
    d2l.Trainer(max_epochs=1, gradient_clip_val=1e-3).fit(model, small_images)
    moved = [p.detach() - b for p, b in zip(model.parameters(), before, strict=True)]
    norm = torch.linalg.vector_norm(torch.cat([m.flatten() for m in moved]))
    assert norm.item() == pytest.approx(1e-3, rel=1e-2)


def test_the_printed_overrides_of_the_trainer_run(small_images, monkeypatch):
    for name in ("prepare_batch", "fit_epoch"):  # put back what the test overrides
        monkeypatch.setattr(d2l.Trainer, name, getattr(d2l.Trainer, name))
    prepared = []

    @d2l.add_to_class(d2l.Trainer)
    def prepare_batch(self, batch):
        prepared.append(len(batch))
        return batch

    @d2l.add_to_class(d2l.Trainer)
    def fit_epoch(self):
        self.model.train()
        for batch in self.train_dataloader:
            loss = self.model.training_step(self.prepare_batch(batch))
            self.optim.zero_grad()
            with torch.no_grad():
                loss.backward()
                if self.gradient_clip_val > 0:
                    self.clip_gradients(self.gradient_clip_val, self.model)
                self.optim.step()
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        self.model.eval()
        for batch in self.val_dataloader:
            with torch.no_grad():
                self.model.validation_step(self.prepare_batch(batch))
            self.val_batch_idx += 1

    model = make_mlp()
    twin = copy.deepcopy(model.net)
    torch.manual_seed(2)
    d2l.Trainer(max_epochs=1, gradient_clip_val=1).fit(model, small_images)
    assert prepared == [2] * 8
    assert not torch.equal(model.net[1].weight, twin[1].weight)
    assert len(model.board.data["val_acc"]) == 1


def test_a_plain_line_an_epoch_is_printed_where_nothing_is_drawn(small_images, capsys):
    model = make_mlp()
    d2l.Trainer(max_epochs=2).fit(model, small_images)
    lines = capsys.readouterr().out.splitlines()
    data = model.board.data
    # With 5 batches in an epoch and 2 to a point, the second epoch ends with the fifth point.
    assert lines == [
        f"epoch {epoch}: train_loss {data['train_loss'][train].y:.3f}, "
        f"val_loss {data['val_loss'][epoch - 1].y:.3f}, val_acc {data['val_acc'][epoch - 1].y:.3f}"
        for epoch, train in ((1, 1), (2, 4))
    ]


def test_model_and_batches_move_to_the_first_gpu(small_images):
    trainer = d2l.Trainer(max_epochs=1, num_gpus=1)
    trainer.gpus = [torch.device("meta")]  # a device that every machine has
    model = make_mlp()
    trainer.prepare_model(model)
    assert {p.device.type for p in model.parameters()} == {"meta"}
    X, y = trainer.prepare_batch(next(iter(small_images.train_dataloader())))
    assert (X.device.type, y.device.type) == ("meta", "meta")


INTERRUPTED = """
import torch
import multilayer as d2l
data = d2l.SyntheticRegressionData(torch.ones(3), 1.0)
model = d2l.LinearRegression(lr=0.001)
try:
    d2l.Trainer(max_epochs=100_000).fit(model, data)
except KeyboardInterrupt:
    input("interrupted, go on? ")
"""


def test_ctrl_c_leaves_the_curves_and_a_sane_terminal(open_terminal):
    terminal = open_terminal(INTERRUPTED, columns=100)
    terminal.show_until(lambda: "val_loss" in terminal.text and terminal.screen.cursor.hidden)
    terminal.press(b"\x03")
    terminal.show_until(lambda: "go on?" in terminal.text)
    assert not terminal.screen.cursor.hidden
    assert "val_loss" in terminal.text
    assert terminal.settings == terminal.settings_before
    terminal.press(b"\n")
    assert terminal.show_to_end() == 0


@pytest.mark.parametrize(
    "wrong",
    [{"max_epochs": "3"}, {"max_epochs": -1}, {"max_epochs": 2.5}, {"num_gpus": "1"},
     {"gradient_clip_val": -1}, {"gradient_clip_val": "1"}],
)  # fmt: skip
def test_a_trainer_refuses_what_is_no_number_by_name(wrong):
    [name] = wrong
    with pytest.raises(SettingsError, match=f"{name} must be a .*{wrong[name]}"):
        d2l.Trainer(**{"max_epochs": 1, **wrong})
