"""What compiled code takes for granted of rows, as it looks at no bounds itself."""

from torch import Tensor

from multilayer.encoding.one_hot_block import code_places
from multilayer.engine.batches import Examples
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
    if rows.inputs.dim() != 2 or rows.inputs.shape[1] != spec.row_width:
        raise DataError(
            f"rows have {tuple(rows.inputs.shape[1:])} values; this network takes {spec.row_width}"
        )
    num_levels = len(settings.quantiles) if settings.loss == "quantile" else 1
    is_of_classes = settings.loss == "cross_entropy"
    shape = () if is_of_classes else (spec.num_outputs // num_levels,)
    if rows.targets.shape[1:] != shape:
        raise DataError(
            f"the targets of a row have the shape {tuple(rows.targets.shape[1:])}; with this loss "
            f"and network it is {shape}"
        )
    if is_of_classes:
        _check_range("classes", rows.targets, spec.num_outputs)
    _check_range("row numbers", orders, len(rows))
    first = spec.row_width - len(spec.category_sizes)
    for place, size in enumerate(spec.category_sizes, first):
        _check_range("codes of categories", rows.inputs[:, place], size * spec.statistic_versions)
    for block, place in zip(spec.one_hot_blocks, code_places(spec.one_hot_blocks), strict=True):
        _check_range("codes of one-hot columns", rows.inputs[:, place], block.size + 1)


def _check_range(what: str, values: Tensor, number: int) -> None:
    if not values.numel():
        return
    least, most = (float(end) for end in values.aminmax())
    if not (least >= 0 and most < number):  # nor NaN
        raise DataError(
            f"{what} must be from 0 to {number - 1}; they are from {least:g} to {most:g}"
        )
