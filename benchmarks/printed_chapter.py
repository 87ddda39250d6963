"""The chapter's network with the book's own package; run by whole_job.py, which times it.

    python printed_chapter.py [--no-plot]

The last line it prints is JSON.
"""

import json
import sys
import time

from d2l import torch as d2l
from torch import nn


class MLP(d2l.Classifier):
    """784-256-10, as the chapter's short version defines it."""

    def __init__(self, num_outputs, num_hiddens, lr):  # noqa: ARG002 (kept by the next lines)
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(num_outputs)
        )


model = MLP(num_outputs=10, num_hiddens=256, lr=0.1)
model.board.display = "--no-plot" not in sys.argv
data = d2l.FashionMNIST(batch_size=256)
trainer = d2l.Trainer(max_epochs=10)
began = time.perf_counter()
trainer.fit(model, data)
seconds = time.perf_counter() - began
print()
print(json.dumps({"train_seconds": seconds, "accuracy": model.board.data["val_acc"][-1].y}))
