"""`multilayer inspect`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from multilayer.cli.argument_types import OptionalDataArgument
from multilayer.cli.pack import print_mixture, print_pack
from multilayer.cli.table_flags import FormatFlags
from multilayer.cli.terminal import listed, print_table, say
from multilayer.errors import ModelFileError, SettingsError, escaped

if TYPE_CHECKING:
    from multilayer.runs.inspection import TableInspection
    from multilayer.shards.shard_folder import Manifest

_MOST_CLASSES_SHOWN = 50


def inspect(
    run: str,
    data: OptionalDataArgument = None,
    /,
    *,
    table: Annotated[FormatFlags, Parameter(name="*")] = FormatFlags(),  # noqa: B008 (frozen)
) -> int:
    """Show what a trained network expects, and which columns of a table it relies on.

    A column's importance is how much the loss rises when its values are shuffled among the rows,
    on rows that the network has not learned from.

    Args:
        run: a run folder, or a model file; or a folder of shards, which is described.
        data: for a model of tables, a file with the target column to find out with. Left out: the
            run's validation rows.
    """
    from multilayer.shards.shard_folder import Manifest, is_shard_folder

    if is_shard_folder(run):
        if data is not None:
            raise SettingsError(
                f"{run} holds encoded shards, of which there is no more to find out"
            )
        _print_shards(run, Manifest.read(Path(run).expanduser()))
        return 0
    from multilayer.model.model_file import load_predictor
    from multilayer.pack.pack_document import pack_of_details
    from multilayer.runs.kind_of_data import require_table, trained_on
    from multilayer.runs.run_folder import model_path

    model = load_predictor(model_path(run))
    try:
        pack = pack_of_details(model.details)
    except ValueError as error:
        raise ModelFileError(f"{model_path(run)} does not describe its pack: {error}") from error
    if model.image_shape is not None:
        table.require_none_for_images()
        if data is not None:
            raise SettingsError(
                f"{run} was trained on {trained_on(model)}, and inspect measures the columns of "
                f"tables alone; leave {data} out"
            )
        height, width = model.image_shape
        say(f"labels pictures of {height} x {width}\nclasses: {_classes(model.class_names)}")
        if pack is not None:
            _print_pack(pack)
        return 0
    if data is not None:
        require_table(run, trained_on(model), data)
    from multilayer.runs.inspection import inspect_table

    _print_table_model(inspect_table(run, data, table_format=table.given_format()), pack)
    return 0


def _print_shards(folder: str, manifest: "Manifest") -> None:
    about, plan = manifest.about, manifest.plan
    state = "" if manifest.is_complete else ", not complete yet: encode again to go on"
    say(
        f"{escaped(folder)}: {len(plan.shards):,} shards of {escaped(about['name'])} "
        f"({len(plan.files):,} files, {about['num_rows']:,} rows with a target){state}"
    )
    learned, held_out = (
        sum(getattr(entry, name) for entry in manifest.entries)
        for name in ("num_learned", "num_held_out")
    )
    say(
        f"predicts {listed(plan.targets.names)} ({plan.targets.task}); {learned:,} rows to learn "
        f"from, {held_out:,} held out, {plan.row_bytes:,} bytes each"
    )
    if plan.targets.classes:
        say(f"classes: {_classes(plan.targets.classes)}")
    schema, example = about["schema"], about["example"]
    needed = set(plan.encoder.column_names)
    print_table(
        ["column", "kind", "example"],
        [
            [column["name"], column["kind"], _shown(example.get(column["name"]))]
            for column in schema["columns"]
            if column["name"] in needed
        ],
        num_text_columns=3,
    )
    settled = ", ".join(f"{name} {value}" for name, value in about["settings"].items())
    say(f"\nencoded for the recipe {about['recipe']}: {settled}")


def _classes(names: Sequence[object]) -> str:
    """The names of the first classes, and how many more there are."""
    more = len(names) - _MOST_CLASSES_SHOWN
    return listed(names[:_MOST_CLASSES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _print_pack(pack: Mapping[str, Any]) -> None:
    """Say how good the mixture of a pack is, and who is in it."""
    print_pack(pack)
    print_mixture(pack)
    say("gain: by how much the mixture's loss would be more without the draw\n")


def _print_table_model(inspection: "TableInspection", pack: Mapping[str, Any] | None) -> None:
    model = inspection.model
    targets, spec = model.targets, model.spec
    say(f"predicts {listed(targets.names)} ({targets.task}) from the rows of a table")
    if targets.classes:
        say(f"classes: {_classes(targets.classes)}")
    members = f"{model.num_members} networks of " if model.num_members > 1 else ""
    if pack is not None:
        _print_pack(pack)
    which = " of the largest share" if pack else ""
    say(
        f"network{which}: {members}{'-'.join(map(str, spec.widths))}, {spec.activation}, "
        f"{spec.num_parameters:,} parameters"
    )
    example = model.details.get("example", {})
    needed = set(model.encoder.column_names)
    print_table(
        ["column", "kind", "example"],
        [
            [column.name, column.kind, _shown(example.get(column.name))]
            for column in model.table_schema.columns
            if column.name in needed
        ],
        num_text_columns=3,
    )
    if spec.category_statistics:
        names = model.table_encoder.input_names[-len(spec.category_sizes) :]
        say(f"\nthe target's mean in each category is an input too: {listed(names)}")
    unused = [column.name for column in model.table_schema.columns if column.name not in needed]
    if unused:
        say(f"\nnot used: {listed(unused)}")
    if inspection.reason:
        say(f"\nno importances: {escaped(inspection.reason)}")
        return
    say(f"\nrise of the loss when a column is shuffled, on {inspection.num_rows:,} rows:")
    print_table(
        ["column", "rise", "deviation"],
        [
            [found.column, f"{found.rise:.4f}", f"{found.deviation:.4f}"]
            for found in inspection.importances
        ],
    )


def _shown(value: object) -> str:
    return "missing" if value is None else str(value)
