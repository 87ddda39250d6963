"""`multilayer verify`."""

import sys

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import Seed, WholeNumber
from multilayer.cli.terminal import print_table, say


def verify(
    data: str = "fashion-mnist",
    /,
    *,
    steps: WholeNumber = 200,
    seed: Seed = 0,
    data_dir: str | None = None,
) -> int:
    """Show that the book's two networks and the engine are the same thing.

    Trains the chapter's network in its three forms from the same weights on the same batches and
    prints the largest difference in each quantity. Exits 1 if one is over its tolerance.

    Args:
        data: 'fashion-mnist', 'digits' or an MNIST-like folder.
        steps: batches of 256 to train on.
        seed: address of the weights and the order of the batches.
        data_dir: folder to look for the data set's files in first.
    """
    from multilayer.proofs.verify import verify as compare_forms

    agreements = compare_forms(data, num_steps=steps, seed=seed, data_dir=data_dir)
    say(
        "Largest absolute difference to the network of torch.nn and torch.optim (MLP), of the\n"
        "network from scratch (MLPScratch), of the engine, of one of three networks that the\n"
        "engine trains together, of the engine in two processes that divide each batch, and of\n"
        "the engine's compiled code, where there is some; that does not tell its outputs. The\n"
        "rows 'on disk' hold the parameters of two processes that read chunks of rows from the\n"
        "disk, each its part, to those of one process that does.\n"
        "float64 shows that the mathematics is the same; in float32, rounding puts a neuron now\n"
        "and then on the other side of zero, where ReLU bends, and after many steps the networks\n"
        "have parted a little."
    )
    for precision in dict.fromkeys(row.precision for row in agreements):
        print_table(
            [precision, "steps", "scratch", "engine", "of 3", "in 2", "code", "limit", ""],
            [
                [
                    row.quantity,
                    str(row.num_steps),
                    *(
                        "–" if difference is None else f"{difference:.0e}"
                        for difference in (
                            row.scratch,
                            row.engine,
                            row.population,
                            row.two_processes,
                            row.compiled,
                        )
                    ),
                    f"{row.tolerance:.0e}",
                    "agree" if row.holds else "OVER",
                ]
                for row in agreements
                if row.precision == precision
            ],
        )
    num_over = sum(not row.holds for row in agreements)
    if num_over:
        sys.stdout.flush()
        say(
            f"error: {num_over} of {len(agreements)} quantities differ by more than the tolerance",
            file=sys.stderr,
        )
        return exit_codes.FAILED
    say(f"\nall {len(agreements)} quantities agree")
    return exit_codes.SUCCESS
