"""`multilayer export`."""

from typing import Annotated

from cyclopts import Parameter

from multilayer.cli.argument_types import Output
from multilayer.cli.terminal import say


def export(
    run: str,
    /,
    *,
    to: str,
    output: Output,
    interval: Annotated[list[float] | None, Parameter(negative="")] = None,
) -> int:
    """Write a trained network as a program that runs without this package: ONNX, PyTorch or NumPy.

    onnx gives one file, a graph from the raw columns of a table, or from images as bytes, to the
    calibrated answers; it needs pip install "multilayer[onnx]". numpy gives a folder with a Python
    program that needs NumPy alone. torch gives a folder with the weights and a torch.nn.Module that
    loads them.

    Args:
        run: a run folder, or a model file.
        to: onnx, torch or numpy.
        output: the file of onnx; the folder of torch and numpy.
        interval: for onnx, the coverage of the intervals or sets of classes that the graph gives,
            for example 0.9; several times for several. Left out: 0.9, where enough rows were held
            out.
    """
    from multilayer.export.exporting import export_model
    from multilayer.runs.run_folder import model_path

    for path in export_model(model_path(run), output, to, coverages=interval):  # type: ignore[arg-type]
        say(path)
    return 0
