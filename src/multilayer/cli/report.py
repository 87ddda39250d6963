"""`multilayer report`."""

from multilayer.cli.terminal import say


def report(*runs: str, output: str | None = None) -> int:
    """Write what one or several training runs did as one HTML file.

    The file needs nothing beside it: it can be mailed, printed, and read offline. Several runs
    stand side by side.

    Args:
        runs: run folders.
        output: the file. Left out: report.html in the run folder, or here if there are several.
    """
    from multilayer.report.collect import write_report

    say(write_report(runs, output))
    return 0
