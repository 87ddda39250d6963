"""A run that is trained on shards, which know their columns and target."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multilayer.errors import RunFolderError, SettingsError
from multilayer.fit.table_size import usual_memory_limit
from multilayer.runs.configuration import RunConfiguration, roles_of
from multilayer.shards.shard_folder import Manifest


def configuration_of_shards(
    shards: str | Path,
    recipe_name: str | None,
    changes: Mapping[str, Any],
    output: str | Path | None = None,
    checkpoint_every: str | None = None,
    *,
    flags: Mapping[str, Any],
    memory_limit: int | None = None,
) -> RunConfiguration:
    """The configuration of a run on a folder of shards.

    Args:
        shards: the folder.
        recipe_name: see `recipe`; None: that which they were encoded for.
        changes: settings that differ from the recipe's, by name.
        output: see `RunConfiguration`.
        checkpoint_every: see `RunConfiguration`.
        flags: what is said of the table's columns besides, by flag; there must be nothing.
        memory_limit: in bytes; None: half of the free memory.

    Raises:
        SettingsError: something is said of the columns.
        TableError: the manifest cannot be read.
    """
    for flag, value in flags.items():
        if value:
            raise SettingsError(
                f"{flag} does not go with shards: what {shards} holds was settled when it was "
                "encoded; encode the table again"
            )
    about = Manifest.read(Path(shards).expanduser()).about
    try:
        roles = roles_of({"kind": "table", "roles": about["roles"]})
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"the manifest of {shards} does not describe a table") from error
    return RunConfiguration(
        shards, roles, recipe_name or about["recipe"], changes, output, checkpoint_every,
        memory_limit=memory_limit or usual_memory_limit(),
    )  # fmt: skip
