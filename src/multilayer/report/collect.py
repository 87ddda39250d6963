"""The report of one or several runs as one HTML file."""

import datetime
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from multilayer.drawing.html.content import RunContent
from multilayer.drawing.html.page import render_page
from multilayer.errors import MultilayerError, OutputError, SettingsError, package_left_out
from multilayer.files import check_is_no_link, write_text
from multilayer.images.datasets import load_images
from multilayer.model.model_file import load_answers
from multilayer.report import facts
from multilayer.report.image_parts import parts_on_data, weight_pictures
from multilayer.report.needs_pytorch import LEFT_OUT, findings_in_pytorch, is_without_pytorch
from multilayer.report.pack_parts import pack_content
from multilayer.report.table_parts import parts_on_rows
from multilayer.runs.data_of_run import check_images_of_run
from multilayer.runs.repeat_command import repeat_command
from multilayer.runs.run_documents import read_history, read_results, read_settings
from multilayer.runs.run_folder import model_path

FILE_NAME = "report.html"


def write_report(runs: Sequence[str | Path], output: str | Path | None = None) -> Path:
    """Write what some runs did as one HTML file, side by side.

    A run that has no model, or whose data cannot be had any more, is shown as far as it goes, and
    the page says what is missing and why.

    Args:
        runs: run folders, each once.
        output: the file; None: report.html in the run folder, or here if there are several runs.

    Returns:
        The file.

    Raises:
        SettingsError: there is no run, or one twice.
        RunFolderError: a run has no settings or no history, or they are damaged.
        OutputError: the file cannot be written.

    Examples:
        >>> from multilayer import points_table
        >>> points_table("surface", num_rows=80, noise=0.1, seed=0).write_csv("surface.csv")
        >>> from multilayer import ColumnRoles, Run, RunConfiguration
        >>> configuration = RunConfiguration(
        ...     "surface.csv", ColumnRoles(("y",)), "fast", {"max_epochs": 3}, output="runs/surface"
        ... )
        >>> run = Run(configuration)
        >>> num_epochs = sum(1 for epoch in run.epochs())
        >>> results = run.finish()
        >>> from multilayer import write_report
        >>> write_report(["runs/surface"]).name
        'report.html'
    """
    paths = [Path(run) for run in runs]
    if not paths:
        raise SettingsError("a report needs at least one run folder")
    if len({path.resolve() for path in paths}) < len(paths):
        raise SettingsError(f"a run is named twice: {', '.join(map(str, paths))}")
    if output is None:
        output = paths[0] / FILE_NAME if len(paths) == 1 else FILE_NAME
        check_is_no_link(output)
    output = Path(output)
    if output.is_dir():
        raise OutputError(f"the report needs a file name; {output} is a folder")
    if output.suffix.lower() not in ("", ".html", ".htm"):
        raise OutputError(
            f"the report is HTML, and {output} would not be; name a file that ends in .html "
            "(a browser prints it as PDF)"
        )
    contents = [run_content(path) for path in paths]
    title = f"Report of {' and '.join(map(str, paths)) if len(paths) < 3 else f'{len(paths)} runs'}"
    now = datetime.datetime.now().astimezone()
    written = f"Written {now:%Y-%m-%d %H:%M} by multilayer {version('multilayer')}."
    write_text(output, render_page(title, written, contents))
    return output


def run_content(path: Path) -> RunContent:
    """What a report shows of a run folder.

    Raises:
        RunFolderError: the run has no settings or no history, or they are damaged.
    """
    history = read_history(path)
    description, results = read_settings(path), read_results(path)
    parts, missing = _parts_of_model(path, description)
    return RunContent(
        name=str(path),
        status=facts.status(results),
        facts=facts.facts(description, results),
        settings=facts.settings(description),
        scores=facts.scores(results),
        history=history,
        pack=pack_content(results["pack"]) if results.get("pack") else None,
        command=repeat_command(description),
        conditions=facts.conditions(results),
        seconds=facts.seconds(history, results),
        missing=missing,
        **parts,
    )


def _parts_of_model(path: Path, description: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Fields that need the model file and the data, and what stands in the way of others."""
    try:
        model = load_answers(model_path(path))
    except MultilayerError as error:
        return {}, [f"There is no network to look at: {error}."]
    parts: dict[str, Any] = {}
    left_out = [LEFT_OUT] if is_without_pytorch(model) else []
    data, loss = description["data"], description["settings"].get("loss", "cross_entropy")
    try:
        if model.image_shape is None:
            parts |= parts_on_rows(path, model, str(path), loss)
            dataset = None
        else:
            try:
                parts["weights"] = weight_pictures(model)
            except ModuleNotFoundError as error:
                if package_left_out(error) != "matplotlib":
                    raise
                left_out.append("The first weights are not drawn: they need matplotlib.")
            dataset = load_images(data["load"], data.get("data_dir"))
            check_images_of_run(path, data, dataset, is_shown=True)
            parts |= parts_on_data(model, dataset, str(path), loss)
        parts |= findings_in_pytorch(model, path, dataset)
    except MultilayerError as error:
        return parts, [f"Nothing that needs the data is shown: {error}.", *left_out]
    return parts, left_out
