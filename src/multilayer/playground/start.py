"""What a page has to know before it begins."""

import json
from pathlib import Path
from typing import Any, get_args

from multilayer.engine.specification import ActivationName
from multilayer.playground import setup, words
from multilayer.playground.messages import MOST_TABLE_BYTES
from multilayer.playground.presets import PRESETS
from multilayer.playground.session import CHANGES_OF_CODE_ALONE, CHANGES_THAT_GO_ON

# {key: [English, Russian]}; {name} in a text is filled in by the page.
_WORDS = Path(__file__).parent / "page" / "words.json"


def start_document() -> dict[str, Any]:
    """Words, choices, presets and bounds."""
    return {
        "words": {**json.loads(_WORDS.read_text("utf-8")), **words.WORDS},
        "choices": {
            "problem": setup.PROBLEMS,
            "activations": get_args(ActivationName),
            "initialization": setup.INITIALIZATIONS,
            "optimizer": ("sgd", "adam"),
        },
        "made_problems": setup.MADE_PROBLEMS,
        "defaults": setup.Setup().query(),
        "most_layers": setup.MOST_LAYERS,
        "widest": setup.WIDEST,
        "most_table_bytes": MOST_TABLE_BYTES,
        "goes_on": (*CHANGES_THAT_GO_ON, *CHANGES_OF_CODE_ALONE),
        "presets": [
            {
                "section": preset.section,
                "title": preset.title,
                "text": preset.text,
                "query": preset.setup.query(),
            }
            for preset in PRESETS
        ],
    }
