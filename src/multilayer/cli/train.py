"""`multilayer train`."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.interrupts import stop_on_interrupt
from multilayer.cli.setting_flags import SettingFlags, given

if TYPE_CHECKING:
    from multilayer.engine.training import EpochRecord
    from multilayer.lab.image_run import ImageRun


def train(
    data: str,
    /,
    *,
    recipe: str = "chapter",
    settings: Annotated[SettingFlags, Parameter(name="*")] = SettingFlags(),  # noqa: B008 (frozen)
    output: str | None = None,
    data_dir: str | None = None,
    quiet: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Train a network on labelled pictures and leave a run folder.

    In a terminal the learning curves grow as it trains; into a pipe or a file goes a line an epoch.
    Ctrl-C stops after the current batch and still leaves a whole run folder.

    Args:
        data: 'fashion-mnist', 'digits', or the path of an MNIST-like folder of idx files.
        recipe: settings to begin with; the flags below change them. 'chapter' is
            784-256-10, ReLU, SGD at 0.1, batches of 256, 10 epochs; 'fast', 'default' and 'best'
            take more time for better answers.
        output: the run folder; it must be empty or not there yet. Left out: runs/NAME-001 and on.
        data_dir: folder to look for the data set's files in first.
        quiet: print the result alone.
    """
    from multilayer.estimators.recipes import recipe as settings_of
    from multilayer.lab.image_run import ImageRun

    chosen = settings_of(recipe, **given(settings))
    with _job(chosen.device) as rank:
        run = ImageRun(data, chosen, output, recipe_name=recipe, data_dir=data_dir)
        is_shown = rank == 0 and not quiet
        if is_shown:
            _print_plan(run)
        with stop_on_interrupt() as stop:
            for _ in _shown(run, run.epochs(stop), is_quiet=not is_shown):
                pass
        results = run.score()
        if rank == 0:
            _print_results(run, results, quiet)
            run.draw()  # nobody waits for pictures to see how good the network is
            if not quiet:
                _print_folder(run)
    return exit_codes.INTERRUPTED if results["status"] == "interrupted" else exit_codes.SUCCESS


@contextmanager
def _job(device: str) -> Iterator[int]:
    """Be one of the processes that torchrun started together, if it did; the number of this one."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield 0
        return
    # PyTorch's own lines about lost connections would stand around our error.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")
    from multilayer.engine.distributed import joined

    with joined(device) as ranks:
        yield 0 if ranks is None else ranks.rank


def _shown(run: "ImageRun", epochs: Iterator["EpochRecord"], is_quiet: bool) -> Iterator[None]:
    """Pull the epochs and show each."""
    from multilayer.report.live import LiveCurves

    num_epochs = run.settings.max_epochs
    if is_quiet or not LiveCurves.is_supported(sys.stdout):
        for record in epochs:
            if not is_quiet:
                scores = ", ".join(
                    f"{name} {run.history[-1][name]:.4f}"
                    for name in ("train_loss", "validation_loss", "validation_accuracy")
                )
                print(f"epoch {record.epoch}/{num_epochs}: {scores}, {record.seconds:.2f} s")
                sys.stdout.flush()
            yield
        return
    with LiveCurves(xlabel="epoch", x_limits=(0, num_epochs)) as curves:
        curves.update({}, f"epoch 1 of {num_epochs}")
        for record in epochs:
            seconds = sum(line["seconds"] for line in run.history)
            left = seconds / record.epoch * (num_epochs - record.epoch)
            time = f", {_in_words(left)} left" if record.epoch < num_epochs else ""
            curves.update(_series(run.history), f"epoch {record.epoch} of {num_epochs}{time}")
            yield


def _series(history: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    # The training loss is a mean over the epoch, so that it belongs to the epoch's middle.
    places = {"train_loss": -0.5, "validation_loss": 0.0, "validation_accuracy": 0.0}
    return {
        name: [(line["epoch"] + shift, line[name]) for line in history]
        for name, shift in places.items()
    }


def _in_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _print_plan(run: "ImageRun") -> None:
    settings, dataset, network = run.settings, run.dataset, run.spec
    print(
        f"{dataset.name}: {len(dataset.train):,} pictures to train on, {len(dataset.test):,} to "
        f"test on, from {dataset.source}\n"
        f"network: {'-'.join(map(str, network.widths))}, {network.activation}, "
        f"{network.num_parameters:,} parameters\n"
        f"training: {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"batches of {settings.batch_size}, {settings.max_epochs} epochs, seed {settings.seed}",
        flush=True,
    )


def _print_results(run: "ImageRun", results: dict[str, Any], quiet: bool) -> None:
    low, high = results["test_accuracy_interval"]
    result = (
        f"test accuracy {results['test_accuracy']:.4f} (95% interval {low:.4f} to {high:.4f}), "
        f"test loss {results['test_loss']:.4f}"
    )
    if quiet:
        assert run.folder is not None
        print(f"{result}, {run.folder.path}", flush=True)
        return
    if results["status"] == "interrupted":
        print(f"interrupted after {len(run.history)} of {run.settings.max_epochs} epochs")
    print(f"{result}\ntrained in {results['train_seconds']:.1f} s", flush=True)


def _print_folder(run: "ImageRun") -> None:
    assert run.folder is not None
    names = ", ".join(sorted(path.name for path in run.folder.path.iterdir()))
    print(f"{run.folder.path}: {names}\nnext: {_own_name()} evaluate {run.folder.path}")


def _own_name() -> str:
    """How this program can be called from here, as `make run` does not put it on the path."""
    if Path(sys.argv[0]).name == "__main__.py":
        return "python -m multilayer"
    return "multilayer" if shutil.which("multilayer") else os.path.relpath(sys.argv[0])
