"""The commands together, and what happens when one of them fails."""

import errno
import os
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from multilayer import __version__
from multilayer.cli import exit_codes
from multilayer.cli.argument_types import require_text
from multilayer.cli.arguments_left import too_many
from multilayer.cli.interrupts import Interrupted
from multilayer.cli.job import SaidByAnotherError, is_first, refuse_in_several_processes
from multilayer.cli.process import complain
from multilayer.cli.terminal import warnings_as_notes
from multilayer.errors import (
    DistributedError,
    MissingPackageError,
    MultilayerError,
    TrainingDivergedError,
    package_left_out,
    reason_of,
)

_ERRORS_OF_NAMES = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP,
    errno.ENAMETOOLONG, errno.EEXIST,
)  # fmt: skip

# What `multilayer --help` says of each command: the first sentence of its function's docstring,
# which stands here too so that only the command that is run has to be loaded.
COMMANDS = {
    "train": "Train a network on labelled pictures, or on a table, and leave a run folder.",
    "evaluate": "Score a trained network on the test images of a data set, or on the rows of "
    "a table.",
    "encode": "Encode a table of any size into shards, which `multilayer train` learns from.",
    "predict": "Label pictures, or answer for the rows of a table, with a trained network.",
    "inspect": "Show what a trained network expects, and which columns of a table it relies on.",
    "serve": "Answer over HTTP with one or several trained networks.",
    "playground": "Open a page on which networks learn while you watch.",
    "report": "Write what one or several training runs did as one HTML file.",
    "export": "Write a trained network as a program that runs without this package: ONNX, PyTorch "
    "or NumPy.",
    "verify": "Show that the book's two networks and the engine are the same thing.",
    "bench": "Time a training step on this machine, here and as others do it, in about a minute.",
    "compare": "Find out which settings are better, over as many seeds as it takes.",
    "study": "Answer one of the chapter's questions with a table, a picture and a paragraph.",
    "tune": "Search for good settings for a table or images, and leave a run folder with the best.",
    "doctor": "Say what may be wrong with a run, what shows it, and what to try next.",
    "picture": "Show how a network learned: its decision regions or first weights, and the loss "
    "surface.",
    "points": "Write the points of one of the playground's problems as CSV.",
}
_INSTEAD_OF_TORCHRUN = {
    "encode": ", with --processes for as many as you like",
    "predict": ", with --processes for a table of many files",
}
# Flags whose settings have another name.
_SETTINGS = {
    "interval": "coverage", "validation": "validation_fraction", "proba": "probabilities",
    "time": "time_limit",
}  # fmt: skip


def application(arguments: Sequence[str]) -> App:
    """The commands; those that the arguments do not name are loaded only when they are used."""
    app = App(
        name="multilayer",
        help="The multilayer perceptron, done completely.",
        help_format="plaintext",  # one sentence a command; Markdown takes long to load
        version=__version__,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(validator=require_text),
    )
    for name, summary in COMMANDS.items():
        home = f"multilayer.cli.{name}"
        if name in arguments:
            app.command(getattr(import_module(home), name), help_format="markdown")
        else:
            app.command(f"{home}:{name}", name=name, help=summary)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; errors become one line on stderr.

    Returns:
        0, or the exit code that says what was wrong.
    """
    try:
        with warnings_as_notes():
            _refuse_in_several_processes(arguments)
            code = application(arguments)(arguments)
    except UnusedCliTokensError as error:
        left = too_many(" ".join(error.command_chain or ()), error.unused_tokens or ())
        return complain(left, exit_codes.BAD_INPUT)
    except CycloptsError as error:
        return complain(str(error), exit_codes.BAD_INPUT)
    except MultilayerError as error:
        return complain(with_flags_as_typed(str(error), arguments), _exit_code_of_ours(error))
    except SaidByAnotherError as error:
        return _exit_code_of_ours(error.__cause__)
    except ModuleNotFoundError as error:
        package = package_left_out(error)
        if package is None:
            raise
        missing = MissingPackageError(f"multilayer {arguments[0]}", package)
        return complain(str(missing), exit_codes.BAD_INPUT)
    except OSError as error:
        if error.errno is None:
            raise
        return complain(_of_the_system(error), _exit_code_of(error))
    except Interrupted as error:
        if not is_first():  # of several processes the first one speaks
            return error.exit_code
        return complain("interrupted", error.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", exit_codes.INTERRUPTED)
    return code or 0


def _refuse_in_several_processes(arguments: Sequence[str]) -> None:
    """Training is divided among the processes that torchrun starts; each would do all the rest."""
    name = arguments[0] if arguments else ""
    if name in COMMANDS and name not in ("train", "tune") and "--help" not in arguments:
        refuse_in_several_processes(name, _INSTEAD_OF_TORCHRUN.get(name, ""))


def _exit_code_of_ours(error: BaseException | None) -> int:
    has_failed = isinstance(error, TrainingDivergedError | DistributedError)
    return exit_codes.FAILED if has_failed else exit_codes.BAD_INPUT


def _of_the_system(error: OSError) -> str:
    """What the system refuses, where nobody expected it to."""
    reason = reason_of(error)
    if isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)!r}: {reason}"
    try:
        Path.cwd()
    except OSError:
        return "the folder that this was started in has been removed; change to another one"
    return f"the system refuses something: {reason}"


def _exit_code_of(error: OSError) -> int:
    return exit_codes.BAD_INPUT if error.errno in _ERRORS_OF_NAMES else exit_codes.FAILED


def with_flags_as_typed(message: str, arguments: Sequence[str]) -> str:
    """A message that names settings as the flags that set them.

    Only what was typed as a flag is changed; of names that are ordinary words too, such as `seed`,
    only one that the message begins with. The flag --steps may set `num_steps`.
    """
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        flag, is_joined, value = argument.partition("=")
        if not re.fullmatch(r"--[a-z][a-z0-9-]+", flag):
            continue
        words = flag.removeprefix("--")
        own = words.replace("-", "_")
        for name in dict.fromkeys((_SETTINGS.get(words, own), own)):
            place = rf"(?<![\w-]){name}\b" if "_" in name else rf"^(num_)?{name}\b"
            message = re.sub(place, flag, message)
            if message.startswith((f"unknown {name} '", f"unknown {name.removesuffix('s')} '")):
                message = f"{flag}: {message}"
        if flag == "--settings":
            given = value if is_joined else following
            names = tuple(re.findall(r"(\w+)=", given))
            if message.startswith(names) or repr(given) in message:
                message = f"{flag}: {message}"
    return message
