"""`multilayer picture`."""

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import OptionalOutput
from multilayer.cli.terminal import note, say


def picture(
    source: str,
    data: str | None = None,
    /,
    *,
    settings: str | None = None,
    output: OptionalOutput = None,
) -> int:
    """Show how a network learned: its decision regions or first weights, and the loss surface.

    The training is done once more, from the same first weights on the same batches, and looked at
    after each epoch. A run on pictures gives first_layer_epochs.png and .gif; a problem in the
    plane, and a run on a table with two numeric columns and a class to predict, regions.png, .svg
    and .gif; all give loss_surface.png and .svg, with the way over it. Of a run with several
    networks the first is shown.

    Args:
        source: a run folder of `multilayer train`, or a problem in the plane: spirals,
            moons, circles or xor.
        data: what the run was trained on, if that has moved.
        settings: for a problem in the plane, such as hidden_widths=8,activation=relu.
        output: folder for the pictures; it must be empty or not there yet. Left out:
            runs/picture-NAME-001 and on.
    """
    asked = f"picture {locals()}"
    from multilayer.diagnostics.learning import learning_of, save_pictures, snapshots_of
    from multilayer.runs.run_folder import RunFolder

    learning = learning_of(source, settings or "", data)
    with RunFolder(output, f"picture-{learning.name}", asked=asked) as folder:
        for text in save_pictures(learning, list(snapshots_of(learning)), folder.path):
            note(text)
    names = ", ".join(folder.names())
    say(f"{folder.path}: {names}")
    return exit_codes.SUCCESS
