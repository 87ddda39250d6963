"""The argument that names data: a file, a data set, or - for the standard input."""

from typing import Annotated, Any

from cyclopts import Parameter


def _require_no_flag(_: Any, value: Any) -> None:
    if isinstance(value, str) and value.startswith("-") and value != "-":
        raise ValueError(f"Unknown option: {value}; a file of that name is written ./{value}")


DataArgument = Annotated[str, Parameter(allow_leading_hyphen=True, validator=_require_no_flag)]
OptionalDataArgument = Annotated[
    str | None, Parameter(allow_leading_hyphen=True, validator=_require_no_flag)
]
