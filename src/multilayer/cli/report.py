"""`multilayer report`."""

from typing import Annotated

from cyclopts import Parameter

from multilayer.cli.argument_types import OptionalOutput
from multilayer.cli.terminal import say
from multilayer.errors import SettingsError


def report(
    *runs: str,
    output: OptionalOutput = None,
    card: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write what one or several training runs did as one HTML file.

    The file needs nothing beside it: it can be mailed, printed, and read offline. Several runs
    stand side by side.

    Args:
        runs: run folders.
        output: the file. Left out: report.html in the run folder, or here if there are several;
            README.md in the run folder for a card.
        card: write a model card in place of the page: README.md of one run with the header that the
            Hugging Face Hub reads.
    """
    if card:
        if len(runs) != 1:
            raise SettingsError(f"--card is of one run folder; {len(runs)} are named")
        from multilayer.report.model_card import write_card

        say(write_card(runs[0], output))
        return 0
    from multilayer.report.collect import write_report

    say(write_report(runs, output))
    return 0
