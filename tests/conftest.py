"""What several rooms' tests share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multilayer.data.idx import write_idx
from multilayer.data.images import ImageDataset, load_images


@pytest.fixture(scope="session")
def fashion_mnist() -> ImageDataset:
    """The real data set; fetched on the first use, as any user's is."""
    return load_images("fashion-mnist")


@pytest.fixture(scope="session")
def small_folder(fashion_mnist: ImageDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MNIST-like folder with the first 2,000 + 500 pictures of Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("small-fashion")
    for prefix, split, rows in (
        ("train", fashion_mnist.train, 2000),
        ("t10k", fashion_mnist.test, 500),
    ):
        write_idx(folder / f"{prefix}-images-idx3-ubyte", split.images[:rows])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", split.labels[:rows].astype(np.uint8))
    return folder


@pytest.fixture
def multilayer(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The installed command, run in an empty folder, its output going into pipes."""

    def run(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("multilayer"), *map(str, arguments)]
        environment = {**os.environ, "PYTHONWARNINGS": "error", **options.pop("env", {})}
        options = {"cwd": tmp_path, "timeout": 300, **options}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, **options
        )

    return run
