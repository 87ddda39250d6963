"""`multilayer encode`."""

from typing import Annotated

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import DataArgument, Output, WholeNumber
from multilayer.cli.epochs import show_steps
from multilayer.cli.setting_flags import QUIET, TABLE_GROUP, EncodingFlags, given
from multilayer.cli.table_flags import TableFlags
from multilayer.cli.terminal import own_command, say
from multilayer.errors import SettingsError

_USUAL_LIMIT_BYTES = 2 * 10**9


def encode(
    data: DataArgument,
    /,
    *,
    output: Output,
    recipe: str = "default",
    processes: WholeNumber | None = None,
    table: Annotated[TableFlags, Parameter(name="*", group=TABLE_GROUP)] = TableFlags(),  # noqa: B008 (frozen)
    settings: Annotated[EncodingFlags, Parameter(name="*")] = EncodingFlags(),  # noqa: B008 (frozen)
    quiet: Annotated[bool, QUIET] = False,
) -> int:
    """Encode a table of any size into shards, which `multilayer train` learns from.

    The table is read once to decide how its columns are encoded, and once more to encode them, by
    several processes; the same table and flags give the same shards, however many processes there
    are. Stopped or killed, the same command goes on: at most the shards that were being written are
    made again.

    For example:

    multilayer encode 'sales/*.parquet' --target price --output shards

    multilayer train shards

    Args:
        data: a table: a file, a folder of files, or a pattern of files in quotes.
        output: the folder for the shards; it must be empty, not there yet, or have been begun by
            the same command.
        recipe: that will be trained with; it says how many rows are held out.
        processes: how many encode side by side; left out: one for each core. A text file is
            encoded by one.
        quiet: print nothing.
    """
    from pathlib import Path

    from multilayer.engine.machine import num_usable_cores
    from multilayer.fit.encode_table import TableEncoding
    from multilayer.shards.shard_folder import Manifest

    if not table.target:
        raise SettingsError("name the column to predict with --target")
    if processes is not None and processes < 1:
        raise SettingsError(f"--processes must be at least 1, it is {processes}")
    validation, held_out = table.validation_file_and_settings()
    if validation is not None:
        raise SettingsError(
            f"--validation must be the fraction of rows to hold out, such as 0.1, not "
            f"{validation!r}: a file of validation rows does not go with shards"
        )
    folder = Path(output).expanduser()
    encoding = TableEncoding(
        data, table.roles(), table.memory_limit_bytes() or _USUAL_LIMIT_BYTES,
        task=table.task_name(), recipe_name=recipe, changes={**given(settings), **held_out},
        is_strict=table.strict,
    )  # fmt: skip
    num_processes = processes or num_usable_cores()
    try:
        show_steps(encoding.steps(folder, num_processes), quiet)
    finally:
        encoding.release()
    if not quiet:
        manifest = Manifest.read(folder)
        entries = manifest.entries
        num_bytes = sum(entry.num_bytes for entry in entries)
        held_out_rows = sum(entry.num_held_out for entry in entries)
        say(
            f"{output}: {len(entries):,} shards, {manifest.about['num_rows']:,} rows of "
            f"{manifest.plan.row_bytes:,} bytes, {num_bytes / 1e6:,.1f} MB; {held_out_rows:,} of "
            f"the rows are held out\nnext: {own_command('train', output)}"
        )
    return exit_codes.SUCCESS
