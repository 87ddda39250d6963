"""Spellings of booleans."""

# In lower case.
BOOLEAN_SPELLINGS = {
    "true": True,
    "yes": True,
    "t": True,
    "y": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "f": False,
    "n": False,
    "off": False,
    "0": False,
}


def boolean_of(value: object) -> bool | None:
    """The boolean that a value spells, or None."""
    return BOOLEAN_SPELLINGS.get(str(value).strip().lower().removesuffix(".0"))
