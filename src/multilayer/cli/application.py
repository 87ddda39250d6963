"""The commands together, and what happens when one of them fails."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cyclopts import App, CycloptsError

from multilayer import __version__
from multilayer.cli import exit_codes
from multilayer.cli.bench import bench
from multilayer.cli.compare import compare
from multilayer.cli.doctor import doctor
from multilayer.cli.evaluate import evaluate
from multilayer.cli.inspect import inspect
from multilayer.cli.notes import warnings_as_notes
from multilayer.cli.picture import picture
from multilayer.cli.predict import predict
from multilayer.cli.report import report
from multilayer.cli.study import study
from multilayer.cli.terminal import say
from multilayer.cli.train import train
from multilayer.cli.tune import tune
from multilayer.cli.verify import verify
from multilayer.errors import DistributedError, MultilayerError, TrainingDivergedError

app = App(
    name="multilayer",
    help="The multilayer perceptron, done completely.",
    version=__version__,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)
app.command(train)
app.command(evaluate)
app.command(predict)
app.command(inspect)
app.command(report)
app.command(verify)
app.command(bench)
app.command(compare)
app.command(study)
app.command(tune)
app.command(doctor)
app.command(picture)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        code = exit_codes.BROKEN_PIPE
    sys.stderr.flush()
    # All files are closed and all output is written: what is left to be tidied up is memory, which
    # takes PyTorch a tenth of a second and the system nothing.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command; errors become one line on stderr.

    Returns:
        0, or the exit code that says what was wrong.
    """
    try:
        with warnings_as_notes():
            code = app(arguments)
    except CycloptsError as error:
        return _complain(str(error), exit_codes.BAD_INPUT)
    except (TrainingDivergedError, DistributedError) as error:
        return _complain(str(error), exit_codes.FAILED)
    except MultilayerError as error:
        return _complain(str(error), exit_codes.BAD_INPUT)
    except KeyboardInterrupt:
        return _complain("interrupted", exit_codes.INTERRUPTED)
    return code or 0


def _complain(message: str, code: int) -> int:
    say(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code
