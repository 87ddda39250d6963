"""Models: what is learned, by which loss, and what is drawn meanwhile."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from multilayer.book.board import ProgressBoard
from multilayer.book.hyperparameters import HyperParameters
from multilayer.errors import SettingsError

Batch = Sequence[Tensor]  # the inputs, then the targets


class Module(nn.Module, HyperParameters):
    """The parent of every model.

    A subclass defines `loss`, and either `forward` or a network `net`; `configure_optimizers`
    unless SGD at the learning rate `lr` is wanted.

    Attributes:
        board: draws the learning curves and keeps them in `board.data`.
        trainer: the trainer that fits the model, from `Trainer.fit` on.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> class Constant(d2l.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.save_hyperparameters()
        ...         self.net = torch.nn.LazyLinear(1)
        ...
        >>> Constant()(torch.zeros(3, 2)).shape
        torch.Size([3, 1])
    """

    lr: float
    net: nn.Module
    trainer: Any
    plot_train_per_epoch: float
    plot_valid_per_epoch: float

    def __init__(self, plot_train_per_epoch: float = 2, plot_valid_per_epoch: float = 1) -> None:
        """Prepare an empty model.

        Args:
            plot_train_per_epoch: points of a training curve in an epoch, each the mean of the
                batches since the point before.
            plot_valid_per_epoch: points of a validation curve in an epoch.
        """
        super().__init__()
        self.save_hyperparameters()
        self.board = ProgressBoard()

    def loss(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """Return how far the outputs `y_hat` are from the targets `y`, as a single number."""
        raise NotImplementedError(f"{type(self).__name__} does not define loss")

    def forward(self, X: Tensor) -> Tensor:
        """Return the network's outputs for inputs (batch, …)."""
        if not hasattr(self, "net"):
            raise NotImplementedError(f"{type(self).__name__} defines neither net nor forward")
        outputs: Tensor = self.net(X)
        return outputs

    def plot(self, key: str, value: Tensor, train: bool) -> None:
        """Add the value of one batch to the curve `train_<key>` or `val_<key>`.

        The points of validation curves are means over examples: a smaller last batch counts less.
        """
        if not hasattr(self, "trainer"):
            raise SettingsError("plot needs a trainer: call Trainer.fit(model, data) first")
        trainer = self.trainer
        self.board.xlabel = "epoch"
        if train:
            x = trainer.train_batch_idx / trainer.num_train_batches
            every_n = trainer.num_train_batches / self.plot_train_per_epoch
            weight = 1
        else:
            x = trainer.epoch + 1
            every_n = trainer.num_val_batches / self.plot_valid_per_epoch
            weight = getattr(trainer.val_dataloader, "num_examples_in_batch", 1)
        label = ("train_" if train else "val_") + key
        self.board.draw(x, value, label, every_n=int(every_n), weight=weight)

    def training_step(self, batch: Batch) -> Tensor:
        """Return the loss on a batch, which the trainer lowers."""
        loss = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", loss, train=True)
        return loss

    def validation_step(self, batch: Batch) -> None:
        """Plot what is to be known about a validation batch."""
        self.plot("loss", self.loss(self(*batch[:-1]), batch[-1]), train=False)

    def configure_optimizers(self) -> Any:
        """Return the optimiser to train with: stochastic gradient descent at rate `lr`.

        Raises:
            SettingsError: nobody has set `lr`.
        """
        if not hasattr(self, "lr"):
            name = type(self).__name__
            raise SettingsError(
                f"{name} has no learning rate: set its attribute lr, for example by an argument lr "
                "and save_hyperparameters(), or define configure_optimizers"
            )
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(
        self, inputs: Sequence[Tensor], init: Callable[[nn.Module], None] | None = None
    ) -> None:
        """Give lazy layers their shapes and, if asked, initialise the network anew.

        Args:
            inputs: the arguments of a forward pass.
            init: called with every layer of `net`.
        """
        self(*inputs)
        if init is not None:
            self.net.apply(init)


class Classifier(Module):
    """A model that tells classes apart by their logits: the largest is its answer.

    Examples:
        >>> import multilayer as d2l
        >>> import torch
        >>> model = d2l.SoftmaxRegression(num_outputs=3, lr=0.1)
        >>> isinstance(model, d2l.Classifier)
        True
        >>> y_hat = torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
        >>> model.accuracy(y_hat, torch.tensor([0, 2])).item()
        0.5
    """

    def accuracy(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """Return the fraction of right answers.

        Args:
            Y_hat: logits or probabilities, (…, num_classes).
            Y: the classes' numbers, (…).
            averaged: whether to average; otherwise 0 or 1 for each example, (batch,).
        """
        answers = Y_hat.reshape(-1, Y_hat.shape[-1]).argmax(dim=1)
        correct = (answers == Y.reshape(-1)).to(torch.float32)
        return correct.mean() if averaged else correct

    def loss(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """Return the cross entropy, in nats.

        Args:
            Y_hat: logits, (…, num_classes).
            Y: the classes' numbers, (…).
            averaged: whether to average over examples; otherwise (batch,).
        """
        logits = Y_hat.reshape(-1, Y_hat.shape[-1])
        reduction = "mean" if averaged else "none"
        return functional.cross_entropy(logits, Y.reshape(-1), reduction=reduction)

    def validation_step(self, batch: Batch) -> None:
        """Plot the loss and the accuracy on a validation batch."""
        Y_hat = self(*batch[:-1])
        self.plot("loss", self.loss(Y_hat, batch[-1]), train=False)
        self.plot("acc", self.accuracy(Y_hat, batch[-1]), train=False)

    def layer_summary(self, X_shape: Sequence[int]) -> None:
        """Print what shape each layer of `net` makes of an input of shape `X_shape`."""
        X = torch.zeros(*X_shape)
        with torch.no_grad():
            for layer in self.net.children():
                X = layer(X)
                print(f"{type(layer).__name__} output shape:\t{X.shape}")
