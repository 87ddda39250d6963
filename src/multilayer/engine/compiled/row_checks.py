"""What compiled code takes for granted of rows, as it looks at no bounds itself."""

from collections.abc import Sequence

from torch import Tensor

from multilayer.engine.batches import Examples
from multilayer.engine.compiled.code_checks import check_ends, code_columns
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import DataError


def check_rows(
    spec: NetworkSpec, settings: TrainingSettings, rows: Examples, orders: Tensor
) -> None:
    """Refuse rows that are not what the network is made for.

    Raises:
        DataError: rows or targets have another width, a class or a category is out of range, or an
            order names a row that there is not.
    """
    check_inputs(spec, rows.inputs, [orders])
    num_levels = len(settings.quantiles) if settings.loss == "quantile" else 1
    is_of_classes = settings.loss == "cross_entropy"
    shape = () if is_of_classes else (spec.num_outputs // num_levels,)
    if rows.targets.shape[1:] != shape:
        raise DataError(
            f"the targets of a row have the shape {tuple(rows.targets.shape[1:])}; with this loss "
            f"and network it is {shape}"
        )
    if is_of_classes:
        _check_ranges("classes", rows.targets.unsqueeze(1), [spec.num_outputs])


def check_inputs(spec: NetworkSpec, inputs: Tensor, orders: Sequence[Tensor]) -> None:
    """Refuse rows of another width or with categories out of range, and numbers of none of them.

    Raises:
        DataError: the message says which.
    """
    if inputs.dim() != 2 or inputs.shape[1] != spec.row_width:
        raise DataError(
            f"rows have {tuple(inputs.shape[1:])} values; this network takes {spec.row_width}"
        )
    for order in orders:
        _check_ranges("row numbers", order.reshape(-1, 1), [len(inputs)])
    for what, columns, numbers in code_columns(spec):
        _check_ranges(what, inputs[:, columns], numbers)


def _check_ranges(what: str, columns: Tensor, numbers: Sequence[int]) -> None:
    """Refuse columns, (num_values, num_columns), that are not from 0 to below each its number.

    All at once, as it is done in each epoch, which may be a single step.
    """
    if columns.numel():
        least, most = columns.aminmax(dim=0)
        check_ends(what, least.tolist(), most.tolist(), numbers)
