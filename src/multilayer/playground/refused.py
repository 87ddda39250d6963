"""What the playground itself refuses, in English and Russian."""

from multilayer.errors import SettingsError

# In Russian: ruff takes some of its letters for Latin ones.
# ruff: noqa: RUF001

_LARGE, _LARGE_RU = "a network too large for the page: ", "сеть слишком велика для страницы: "

# {key: (English, Russian)}
SENTENCES: dict[str, tuple[str, str]] = {
    "layers": (
        _LARGE + "{number} hidden layers; up to {most} are fine",
        _LARGE_RU + "скрытых слоёв {number}; можно до {most}",
    ),
    "width": (
        _LARGE + "a hidden layer of {number} neurons; up to {most} are fine",
        _LARGE_RU + "нейронов в скрытом слое {number}; можно до {most}",
    ),
    "weights": (
        _LARGE
        + "networks {networks}, hidden_widths {widths}, inputs {inputs}: {number} weights; up "
        "to {most} are fine, such as hidden_widths 256,256 with 1 to 10 seeds",
        _LARGE_RU + "сетей {networks}, hidden_widths {widths}, входов {inputs}: весов {number}; "
        "можно до {most}, например hidden_widths 256,256 и от 1 до 10 сетей",
    ),
    "most": (
        "{name} must be at most {most} on the page; it is {value}",
        "{name} на странице не может быть больше {most}; задано {value}",
    ),
    "between": (
        "{name} must be a number from {least} to {most}; it is {value}",
        "{name} должно быть числом от {least} до {most}; задано {value}",
    ),
    "activations": (
        "activations must be one for each of {depth} hidden layers, or one for all; given: {given}",
        "activations: одна для всех слоёв или по одной на скрытый слой ({depth}); задано: {given}",
    ),
    "long_link": (
        "the link is longer than {most} characters",
        "ссылка длиннее, чем {most} знаков",
    ),
    "unknown_field": (
        "the link names {name}, which is no field of the playground; they are {known}{hint}",
        "в ссылке есть {name}, такого поля у песочницы нет; есть {known}",
    ),
    "field_twice": ("the link names {name} twice", "{name} указано в ссылке дважды"),
    "field": (
        "the link's {name} must be {what}; it is {value}",
        "{name} в ссылке должно быть таким: {what_ru}; задано {value}",
    ),
    "field_left_out": (
        "the link's {name} must be left out, as {problem} has none of it; it is {value}",
        "{name} в ссылке лишнее: у задачи {problem} его нет; задано {value}",
    ),
    "no_table": (
        "the problem 'table' needs a table: drop a file on the page",
        "для задачи «своя таблица» нужна таблица: перетащите файл на страницу",
    ),
    "no_network": (
        "there is no network yet: begin with settings that are fine",
        "сети ещё нет: начните с подходящих настроек",
    ),
    "comparing": (
        "a comparison is running; stop it first",
        "сравнение уже идёт; сначала остановите его",
    ),
    "other_data": (
        "setups are compared on the same data; {name} is {first} and {second}",
        "сравнивать можно только на одних и тех же данных; {name}: {first} и {second}",
    ),
}


class PageError(SettingsError):
    """The playground refuses something.

    Args:
        key: of its sentence.
        values: what is filled in.

    Attributes:
        russian: the sentence; the error's own text is English.
    """

    def __init__(self, key: str, **values: object) -> None:
        english, russian = SENTENCES[key]
        super().__init__(english.format(**values))
        self.russian = russian.format(**values)
