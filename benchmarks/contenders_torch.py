"""Contenders on PyTorch: those of `multilayer bench`, and libraries that it does not depend on."""

import logging
import warnings
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from multilayer.proofs import bench_contenders
from multilayer.proofs.bench_cases import BenchCase, Contender
from multilayer.proofs.bench_contenders import (
    Array,
    autograd,
    classes_of,
    gathered_batches,
    make_optimizer,
    sequential,
)


def compiled(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """The eager loop with forward pass, loss and their gradients compiled."""
    return autograd(case, gathered_batches(case, inputs, targets), torch.compile)


def skorch(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """NeuralNetClassifier, quiet, without its validation split."""
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    model = NeuralNetClassifier(
        sequential(case),
        criterion=nn.CrossEntropyLoss,
        optimizer={"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[case.optimizer],
        lr=case.learning_rate,
        batch_size=case.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ).initialize()
    return Contender(
        lambda num_epochs: model.partial_fit(inputs, targets, epochs=num_epochs),
        lambda rows: model.forward(rows).argmax(1).numpy(),
    )


def lightning(case: BenchCase, inputs: Array, targets: Array) -> Contender:
    """LightningModule and Trainer over a DataLoader, without logs, bars and checkpoints."""
    import lightning
    from lightning.pytorch.utilities.warnings import PossibleUserWarning

    class Model(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = sequential(case)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            rows, classes = batch
            return functional.cross_entropy(self.net(rows), classes)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return make_optimizer(case, self.net)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", PossibleUserWarning)  # advises more loader processes
    torch.manual_seed(0)
    model = Model()
    dataset = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(targets))
    loader = DataLoader(dataset, case.batch_size, shuffle=True)

    def run(num_epochs: int) -> None:
        lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=num_epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(model, loader)

    return Contender(run, classes_of(model.net))


CONTENDERS = {
    **bench_contenders.CONTENDERS,
    "compiled PyTorch": compiled,
    "skorch": skorch,
    "Lightning": lightning,
}
