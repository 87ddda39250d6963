"""The commands together, and what happens when one of them fails."""

import os
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from multilayer import __version__
from multilayer.cli import exit_codes
from multilayer.cli.bench import bench
from multilayer.cli.compare import compare
from multilayer.cli.doctor import doctor
from multilayer.cli.evaluate import evaluate
from multilayer.cli.flag_names import with_flags_as_typed
from multilayer.cli.inspect import inspect
from multilayer.cli.interrupts import Interrupted
from multilayer.cli.notes import warnings_as_notes
from multilayer.cli.picture import picture
from multilayer.cli.predict import predict
from multilayer.cli.process import complain
from multilayer.cli.report import report
from multilayer.cli.study import study
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


def run(arguments: Sequence[str]) -> int:
    """Run one command; errors become one line on stderr.

    Returns:
        0, or the exit code that says what was wrong.
    """
    try:
        with warnings_as_notes():
            code = app(arguments)
    except CycloptsError as error:
        return complain(str(error), exit_codes.BAD_INPUT)
    except (TrainingDivergedError, DistributedError) as error:
        return complain(str(error), exit_codes.FAILED)
    except MultilayerError as error:
        return complain(with_flags_as_typed(str(error), arguments), exit_codes.BAD_INPUT)
    except Interrupted as error:
        if os.environ.get("RANK", "0") != "0":  # of several processes the first one speaks
            return error.exit_code
        return complain("interrupted", error.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", exit_codes.INTERRUPTED)
    return code or 0
