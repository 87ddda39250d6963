"""What a run trains on what, and how good it became, for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from multilayer.cli.epochs import epochs_in_words, place_in_words
from multilayer.cli.terminal import listed, note, print_table, say
from multilayer.errors import escaped

if TYPE_CHECKING:
    from multilayer.encoding.targets import Targets
    from multilayer.fit.fit import Fit
    from multilayer.runs.run import Run
    from multilayer.runs.sources import ImageSource, TableRunSource

_MOST_COLUMNS_SHOWN = 40
_MOST_CLASSES_SHOWN = 10
_MOST_EPOCHS_SHOWN = 8


def print_plan(run: "Run") -> None:
    """Say what is trained on what. Of images this does not wait for PyTorch."""
    source, settings, spec = run.source, run.settings, run.source.spec
    from multilayer.runs.sources import ImageSource, TableRunSource

    recipe = held_out = ""
    if isinstance(source, ImageSource):
        _print_images(source)
    if isinstance(source, TableRunSource):
        recipe, held_out = f"{source.configuration.recipe}, ", _print_table(source)
    num_networks = max(settings.num_members, settings.num_folds)
    members = f"{num_networks} networks of " if num_networks > 1 else ""
    what, epochs = "network", epochs_in_words(settings.max_epochs)
    if settings.num_draws:
        from multilayer.pack.pack_plan import plan_in_words

        recipe = f"{source.configuration.recipe}, "
        is_of_images = source.configuration.kind == "images"
        what, epochs = "first draw", f"{epochs} a draw"
        say(*plan_in_words(settings, is_of_images=is_of_images), sep="\n")
    say(
        f"{what}: {members}{'-'.join(map(str, spec.widths))}, {spec.activation}, "
        f"{spec.num_parameters:,} parameters\n"
        f"training: {recipe}{settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"batches of {settings.batch_size}, {epochs}, "
        f"seed {settings.seed}{held_out}{place_in_words(run.place)}",
        flush=True,
    )
    if settings.time_limit and (planned := run.fit.plan):
        say(planned, flush=True)


def _print_images(source: "ImageSource") -> None:
    dataset = source.dataset
    say(
        f"{dataset.name}: {len(dataset.train):,} pictures to train on, {len(dataset.test):,} to "
        f"test on, from {dataset.source}"
    )


def _print_table(source: "TableRunSource") -> str:
    """Say what the table is; which rows are held out, as the end of a sentence."""
    rows, fit = source.rows, source.fit
    left_out = (
        f" ({rows.num_without_target:,} more have no target)" if rows.num_without_target else ""
    )
    say(
        f"{escaped(source.configuration.data)}: {rows.num_rows:,} rows{left_out}, "
        f"{fit.targets.task} of {listed(fit.targets.names)}"
    )
    if fit.targets.class_counts:
        say(_classes_in_words(fit.targets))
    columns = rows.schema.rows()
    print_table(["column", "kind", "why"], columns[:_MOST_COLUMNS_SHOWN], num_text_columns=3)
    if len(columns) > _MOST_COLUMNS_SHOWN:
        say(f"and {len(columns) - _MOST_COLUMNS_SHOWN} more")
    say()
    if source.settings.num_folds:
        return f", {source.settings.num_folds} folds held out in turn"
    if fit.num_held_out is not None:
        again = ", then a second network on all rows" if source.settings.refit else ""
        return f", {fit.num_held_out:,} rows held out{again}"
    return ", measured on rows of their own" if fit.has_own_validation else ", no rows held out"


def _classes_in_words(targets: "Targets") -> str:
    """How many rows each class has, those of the most frequent ones first."""
    pairs = sorted(
        zip(targets.class_counts, map(str, targets.classes), strict=True), key=lambda pair: -pair[0]
    )
    shown = [f"{escaped(label)} {count:,}" for count, label in pairs[:_MOST_CLASSES_SHOWN]]
    more = len(pairs) - len(shown)
    return f"classes: {', '.join(shown)}{f' and {more:,} more' if more else ''}"


def print_scores(run: "Run", results: dict[str, Any], quiet: bool) -> None:
    """Say how good the networks are: of images on test rows, of a table on held-out rows."""
    from multilayer.runs.sources import TableRunSource

    source = run.source
    if not isinstance(source, TableRunSource):
        accuracy, loss = results["test"]
        line = (
            f"test accuracy {accuracy['value']:.4f} (95% interval {accuracy['low']:.4f} to "
            f"{accuracy['high']:.4f}), test loss {loss['value']:.4f}"
        )
        say(f"{line}, {run.path}" if quiet else line, flush=True)
        return
    from multilayer.metrics.scores import absent_in_words

    scores = in_words(results["validation"])
    if results["absent_classes"]:
        note(absent_in_words(results["absent_classes"], len(source.fit.targets.classes)))
    if quiet:
        say(f"{scores}, {run.path}" if scores else run.path)
    elif scores:
        say(f"on held-out rows: {scores}")
        say(f"the best constant answer: {baseline_in_words(results['validation'])}")


def in_words(scores: Sequence[dict[str, Any]]) -> str:
    """Scores with their intervals, in one line."""
    from multilayer.metrics.scores import figure

    return ", ".join(
        f"{score['name']} {figure(score['value'])} ({figure(score['low'])} to "
        f"{figure(score['high'])})"
        for score in scores
        if score["value"] is not None
    )


def baseline_in_words(scores: Sequence[dict[str, Any]]) -> str:
    """The same scores of the best constant answer, in one line."""
    from multilayer.metrics.scores import figure

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


def second_network_in_words(fit: "Fit") -> str:
    """That a second network learned from all rows, if one did."""
    from multilayer.fit.refit import Refit

    if not isinstance(fit, Refit) or fit.second is None:
        return ""
    epochs = epochs_in_words(fit.num_second_epochs)
    return f"; a second network learned from all {fit.num_rows:,} rows for {epochs}"
