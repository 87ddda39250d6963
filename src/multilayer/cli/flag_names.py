"""Messages of the library, in which settings have their names in Python, for who typed flags."""

import re
from collections.abc import Sequence

# Flags whose settings have another name.
_SETTINGS = {"interval": "coverage", "validation": "validation_fraction", "proba": "probabilities"}


def with_flags_as_typed(message: str, arguments: Sequence[str]) -> str:
    """A message that names settings as the flags that set them.

    Only what was typed as a flag is changed; of names that are ordinary words too, such as `seed`,
    only one that the message begins with.
    """
    for argument in arguments:
        flag = argument.partition("=")[0]
        if not re.fullmatch(r"--[a-z][a-z-]+", flag):
            continue
        words = flag.removeprefix("--")
        name = _SETTINGS.get(words, words.replace("-", "_"))
        place = rf"(?<![\w-]){name}\b" if "_" in name else rf"^{name}\b"
        message = re.sub(place, flag, message)
    return message
