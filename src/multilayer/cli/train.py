"""`multilayer train`."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import OptionalDataArgument
from multilayer.cli.doctor import print_diagnoses
from multilayer.cli.epochs import epochs_in_words, place_in_words, show_epochs
from multilayer.cli.interrupts import Stop, stop_on_interrupt
from multilayer.cli.own_name import own_command
from multilayer.cli.setting_flags import QUIET, TABLE_GROUP, SettingFlags, given
from multilayer.cli.table_flags import TableFlags
from multilayer.cli.terminal import note, say
from multilayer.cli.train_table import resume_table, train_table
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.runs.image_run import ImageRun

_SECONDS_FOR_THE_FIRST = 5


def train(
    data: OptionalDataArgument = None,
    /,
    *,
    recipe: str | None = None,
    table: Annotated[TableFlags, Parameter(name="*", group=TABLE_GROUP)] = TableFlags(),  # noqa: B008 (frozen)
    settings: Annotated[SettingFlags, Parameter(name="*")] = SettingFlags(),  # noqa: B008 (frozen)
    output: str | None = None,
    data_dir: str | None = None,
    resume: str | None = None,
    checkpoint_every: str | None = None,
    quiet: Annotated[bool, QUIET] = False,
) -> int:
    """Train a network on labelled pictures, or on a table, and leave a run folder.

    A table is a file whose --target column is to be predicted from the others.

    In a terminal the learning curves grow as it trains; into a pipe or a file goes a line an epoch.
    Ctrl-C, SIGTERM and SIGHUP stop after the current batch and still leave a whole run folder.

    For example:

    multilayer train fashion-mnist

    multilayer train houses.csv --target price --drop id --output runs/houses

    multilayer train --resume runs/houses

    Args:
        data: 'fashion-mnist', 'digits', or the path of an MNIST-like folder of idx files; or a
            table as CSV, Parquet, Arrow or JSON lines.
        recipe: settings to begin with; the flags below change them. 'chapter' is
            784-256-10, ReLU, SGD at 0.1, batches of 256, 10 epochs; 'fast', 'default' and 'best'
            take more time for better answers. Left out: 'chapter' for pictures, 'default' for
            tables.
        output: the run folder; it must be empty or not there yet. Left out: runs/NAME-001 and on.
        data_dir: folder to look for the data set's files in first.
        resume: the folder of a run that was killed or interrupted: it goes on bit for bit as if it
            had not been. Data and settings are those of the run and need not be given; data that
            have moved are found beside the run folder, or where DATA names them.
        checkpoint_every: how often the state to resume from is kept: a number of epochs, such as 5,
            or of seconds, such as 60s. Left out: after each epoch, at most once in 30 seconds.
        quiet: print the result alone.
    """
    if data is None and resume is None:
        raise SettingsError("name the data to train on, or a run folder with --resume")
    if os.environ.get("WORLD_SIZE", "1") != "1":
        _refuse_in_several_processes(
            {"--target": table.target, "--resume": resume, "--checkpoint-every": checkpoint_every}
        )
    if table.target and data is not None and resume is None:
        _refuse_images(data)
        return train_table(
            data, table, recipe or "default", given(settings), output, quiet, checkpoint_every
        )
    if data is not None and Path(data).is_file() and resume is None:
        raise SettingsError(f"{data} is a file; name its column to predict with --target")
    from multilayer.recipes.recipes import recipe as settings_of
    from multilayer.runs.image_run import ImageRun
    from multilayer.runs.saved_run import SavedRun

    if resume is not None:
        _refuse_beside_resume({"--recipe": recipe, "--output": output, **table.by_flag()})
        saved = SavedRun.read(resume)
        if data is None and saved.table is not None and not Path(saved.data).exists():
            raise SettingsError(
                f"{saved.data}, which the run {resume} was begun with, is not there any more; name "
                f"where it is now: {own_command('train', 'TABLE', '--resume', Path(resume))}"
            )
        chosen = replace(saved.settings, **given(settings))
        recipe, output = saved.recipe_name, resume
        data, data_dir = data or saved.data, data_dir or saved.data_dir
        if saved.table is not None:
            saved = replace(saved, data=data, settings=chosen)
            return resume_table(saved, resume, quiet, checkpoint_every)
    else:
        recipe = recipe or "chapter"
        chosen = settings_of(recipe, **given(settings))
    assert data is not None
    with _job(chosen.device) as rank:
        run = ImageRun(
            data,
            chosen,
            output,
            recipe_name=recipe,
            data_dir=data_dir,
            checkpoint_every=checkpoint_every,
            is_resumed=resume is not None,
        )
        with closing(run), stop_on_interrupt() as stop:
            results = _run(run, rank, quiet, stop)
    return stop.exit_code if results["status"] == "interrupted" else exit_codes.SUCCESS


def _run(run: "ImageRun", rank: int, quiet: bool, stop: Stop) -> dict[str, Any]:
    """Train to the end, and show it in the first of several processes; the results."""
    for text in run.notes:
        note(text)
    is_shown = rank == 0 and not quiet
    if is_shown:
        _print_plan(run)
    show_epochs(run.epochs(stop), run.history, run.settings.max_epochs, not is_shown)
    results = run.score()
    if rank == 0:
        _print_results(run, results, quiet)
        run.draw()  # nobody waits for pictures to see how good the network is
        if not quiet:
            assert run.folder is not None
            print_diagnoses(run.folder.path, run.dataset)
            _print_folder(run, results)
    return results


def _refuse_images(data: str) -> None:
    """Refuse a data set of images where a table is meant."""
    from multilayer.images.datasets import KNOWN_DATASETS

    if data in KNOWN_DATASETS and not Path(data).exists():
        raise SettingsError(f"{data} are images with labels of their own; leave --target out")


def _refuse_in_several_processes(flags: dict[str, Any]) -> None:
    """Refuse what one process does alone; the first of several says so."""
    for name, value in flags.items():
        if value:
            if os.environ.get("RANK", "0") != "0":
                time.sleep(_SECONDS_FOR_THE_FIRST)  # an early end of ours would cut its words off
                raise SystemExit(exit_codes.BAD_INPUT)
            raise SettingsError(f"{name} is for one process; start it without torchrun")


def _refuse_beside_resume(flags: Mapping[str, Any]) -> None:
    for name, value in flags.items():
        if value:
            raise SettingsError(f"{name} does not go with --resume: the run has its own")


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


def _print_plan(run: "ImageRun") -> None:
    settings, dataset, network = run.settings, run.dataset, run.spec
    say(
        f"{dataset.name}: {len(dataset.train):,} pictures to train on, {len(dataset.test):,} to "
        f"test on, from {dataset.source}\n"
        f"network: {'-'.join(map(str, network.widths))}, {network.activation}, "
        f"{network.num_parameters:,} parameters\n"
        f"training: {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"batches of {settings.batch_size}, {epochs_in_words(settings.max_epochs)}, "
        f"seed {settings.seed}"
        f"{place_in_words(run.place)}",
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
        say(f"{result}, {run.folder.path}", flush=True)
        return
    if results["status"] == "interrupted":
        say(f"interrupted after {len(run.history)} of {epochs_in_words(run.settings.max_epochs)}")
    say(f"{result}\ntrained in {results['train_seconds']:.1f} s", flush=True)


def _print_folder(run: "ImageRun", results: dict[str, Any]) -> None:
    assert run.folder is not None
    names = ", ".join(run.folder.names())
    following = own_command("evaluate", run.folder.path)
    if results["status"] == "interrupted" and os.environ.get("WORLD_SIZE", "1") == "1":
        following = own_command("train", "--resume", run.folder.path)
    say(f"{run.folder.path}: {names}\nnext: {following}")
