"""How people write yes and no."""

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
    """True or false, if the value says so in any usual spelling."""
    return BOOLEAN_SPELLINGS.get(str(value).strip().lower().removesuffix(".0"))
