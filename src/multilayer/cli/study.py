"""`multilayer study`."""

import sys
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from multilayer.cli import exit_codes
from multilayer.cli.argument_types import OptionalOutput, WholeNumber
from multilayer.cli.interrupts import stop_on_interrupt
from multilayer.cli.setting_flags import TABLE_GROUP
from multilayer.cli.table_flags import TableFlags
from multilayer.cli.terminal import print_table, say


def study(
    name: str,
    data: str = "fashion-mnist",
    /,
    *,
    table: Annotated[TableFlags, Parameter(name="*", group=TABLE_GROUP)] = TableFlags(),  # noqa: B008 (frozen)
    settings: str | None = None,
    seeds: WholeNumber = 5,
    matters: float | None = None,
    rows: WholeNumber | None = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    output: OptionalOutput = None,
    data_dir: str | None = None,
) -> int:
    """Answer one of the chapter's questions with a table, a picture and a paragraph.

    Each variant is trained over the same seeds and scored on training rows held out; the test rows
    are left alone. Verdicts come with 95% intervals and Holm's correction. Ctrl-C stops with a
    table of the variants that were finished.

    Args:
        name: width, depth, bottleneck (a hidden layer of one neuron), learning-rate, activation,
            initialisation, batch-size, joint (all at once), speed (from scratch, PyTorch's API,
            engine), alignment (powers of two), or baseline (softmax regression).
        data: 'fashion-mnist', 'digits', the path of an MNIST-like folder, or a table whose --target
            is to be predicted; not for speed and alignment.
        settings: what is varied in one thing, such as chapter,max_epochs=20; left out: chapter, and
            fast for tables.
        seeds: repetitions of each variant, at least 5.
        matters: the smallest difference of accuracy, or of R² of numbers, that matters; left out:
            0.002, and 0.005 of R².
        rows: the first so many rows alone.
        quick: about a minute: the first 15,000 rows (3,000 of a table), and fewer variants.
        output: folder for the result; it must be empty or not there yet. Left out:
            runs/study-NAME-001 and on.
        data_dir: folder to look for the data set's files in first.
    """
    asked = f"study {locals()}"
    from multilayer.experiments.study import result_of, run_study, save_study
    from multilayer.experiments.study_plan import plan_study
    from multilayer.runs.run_folder import RunFolder

    with stop_on_interrupt() as stop:
        plan = plan_study(
            name, data, target=table.roles_of_all_rows("a study holds out rows of its own"),
            task=table.task_name(), settings=settings, num_seeds=seeds, matters=matters,
            is_quick=quick, num_rows=rows, data_dir=data_dir, stop=stop,
        )  # fmt: skip
        with RunFolder(output, f"study-{name}", asked=asked) as folder:
            steps = run_study(name, plan)
            finding = result_of(steps, partial(say, file=sys.stderr, flush=True))
            if finding.is_interrupted and not finding.rows:
                folder.remove_if_empty()
                say("interrupted before anything was finished", file=sys.stderr)
                return stop.exit_code
            save_study(name, finding, folder)
    say(finding.title)
    print_table(finding.headers, finding.rows)
    say(f"\n{finding.paragraph}")
    names = ", ".join(folder.names())
    say(f"{folder.path}: {names}")
    return stop.exit_code if finding.is_interrupted else exit_codes.SUCCESS
