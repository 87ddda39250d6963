"""`multilayer train`."""

import warnings
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import OptionalDataArgument, OptionalOutput
from multilayer.cli.doctor import print_diagnoses
from multilayer.cli.epochs import show_epochs, show_preparation
from multilayer.cli.interrupts import Stop, stop_on_interrupt
from multilayer.cli.job import (
    is_first,
    is_one_of_several,
    job,
    let_others_end,
    refuse_in_several_processes,
)
from multilayer.cli.run_in_words import (
    kept_in_words,
    print_plan,
    print_scores,
    second_network_in_words,
)
from multilayer.cli.setting_flags import QUIET, TABLE_GROUP, SettingFlags, given
from multilayer.cli.table_flags import TableFlags
from multilayer.cli.terminal import note, own_command, say
from multilayer.errors import DataWarning, SettingsError
from multilayer.reading.byte_stream import STANDARD_INPUT
from multilayer.stopwatch import in_words

if TYPE_CHECKING:
    from multilayer.runs.configuration import RunConfiguration
    from multilayer.runs.run import Run


def train(
    data: OptionalDataArgument = None,
    /,
    *,
    recipe: str | None = None,
    table: Annotated[TableFlags, Parameter(name="*", group=TABLE_GROUP)] = TableFlags(),  # noqa: B008 (frozen)
    settings: Annotated[SettingFlags, Parameter(name="*")] = SettingFlags(),  # noqa: B008 (frozen)
    output: OptionalOutput = None,
    data_dir: str | None = None,
    resume: str | None = None,
    checkpoint_every: str | None = None,
    quiet: Annotated[bool, QUIET] = False,
) -> int:
    """Train a network on labelled pictures, or on a table, and leave a run folder.

    A table is a file whose --target column is to be predicted from the others. Started by PyTorch's
    torchrun, several processes divide the rows of each batch.

    In a terminal the learning curves grow as it trains; into a pipe or a file goes a line an epoch,
    of a pack one for each eighth of a group of draws.
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
            take more time for better answers; 'pack' mixes networks with settings drawn at random;
            'record' is a long training for pictures that may be mirrored, which digits may not.
            Left out: 'pack' with --time, else 'chapter' for pictures, 'default' for tables.
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
    if is_one_of_several():
        of_one = {
            "--recipe pack": recipe == "pack",
            "--num-draws": given(settings).get("num_draws"),
            "--time": given(settings).get("time_limit"),
        }
        for flag, value in of_one.items():
            if value:
                refuse_in_several_processes(flag)
    if is_one_of_several() and not is_first():
        return _train_with_the_first(given(settings))
    from multilayer.runs.restart import run_to_go_on
    from multilayer.runs.run import Run
    from multilayer.runs.sources import TableOnDisk, open_source

    # Of a resumed run too, all processes take what was typed.
    with job(given(settings).get("device")):
        if resume is not None:
            _refuse_beside_resume({"--recipe": recipe, "--output": output, **table.by_flag()})
            configuration = _resumed(resume, data, data_dir, given(settings), checkpoint_every)
        else:
            assert data is not None
            configuration = _new(
                data, recipe, table, given(settings), output, data_dir, checkpoint_every
            )
        begun, has_finished = run_to_go_on(configuration)
        if begun is not None and has_finished:
            note(f"this job has finished its run {begun} already")
            let_others_end()
            return exit_codes.SUCCESS
        if begun is not None:
            note(f"this job has begun the run {begun}, and goes on with it")
            configuration = _resumed(str(begun), None, None, {}, checkpoint_every)
        source = open_source(configuration)
        if isinstance(source, TableOnDisk):
            show_preparation(source, quiet)
        else:
            for _ in source.prepare():
                pass
        run = Run(configuration, source)
        with closing(run), stop_on_interrupt() as stop:
            results = _run(run, quiet, stop)
    is_interrupted = results["status"] == "interrupted"
    if is_interrupted and run.source.encoded_rows is not None:
        note(f"the encoded rows stay in {run.source.encoded_rows} to go on with")
    return stop.exit_code if is_interrupted else exit_codes.SUCCESS


def _new(
    data: str,
    recipe: str | None,
    table: TableFlags,
    changes: dict[str, Any],
    output: str | None,
    data_dir: str | None,
    checkpoint_every: str | None,
) -> "RunConfiguration":
    """What the flags ask for."""
    from multilayer.fit.moved_data import is_there
    from multilayer.images.datasets import require_target
    from multilayer.runs.configuration import RunConfiguration
    from multilayer.runs.shards_of_run import configuration_of_shards
    from multilayer.shards.shard_folder import is_shard_folder

    if recipe is None and changes.get("time_limit"):
        recipe = "pack"
    if is_shard_folder(data):
        return configuration_of_shards(
            data, recipe, changes, output, checkpoint_every,
            flags={f: v for f, v in table.by_flag().items() if f != "--memory-limit"},
            memory_limit=table.memory_limit_bytes(),
        )  # fmt: skip
    require_target(data, has_target=bool(table.target))
    table.require_none_without_target()
    validation, held_out = table.validation_file_and_settings()
    if not table.target:
        changes = {**changes, **held_out}
        return RunConfiguration(
            data, None, recipe, changes, output, checkpoint_every, data_dir=data_dir
        )
    if validation is not None and not is_there(Path(validation).expanduser()):
        raise SettingsError(
            "--validation must be a fraction from 0 up to, not including, 1, or a file of rows; "
            f"there is no file {validation!r}"
        )
    from multilayer.fit.table_size import choose_memory_limit

    limit = table.memory_limit_bytes()
    if limit is None and table.time_column is None:
        limit = choose_memory_limit(data)
        if limit is not None:
            note(
                "the table is large for this machine's memory; it is trained from the disk "
                f"within --memory-limit {limit // 10**6}MB"
            )
    has_folds = changes.get("num_folds", recipe in ("best", "pack"))
    if held_out and has_folds and limit is None and table.time_column is None:
        note(f"--validation {table.validation} is not used: each fold is held out once")
    return RunConfiguration(
        data, table.roles(), recipe, {**changes, **held_out}, output, checkpoint_every,
        data_dir=data_dir, task=table.task_name(), validation=validation,
        is_strict=table.strict, memory_limit=limit,
    )  # fmt: skip


def _resumed(
    run: str,
    data: str | None,
    data_dir: str | None,
    changes: dict[str, Any],
    checkpoint_every: str | None,
) -> "RunConfiguration":
    """The configuration of the run in a folder, with what the flags say of it."""
    from multilayer.fit.moved_data import is_there
    from multilayer.runs.configuration import RunConfiguration
    from multilayer.runs.kind_of_data import require_dataset, require_table

    saved = RunConfiguration.saved_in(run)
    if data is not None:
        require = require_dataset if saved.roles is None else require_table
        require(run, "images" if saved.roles is None else "a table", data)
    if data is None and saved.roles is not None and not is_there(saved.data):
        raise SettingsError(
            f"{saved.data}, which the run {run} was begun with, is not there any more; name "
            f"where it is now: {own_command('train', 'TABLE', '--resume', Path(run))}"
        )
    return saved.changed(
        changes,
        data=data or saved.data,
        data_dir=data_dir or saved.data_dir,
        checkpoint_every=checkpoint_every,
    )


def _train_with_the_first(changes: dict[str, Any]) -> int:
    """Be another one than the first of several processes: this one prints and writes nothing."""
    from multilayer.runs.configuration import RunConfiguration

    with job(changes.get("device")), warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the first one says them
        from multilayer.runs.received_source import ReceivedSource

        source = ReceivedSource(RunConfiguration(""))
        for _ in source.prepare():
            pass
        if source.is_over:
            return exit_codes.SUCCESS
        is_finished = False
        try:
            with stop_on_interrupt() as stop:
                for record in source.fit.epochs(stop):
                    is_finished = not record.is_interrupted
                is_finished &= not stop.is_set()
        finally:
            source.close(is_finished=is_finished)
    return exit_codes.SUCCESS if is_finished else stop.exit_code


def _run(run: "Run", quiet: bool, stop: Stop) -> dict[str, Any]:
    """Train to the end, and show it; the results."""
    is_shown = not quiet
    if is_shown:
        print_plan(run)
    for text in (*run.source.notes, *run.notes):
        note(text)
    if run.settings.num_draws:
        from multilayer.cli.pack import show_pack
        from multilayer.pack.pack_fit import PackFit

        assert isinstance(run.fit, PackFit)
        show_pack(run.epochs(stop), run.fit, not is_shown)
    else:
        show_epochs(run.epochs(stop), run.fit, not is_shown)
    results = run.score()
    _print_results(run, results, quiet)
    run.draw()  # nobody waits for pictures to see how good the network is
    if not quiet:
        if run.source.examined is not None:
            print_diagnoses(run.path, run.source.examined)
        _print_folder(run, results)
    return results


def _refuse_beside_resume(flags: Mapping[str, Any]) -> None:
    for name, value in flags.items():
        if value:
            raise SettingsError(f"{name} does not go with --resume: the run has its own")


def _print_results(run: "Run", results: dict[str, Any], quiet: bool) -> None:
    if not quiet and results["status"] == "interrupted":
        of_all = "" if run.settings.num_draws else f" of {run.settings.max_epochs}"
        say(f"interrupted after {len(run.history)}{of_all} epochs")
        if run.settings.refit:
            say("the second network, on all rows, is not trained: the model is the first alone")
    print_scores(run, results, quiet)
    if not quiet and results["pack"] is not None:
        from multilayer.cli.pack import print_pack

        print_pack(results["pack"])
    if not quiet:
        kept = kept_in_words(results, run.settings.max_epochs) + second_network_in_words(run.fit)
        say(f"trained in {results['train_seconds']:.1f} s{kept}", flush=True)


def _print_folder(run: "Run", results: dict[str, Any]) -> None:
    assert run.folder is not None
    is_image_run = run.source.configuration.kind == "images"
    following = own_command("evaluate", run.path)
    if not is_image_run:
        following = own_command("predict", run.path, "NEW.csv")
    can_go_on = str(run.source.configuration.data) != STANDARD_INPUT
    if results["status"] == "interrupted" and can_go_on:
        following = own_command("train", "--resume", run.path)
    if limit := run.settings.time_limit:
        from multilayer.pack.pack_fit import PackFit

        if isinstance(run.fit, PackFit):
            say(f"took {in_words(run.fit.seconds_spent)} of {in_words(limit)}")
    say(f"{run.path}: {', '.join(run.folder.names())}\nnext: {following}")
