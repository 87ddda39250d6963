"""`multilayer compare`."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import DataArgument, OptionalOutput, Seed, WholeNumber
from multilayer.cli.arguments_left import too_many_files
from multilayer.cli.interrupts import stop_on_interrupt
from multilayer.cli.setting_flags import QUIET, TABLE_GROUP
from multilayer.cli.table_flags import TableFlags
from multilayer.cli.terminal import print_table, say
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.experiments.comparison import Comparison
    from multilayer.experiments.problem import MetricName

_METRICS: "dict[str, MetricName]" = {
    "accuracy": "accuracy", "loss": "loss", "rmse": "RMSE", "r2": "R²",
}  # fmt: skip


def compare(
    data: DataArgument,
    /,
    *settings: str,
    table: Annotated[TableFlags, Parameter(name="*", group=TABLE_GROUP)] = TableFlags(),  # noqa: B008 (frozen)
    recipe: str | None = None,
    metric: Literal["accuracy", "loss", "rmse", "r2"] | None = None,
    matters: float | None = None,
    max_seeds: WholeNumber = 40,
    held_out: float = 0.2,
    seed: Seed = 0,
    output: OptionalOutput = None,
    data_dir: str | None = None,
    quiet: Annotated[bool, QUIET] = False,
) -> int:
    """Find out which settings are better, over as many seeds as it takes.

    All settings get the same seeds, batches and rows held out to score on; the seeds of each are
    trained together. After 5, 10, 20, … seeds the comparison looks at the differences, and stops
    when each pair has a verdict: one is better, or no difference larger than --matters. The
    intervals hold at all looks together with 95%. The test rows are left alone. Ctrl-C stops with
    what the last look gave.

    Args:
        data: 'fashion-mnist', 'digits', the path of an MNIST-like folder of idx files, or a table
            whose --target is to be predicted.
        settings: two or more, such as chapter hidden_widths=512,256,dropout=0.2: a recipe's name,
            changes to --recipe as name=value with commas between, or both.
        recipe: the settings that are changed; left out: chapter, and default for tables.
        metric: what is compared on the rows held out: accuracy or loss of classes, rmse or r2 of
            numbers; left out: accuracy or rmse.
        matters: the smallest difference that matters; left out: 0.002 of accuracy, 0.005 of loss
            or r2, a hundredth of the target's standard deviation of rmse.
        max_seeds: limit, at which a pair may stay undecided; at least 5.
        held_out: share of the training rows to score on, other ones for each seed.
        seed: the first one.
        output: folder for the tables and pictures; it must be empty or not there yet. Left out:
            runs/compare-DATA-001 and on.
        data_dir: folder to look for the data set's files in first.
        quiet: print the paragraph alone.
    """
    asked = f"compare {locals()}"
    from multilayer.experiments.compare import compare as find_better
    from multilayer.experiments.comparison_folder import save_comparison
    from multilayer.experiments.comparison_words import paragraph
    from multilayer.runs.run_folder import RunFolder

    if reason := too_many_files("compare", settings):
        raise SettingsError(reason)
    target = table.roles_of_all_rows("--held-out says what is held out")
    with (
        stop_on_interrupt() as stop,
        RunFolder(output, f"compare-{_last_part(data)}", asked=asked) as folder,
    ):
        last = find_better(
            data, *settings, target=target, task=table.task_name(), recipe=recipe,
            metric=_METRICS.get(metric or ""), matters=matters, max_seeds=max_seeds,
            held_out=held_out, seed=seed, data_dir=data_dir, stop=stop,
            on_look=None if quiet else _print_progress,
        )  # fmt: skip
        if not last.pairs:
            folder.remove_if_empty()
            say("interrupted before the first look; nothing is known yet", file=sys.stderr)
            return stop.exit_code
        save_comparison(last, folder)
    if not quiet:
        _print_tables(last)
        say()
    say(paragraph(last))
    if not quiet:
        names = ", ".join(folder.names())
        say(f"{folder.path}: {names}")
    return stop.exit_code if last.is_interrupted else exit_codes.SUCCESS


def _print_progress(comparison: "Comparison") -> None:
    if comparison.is_final:
        return
    num_open = sum(pair.verdict == "undecided" for pair in comparison.pairs)
    pairs = f"{num_open} of {len(comparison.pairs)} pairs"
    say(f"after {comparison.num_seeds} seeds: {pairs} undecided", flush=True)


def _print_tables(comparison: "Comparison") -> None:
    from multilayer.experiments import comparison_words

    print_table(comparison_words.headers(comparison), comparison_words.rows(comparison))
    print_table(comparison_words.pair_headers(), comparison_words.pair_rows(comparison))


def _last_part(data: str) -> str:
    return data.rstrip("/").rpartition("/")[2].partition(".")[0] or "data"
