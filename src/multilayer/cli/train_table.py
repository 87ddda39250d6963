"""`multilayer train` on a table."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from multilayer.cli import exit_codes
from multilayer.cli.doctor import print_diagnoses
from multilayer.cli.epochs import epochs_in_words, place_in_words, show_epochs
from multilayer.cli.interrupts import stop_on_interrupt
from multilayer.cli.own_name import own_command
from multilayer.cli.preparation import show_preparation
from multilayer.cli.table_flags import TableFlags
from multilayer.cli.terminal import listed, note, print_table, say
from multilayer.errors import escaped
from multilayer.reading.byte_stream import STANDARD_INPUT

if TYPE_CHECKING:
    from multilayer.encoding.targets import Targets
    from multilayer.runs.saved_run import SavedRun
    from multilayer.runs.table_run import TableRun

_MOST_COLUMNS_SHOWN = 40
_MOST_CLASSES_SHOWN = 10
_MOST_EPOCHS_SHOWN = 8


def train_table(
    data: str,
    flags: TableFlags,
    recipe: str,
    changes: dict[str, Any],
    output: str | None,
    quiet: bool,
    checkpoint_every: str | None,
) -> int:
    """Fit a table, show how it goes, and leave a run folder."""
    from multilayer.fit.large_table import LargeTable
    from multilayer.fit.table_size import choose_memory_limit
    from multilayer.runs.table_run import TableRun

    validation, held_out = flags.validation_file_and_settings()
    limit = flags.memory_limit_bytes()
    if limit is None and flags.time_column is None:
        limit = _noted(choose_memory_limit(data))
    options: dict[str, Any] = {
        "task": flags.task_name(),
        "recipe_name": recipe,
        "changes": {**changes, **held_out},
        "validation": validation,
        "is_strict": flags.strict,
    }
    if limit is None:
        run = TableRun(data, flags.roles(), output, checkpoint_every=checkpoint_every, **options)
    else:
        large = LargeTable(data, flags.roles(), limit, **options)
        show_preparation(large, quiet)
        run = TableRun.of_large(large, output, checkpoint_every=checkpoint_every)
    return _fit(run, quiet)


def resume_table(saved: "SavedRun", folder: str, quiet: bool, checkpoint_every: str | None) -> int:
    """Go on with the run on a table in a folder, show how it goes, and leave the folder whole."""
    from multilayer.fit.large_table import LargeTable
    from multilayer.runs.table_run import TableRun

    assert saved.table is not None
    options: dict[str, Any] = {
        "task": saved.table.task,
        "recipe_name": saved.recipe_name,
        "changes": asdict(saved.settings),
        "validation": saved.table.validation,
    }
    going_on: dict[str, Any] = {"checkpoint_every": checkpoint_every, "is_resumed": True}
    roles, limit = saved.table.roles, saved.table.memory_limit
    if limit is None:
        run = TableRun(saved.data, roles, folder, **options, **going_on)
    else:
        large = LargeTable(saved.data, roles, limit, **options)
        show_preparation(large, quiet)
        run = TableRun.of_large(large, folder, **going_on)
    return _fit(run, quiet)


def _fit(run: "TableRun", quiet: bool) -> int:
    if not quiet:
        _print_plan(run)
    for text in (*run.source.schema.warnings, *run.notes):
        note(text)
    with run.folder, stop_on_interrupt() as stop:
        show_epochs(run.epochs(stop), run.history, run.settings.max_epochs, quiet)
        results = run.finish()
        _print_results(run, results, quiet)
    if run.encoded_rows is not None and results["status"] == "interrupted":
        note(f"the encoded rows stay in {run.encoded_rows} to go on with")
    return stop.exit_code if results["status"] == "interrupted" else exit_codes.SUCCESS


def _noted(limit: int | None) -> int | None:
    if limit is not None:
        say(
            f"note: the table is large for this machine's memory; it is trained from the disk "
            f"within --memory-limit {limit // 10**6}MB",
            file=sys.stderr,
        )
    return limit


def _print_plan(run: "TableRun") -> None:
    fit, source = run.fit, run.source
    settings, spec, schema = run.settings, fit.network.spec, source.schema
    left_out = (
        f" ({source.num_without_target:,} more have no target)" if source.num_without_target else ""
    )
    target = listed(fit.targets.names)
    say(f"{escaped(run.data)}: {source.num_rows:,} rows{left_out}, {fit.targets.task} of {target}")
    if fit.targets.class_counts:
        say(_classes_in_words(fit.targets))
    rows = schema.rows()
    print_table(["column", "kind", "why"], rows[:_MOST_COLUMNS_SHOWN], num_text_columns=3)
    if len(rows) > _MOST_COLUMNS_SHOWN:
        say(f"and {len(rows) - _MOST_COLUMNS_SHOWN} more")
    members = f"{fit.network.num_members} networks of " if fit.network.num_members > 1 else ""
    say(
        f"\nnetwork: {members}{'-'.join(map(str, spec.widths))}, {spec.activation}, "
        f"{spec.num_parameters:,} parameters\n"
        f"training: {fit.recipe_name}, {settings.optimizer}, learning rate "
        f"{settings.learning_rate:g}, batches of {settings.batch_size}, "
        f"{epochs_in_words(settings.max_epochs)}, seed {settings.seed}, {_held_out(run)}"
        f"{place_in_words(run.place)}",
        flush=True,
    )


def _classes_in_words(targets: "Targets") -> str:
    """How many rows each class has, those of the most frequent ones first."""
    pairs = sorted(
        zip(targets.class_counts, map(str, targets.classes), strict=True), key=lambda pair: -pair[0]
    )
    shown = [f"{escaped(label)} {count:,}" for count, label in pairs[:_MOST_CLASSES_SHOWN]]
    more = len(pairs) - len(shown)
    return f"classes: {', '.join(shown)}{f' and {more:,} more' if more else ''}"


def _held_out(run: "TableRun") -> str:
    held_out = run.fit.num_held_out
    if run.settings.num_folds:
        return f"{run.settings.num_folds} folds held out in turn"
    if held_out is not None:
        return f"{held_out:,} rows held out"
    return "measured on rows of their own" if run.fit.has_own_validation else "no rows held out"


def _print_results(run: "TableRun", results: dict[str, Any], quiet: bool) -> None:
    from multilayer.fit.fitting import TableFit
    from multilayer.metrics.table_scores import absent_in_words

    scores = in_words(results["validation"])
    if results["absent_classes"]:
        note(absent_in_words(results["absent_classes"], len(run.fit.targets.classes)))
    if quiet:
        say(f"{scores}, {run.folder.path}" if scores else run.folder.path)
        return
    if results["status"] == "interrupted":
        say(f"interrupted after {len(run.history)} of {epochs_in_words(run.settings.max_epochs)}")
    if scores:
        say(f"on held-out rows: {scores}")
        say(f"the best constant answer: {baseline_in_words(results['validation'])}")
    kept = kept_in_words(results, run.settings.max_epochs)
    say(f"trained in {results['train_seconds']:.1f} s{kept}")
    if isinstance(run.fit, TableFit):  # the doctor looks at rows in memory
        print_diagnoses(run.folder.path, run.fit)
    names = ", ".join(run.folder.names())
    path = run.folder.path
    following = own_command("predict", path, "NEW.csv")
    if results["status"] == "interrupted" and str(run.data) != STANDARD_INPUT:
        following = own_command("train", "--resume", path)
    say(f"{path}: {names}\nnext: {following}")


def in_words(scores: Sequence[dict[str, Any]]) -> str:
    """Scores with their intervals, in one line."""
    from multilayer.metrics.table_scores import figure

    return ", ".join(
        f"{score['name']} {figure(score['value'])} ({figure(score['low'])} to "
        f"{figure(score['high'])})"
        for score in scores
        if score["value"] is not None
    )


def baseline_in_words(scores: Sequence[dict[str, Any]]) -> str:
    """The same scores of the best constant answer, in one line."""
    from multilayer.metrics.table_scores import figure

    return ", ".join(
        f"{score['name']} {figure(score['baseline'])}"
        for score in scores
        if score["value"] is not None and score.get("baseline") is not None
    )


def kept_in_words(results: dict[str, Any], max_epochs: int) -> str:
    """Which epochs' networks were kept, if they were chosen."""
    kept = [epoch for epoch in results["best_epochs"] or () if epoch]
    if not kept:
        return ""
    shown = ", ".join(map(str, kept[:_MOST_EPOCHS_SHOWN]))
    more = ", …" if len(kept) > _MOST_EPOCHS_SHOWN else ""
    return f", kept epoch{'' if len(kept) == 1 else 's'} {shown}{more} of {max_epochs}"
