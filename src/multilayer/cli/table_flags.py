"""The flags of `multilayer train` that are for tables."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from multilayer.cli.argument_types import as_whole, require_text
from multilayer.errors import SettingsError

if TYPE_CHECKING:
    from multilayer.columns.target_values import Task
    from multilayer.fit.column_roles import ColumnRoles
    from multilayer.reading.table_format import TableFormat

TaskFlag = Literal["classification", "multilabel", "regression"]


def _format_help(text: str) -> Parameter:
    return Parameter(help=text, negative="", allow_leading_hyphen=True, validator=require_text)


ALL_ROWS_IN_MEMORY = (
    "all rows are held in memory; name a file with as many of them as fit, and train on all with "
    "the settings that are found"
)


@dataclass(frozen=True)
class FormatFlags:
    """How a table's file is written; what is left out is found out from the file."""

    delimiter: Annotated[
        str | None, _format_help("in CSV, the sign between fields, such as ';', '\\t' or ' '")
    ] = None
    encoding: Annotated[
        str | None, _format_help("in CSV and JSON, such as windows-1252; left out: Unicode")
    ] = None
    skip_rows: Annotated[
        int,
        as_whole,
        _format_help("in CSV and worksheets, lines before the one that names the columns"),
    ] = 0
    comment: Annotated[
        str | None, _format_help("in CSV, what lines to be left out begin with, such as '#'")
    ] = None
    sheet: Annotated[str | None, _format_help("of a workbook, the worksheet's name or number")] = (
        None
    )

    quoted_lines: Annotated[
        bool, _format_help("in CSV, quoted fields may hold lines that look like rows")
    ] = False

    def table_format(self) -> "TableFormat":
        """The flags as `read_table` takes them.

        Raises:
            SettingsError: one of them is impossible.
        """
        from multilayer.reading.table_format import TableFormat

        return TableFormat(
            self.delimiter, self.encoding, self.skip_rows, self.comment, self.sheet,
            self.quoted_lines,
        )  # fmt: skip

    def given_format(self) -> "TableFormat | None":
        """`table_format`, or None where no flag is given."""
        is_given = any(self.format_by_flag().values())
        return self.table_format() if is_given else None

    def format_by_flag(self) -> dict[str, Any]:
        """The flags that are given, by their names on the command line."""
        return {
            f"--{one.name.replace('_', '-')}": getattr(self, one.name)
            for one in fields(FormatFlags)
            if getattr(self, one.name) != one.default
        }

    def require_none_for_images(self) -> None:
        """Refuse flags for tables beside a model of images.

        Raises:
            SettingsError: one is given.
        """
        for name in self.format_by_flag():
            raise SettingsError(f"{name} is for tables; this model labels images")


def _help(text: str) -> Parameter:
    return Parameter(help=text, negative="", consume_multiple=False, validator=require_text)


