"""`multilayer tune`."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import DataArgument, OptionalOutput, WholeNumber
from multilayer.cli.interrupts import Stop, stop_on_interrupt
from multilayer.cli.job import is_first, is_one_of_several, job, let_others_end
from multilayer.cli.run_in_words import in_words
from multilayer.cli.setting_flags import QUIET, TABLE_GROUP, FlagsWithoutPack, given
from multilayer.cli.table_flags import ALL_ROWS_IN_MEMORY, TableFlags
from multilayer.cli.terminal import listed, note, own_command, print_table, say
from multilayer.cli.tune_progress import show_search
from multilayer.errors import DataWarning, SettingsError, escaped

if TYPE_CHECKING:
    from multilayer.experiments.tune.tune_run import TuneResult, TuneRun


def tune(
    data: DataArgument,
    /,
    *,
    table: Annotated[TableFlags, Parameter(name="*", group=TABLE_GROUP)] = TableFlags(),  # noqa: B008 (frozen)
    time: str | None = None,
    trials: WholeNumber | None = None,
    recipe: str | None = None,
    output: OptionalOutput = None,
    data_dir: str | None = None,
    storage: str | None = None,
    study: str | None = None,
    settings: Annotated[FlagsWithoutPack, Parameter(name="*")] = FlagsWithoutPack(),  # noqa: B008 (frozen)
    quiet: Annotated[bool, QUIET] = False,
) -> int:
    """Search for good settings for a table or images, and leave a run folder with the best.

    A fifth of a table's rows is set aside first and never looked at, for the estimate at the end;
    of images these are the test images. Trials
    differ in recipe, depth, width, epochs, learning rate, dropout and weight decay, and are trained
    in groups of one shape; those that are hopeless are given up. The best three are fitted again in
    five folds, and the networks of the best of these are the model.

    Ctrl-C stops after the current batch. The same command goes on with a study that was stopped or
    killed; given a second time meanwhile, also on another machine with the same --storage, it helps
    with the study. Trials of a process that is gone are tried again. Started by torchrun, several
    processes train each trial together.

    For example:

    multilayer tune houses.csv --target price --time 10m

    multilayer tune houses.csv --target price --trials 64 --recipe fast --dropout 0

    multilayer tune digits --time 5m

    multilayer tune houses.csv --target price --storage postgresql://user@host/studies

    torchrun --nproc-per-node=2 -m multilayer tune houses.csv --target price --storage ...

    Args:
        data: a table as CSV, Parquet, Arrow or JSON lines; or 'fashion-mnist', 'digits' or the path
            of an MNIST-like folder of idx files.
        time: to search, such as 90s, 10m or 1h30m; choosing takes some more. Left out: until the
            trials are done, and 10m if --trials is left out too.
        trials: how many, those of earlier and of other processes included; with --time too,
            whichever comes first.
        recipe: 'default', 'fast' or 'chapter'; left out, the first two are tried.
        output: the run folder: new, or that of the study to go on with. Left out: the last of
            runs/tune-NAME-001 and on that has no result yet, or else the next one.
        data_dir: folder to look for the data set's files in first.
        storage: database to keep the study in, such as sqlite:///study.db or
            postgresql://user:password@host/name. Left out: a journal in the run folder.
        study: its name in the storage; left out: tune-NAME-TARGET, of images tune-NAME.
        quiet: print the result alone.
    """
    if is_one_of_several() and not is_first():
        return _help_the_first(given(settings))
    with job(given(settings).get("device")):
        run = _opened(data, table, time, trials, recipe, output, data_dir, storage, study, settings)
        try:
            code = _run(run, quiet)
        finally:
            run.close()
        let_others_end()
    return code


def _help_the_first(pinned: dict[str, Any]) -> int:
    """Be another one than the first of several processes: this one prints and writes nothing."""
    with job(pinned.get("device")), warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the first one says them
        from multilayer.runs.received_source import ReceivedFit
        from multilayer.runs.shared_training import share_in_all

        with stop_on_interrupt() as stop:
            share_in_all(lambda task: ReceivedFit(task).epochs(stop))
    return stop.exit_code if stop.is_set() else exit_codes.SUCCESS


def _opened(
    data: str,
    table: TableFlags,
    time: str | None,
    trials: int | None,
    recipe: str | None,
    output: str | None,
    data_dir: str | None,
    storage: str | None,
    study: str | None,
    settings: FlagsWithoutPack,
) -> "TuneRun":
    """What the flags ask for."""
    from multilayer.images.datasets import require_target

    require_target(data, has_target=bool(table.target))
    table.require_none_without_target()
    if table.memory_limit is not None:
        raise SettingsError(f"--memory-limit does not go with tune: {ALL_ROWS_IN_MEMORY}")
    validation, held_out = table.validation_file_and_settings()
    if validation is not None:
        raise SettingsError(
            f"tune divides the rows itself; --validation may be a fraction, not {validation!r}"
        )
    pinned = {**given(settings), **held_out}
    from multilayer.experiments.tune.budget import Budget, read_seconds
    from multilayer.experiments.tune.tune_run import TuneRun

    seconds = None if time is None else read_seconds(time)
    roles = table.roles() if table.target else None
    return TuneRun(
        data, roles, output, budget=Budget(seconds, trials), storage=storage, study=study,
        task=table.task_name(), recipe=recipe, seed=pinned.pop("seed", 0), settings=pinned,
        is_strict=table.strict, data_dir=data_dir,
    )  # fmt: skip


def _run(run: "TuneRun", quiet: bool) -> int:
    for warning in run.rows.notes:
        note(warning)
    if not quiet:
        _print_plan(run)
    with stop_on_interrupt() as stop:
        show_search(run.search(stop), quiet)
        if stop.is_set():
            return _interrupted(run, stop)
        if not run.is_choosing:
            say(f"another process makes the choice, in {run.folder.path}")
            return exit_codes.SUCCESS
        result = _choose(run, stop, quiet)
        if result is None:
            return _interrupted(run, stop)
        _print_result(run, result, quiet)
    return exit_codes.SUCCESS


def _print_plan(run: "TuneRun") -> None:
    from multilayer.experiments.tune import words

    rows, known = run.rows, run.tally()
    if not run.is_choosing:
        doing = "helping another process with its study"
    elif run.is_new:
        doing = "a new study"
    else:
        doing = f"going on after {words.counts(known)}"
    unknown = (
        f"; {rows.num_unknown} more have a class that no other row has, and are left out"
        if rows.num_unknown
        else ""
    )
    if rows.roles is None:
        what = (
            f"{len(rows.searched):,} training images to search with, {len(rows.set_aside):,} test"
        )
        what += " images set aside"
    else:
        what = f"{rows.task} of {listed(rows.roles.target)}, {len(rows.searched):,} rows to search "
        what += f"with, {len(rows.set_aside):,} set aside{unknown}"
    say(
        f"{escaped(rows.data)}: {what}\n{run.place}: {doing}",
        flush=True,
    )


def _choose(run: "TuneRun", stop: Stop, quiet: bool) -> "TuneResult | None":
    from multilayer.experiments.tune.finalists import NUM_FOLDS, Finalist

    for found in run.choose(stop):
        if not isinstance(found, Finalist):
            return found
        if not quiet:
            say(
                f"trial {found.trial.number} in {NUM_FOLDS} folds: loss {found.loss:.4f} "
                f"({found.trial.loss:.4f} in the search)",
                flush=True,
            )
    return None


def _print_result(run: "TuneRun", result: "TuneResult", quiet: bool) -> None:
    from multilayer.experiments.tune import words

    scores = in_words([score.to_json() for score in result.scores])
    if quiet:
        say(f"{scores}, {result.folder}")
        return
    known = run.tally()
    print_table(words.best_headers(known.best), words.best_rows(known.best), num_text_columns=1)
    number = result.results["trial"]["number"]
    noun, following = "rows", own_command("predict", Path(result.folder), "NEW.csv")
    if run.rows.kind == "images":
        noun, following = "test images", own_command("evaluate", Path(result.folder))
    say(
        f"\n{words.counts(known)}; {words.importance_line(result.results['importance'], known)}\n"
        f"chosen: trial {number}, {words.params_in_words(result.params)}\n"
        f"on {len(run.rows.set_aside):,} {noun} that the search never saw: {scores}\n"
        f"{result.folder}: {', '.join(run.names())}\n"
        f"next: {following}"
    )


def _interrupted(run: "TuneRun", stop: Stop) -> int:
    from multilayer.experiments.tune import words

    known = run.tally()
    best = f"; the best: {words.best_line(known.best[0])}" if known.best else ""
    say(
        f"interrupted after {words.counts(known)}{best}\n"
        f"the study is kept in {run.place}; the same command goes on"
    )
    return stop.exit_code
