"""The training loop."""

from numbers import Integral, Real
from typing import Any

import torch
from torch import nn

from multilayer.book.hyperparameters import HyperParameters
from multilayer.book.module import Batch, Module
from multilayer.book.ranks import TrainerRanks
from multilayer.book.tensors import gpu, num_gpus
from multilayer.errors import SettingsError


class Trainer(HyperParameters):
    """Fits models to data.

    In a process group of torch.distributed all processes fit the same model to the same data: each
    learns from its part of every batch, and the first one shows the curves.

    Attributes:
        epoch: the number of the epoch in progress, from 0.
        train_batch_idx: the number of training batches that are complete, over all epochs.
        val_batch_idx: the number of validation batches that are complete, over all epochs.
        num_train_batches: training batches in an epoch.
        num_val_batches: validation batches in an epoch; 0 without validation.
        optim: the model's optimiser.
        gpus: the graphics cards in use; empty for the processor.
        ranks: the processes that fit the model together, usually this one alone.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> w = torch.tensor([2.0, -3.4])
        >>> data = d2l.SyntheticRegressionData(w, b=4.2, num_train=64, num_val=16)
        >>> model = d2l.LinearRegression(lr=0.1)
        >>> model.board.display = False  # no drawing
        >>> trainer = d2l.Trainer(max_epochs=5)
        >>> trainer.fit(model, data)
        >>> trainer.epoch, trainer.num_train_batches
        (4, 2)
    """

    max_epochs: int
    gradient_clip_val: float

    def __repr__(self) -> str:
        return f"<Trainer: max_epochs {self.max_epochs}, epoch {getattr(self, 'epoch', 0)}>"

    def __init__(self, max_epochs: int, num_gpus: int = 0, gradient_clip_val: float = 0) -> None:
        """Say how long to train and where.

        Args:
            max_epochs: passes over the training examples.
            num_gpus: the most graphics cards to use; the network runs on the first.
            gradient_clip_val: the largest length of the gradient; 0 does not limit it.

        Raises:
            SettingsError: one of them is of the wrong type or below 0.
        """
        for name, number in (("max_epochs", max_epochs), ("num_gpus", num_gpus)):
            if not isinstance(number, Integral) or isinstance(number, bool) or number < 0:
                raise SettingsError(
                    f"{name} must be a whole number of at least 0; it is {number!r}"
                )
        is_number = isinstance(gradient_clip_val, Real) and not isinstance(gradient_clip_val, bool)
        if not is_number or not gradient_clip_val >= 0:
            raise SettingsError(
                f"gradient_clip_val must be a number of at least 0; it is {gradient_clip_val!r}"
            )
        self.save_hyperparameters()
        self.gpus = _first_gpus(num_gpus)
        self.ranks = TrainerRanks()

    def prepare_data(self, data: Any) -> None:
        """Take the batches from a data module."""
        self.train_dataloader = data.train_dataloader()
        self.val_dataloader = data.val_dataloader()
        self.num_train_batches = len(self.train_dataloader)
        self.num_val_batches = 0 if self.val_dataloader is None else len(self.val_dataloader)

    def prepare_model(self, model: Module) -> None:
        """Tie the model and its board to this trainer."""
        model.trainer = self
        model.board.xlim = [0, self.max_epochs]
        if self.gpus:
            model.to(self.gpus[0])
        if self.ranks.rank > 0:
            model.board.display = False
        self.model = model

    def prepare_batch(self, batch: Batch) -> Batch:
        """Move a batch to where the model is."""
        if self.gpus:
            batch = [tensor.to(self.gpus[0]) for tensor in batch]
        return batch

    def fit(self, model: Module, data: Any) -> None:
        """Train a model; its curves are drawn meanwhile and are in `model.board.data` after.

        Args:
            model: a `Module`; it is changed in place.
            data: a `DataModule`.
        """
        self.prepare_data(data)
        self.prepare_model(model)
        self.optim = model.configure_optimizers()
        self.epoch = 0
        self.train_batch_idx = 0
        self.val_batch_idx = 0
        model.board.begin()
        try:
            for epoch in range(self.max_epochs):
                self.epoch = epoch
                self.fit_epoch()
                model.board.end_epoch(epoch + 1)
        finally:
            model.board.close()

    def fit_epoch(self) -> None:
        """Learn from every training batch once, then validate."""
        self.ranks.make_alike(self.model)
        self.model.train()
        for batch in self.train_dataloader:
            loss = self.model.training_step(self.prepare_batch(self.ranks.own_rows(batch)))
            self.optim.zero_grad()
            loss.backward()
            self.ranks.average_gradients(self.model)
            if self.gradient_clip_val > 0:
                self.clip_gradients(self.gradient_clip_val, self.model)
            self.optim.step()
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        self.model.eval()
        with torch.no_grad():
            for batch in self.val_dataloader:
                self.model.validation_step(self.prepare_batch(batch))
                self.val_batch_idx += 1

    def clip_gradients(self, grad_clip_val: float, model: nn.Module) -> None:
        """Shorten the gradient to length `grad_clip_val` where it is longer.

        The length is the Euclidean norm over all parameters together.
        """
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norm = torch.sqrt(sum(((g**2).sum() for g in gradients), torch.zeros(())))
        if norm > grad_clip_val:
            for gradient in gradients:
                gradient.mul_(grad_clip_val / norm)


def _first_gpus(most: int) -> list[torch.device]:
    return [gpu(i) for i in range(min(most, num_gpus()))]