@dataclass(frozen=True)
class TableFlags(FormatFlags):
    """What to do with the columns and rows of a table."""

    target: Annotated[
        list[str], _help("column of a table to predict; repeated, several columns")
    ] = field(default_factory=list)
    task: Annotated[
        TaskFlag | None, _help("in tables, what the target is; left out, its values tell")
    ] = None
    validation: Annotated[
        str | None,
        _help("the fraction held out to be measured on; in tables also a file of such rows"),
    ] = None
    group_by: Annotated[
        str | None, _help("column of a table: rows of one value are held out together")
    ] = None
    time_column: Annotated[
        str | None, _help("column of a table: the latest rows are the ones held out")
    ] = None
    weight: Annotated[str | None, _help("column of a table: how much each row counts")] = None
    categorical: Annotated[
        list[str], _help("column of a table that is a category, whatever it looks like; repeatable")
    ] = field(default_factory=list)
    drop: Annotated[list[str], _help("column of a table to leave out; repeatable")] = field(
        default_factory=list
    )
    as_kind: Annotated[
        list[str],
        Parameter(
            name="--as", negative="", consume_multiple=False,
            help="NAME=KIND: column of a table that is numeric, categorical, boolean or date; "
            "date:%d/%m/%Y says how dates are written; repeatable",
        ),
    ] = field(default_factory=list)  # fmt: skip
    decimal: Annotated[
        str | None, _help("decimal sign in a table, . or a comma; left out, each column tells")
    ] = None
    thousands: Annotated[
        str | None,
        _help(
            "separator of thousands in a table: a comma, . or a space; left out, each column tells"
        ),
    ] = None
    missing: Annotated[
        list[str],
        _help("in tables, more spellings of missing values, such as unknown,-999; repeatable"),
    ] = field(default_factory=list)
    keep_na: Annotated[
        bool, _help("in tables, NA, None and the like are values of text columns and of labels")
    ] = False
    memory_limit: Annotated[
        str | None,
        _help(
            "in tables, the most memory to use, such as 500MB or 4GB: rows are encoded into files "
            "and learned from a chunk at a time; left out, so is a table too large for the memory "
            "that is free"
        ),
    ] = None
    strict: Annotated[
        bool, _help("in tables, a row without target is an error instead of left out")
    ] = False

    def roles(self) -> "ColumnRoles":
        """The columns' roles.

        Raises:
            SettingsError: `--as` is not of the form NAME=KIND.
        """
        from multilayer.columns.value_format import ValueFormat
        from multilayer.fit.column_roles import ColumnRoles

        kinds = {}
        for text in self.as_kind:
            name, separator, kind = text.rpartition("=")
            if not separator or not name:
                raise SettingsError(
                    f"--as must be NAME=KIND, such as zip=categorical, not {text!r}"
                )
            kinds[name] = kind
        return ColumnRoles(
            tuple(self.target), self.weight, self.group_by, self.time_column,
            tuple(self.categorical), tuple(self.drop), kinds,
            table_format=self.table_format(),
            values=ValueFormat(
                self.decimal, self.thousands,
                tuple(word for text in self.missing for word in text.split(",") if word.strip()),
                self.keep_na,
            ),
        )  # fmt: skip

    def by_flag(self) -> dict[str, Any]:
        """The flags by their names on the command line; those not given are false."""
        names = {field.name: field.name.replace("_", "-") for field in fields(self)}
        names["as_kind"] = "as"
        return {f"--{flag}": getattr(self, name) for name, flag in names.items()}

    def roles_of_all_rows(self, instead: str) -> "ColumnRoles | None":
        """The columns' roles where rows are held out otherwise; None: there is no target.

        Args:
            instead: what says which rows are held out.

        Raises:
            SettingsError: --validation, --strict or --memory-limit is given, or flags for tables
                without --target.
        """
        if self.memory_limit is not None:
            raise SettingsError(f"--memory-limit does not go here: {ALL_ROWS_IN_MEMORY}")
        if self.validation is not None:
            raise SettingsError(f"--validation does not go here: {instead}")
        if self.strict:
            raise SettingsError("--strict does not go here: rows without target are left out")
        self.require_none_without_target()
        return self.roles() if self.target else None

    def require_none_without_target(self) -> None:
        """Refuse flags for tables where the data are images; a fraction held out goes with both.

        Raises:
            SettingsError: there is no target, and such a flag or a file of validation rows.
        """
        if self.target:
            return
        if self.validation_file_and_settings()[0] is not None:
            raise SettingsError(
                f"--validation may be a file in tables alone; of images it is the fraction held "
                f"out, such as 0.1, not {self.validation!r}"
            )
        plain = TableFlags()
        for flag, value in self.by_flag().items():
            if flag != "--validation" and value != plain.by_flag()[flag]:
                raise SettingsError(
                    f"flags for tables need --target, the column to predict; {flag} was given "
                    "without it"
                )

    def memory_limit_bytes(self) -> int | None:
        """The limit in bytes; None: none was given.

        Raises:
            SettingsError: it is no size.
        """
        from multilayer.cli.argument_types import read_bytes

        return None if self.memory_limit is None else read_bytes(self.memory_limit)

    def task_name(self) -> "Task | None":
        """The task as `TableRun` takes it."""
        return "multiclass" if self.task == "classification" else self.task

    def validation_file_and_settings(self) -> tuple[str | None, dict[str, float]]:
        """The file of validation rows, or the setting that a fraction is."""
        if self.validation is None:
            return None, {}
        try:
            return None, {"validation_fraction": float(self.validation)}
        except ValueError:
            return self.validation, {}
