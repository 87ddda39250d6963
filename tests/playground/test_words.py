"""Nothing that the page says is missing in one of its two languages."""

import json
import re
from pathlib import Path

import multilayer.playground
from multilayer.playground import setup
from multilayer.playground.refused import SENTENCES, PageError

PAGE = Path(multilayer.playground.__file__).parent / "page"
WORDS = json.loads((PAGE / "words.json").read_text("utf-8"))
CYRILLIC = re.compile("[\u0430-\u044f\u0451]", re.IGNORECASE)
MADE_UP = {  # keys that the page puts together
    *(f"inside_{part}" for part in ("layer", "values", "weights", "gradient")),
    *(f"problem_{problem}" for problem in setup.PROBLEMS),
    *(f"code_{form}" for form in ("scratch", "book", "command", "python")),
    *(f"trace_{phase}" for phase in ("forward", "backward", "update")),
    *("optimizer_sgd", "optimizer_adam", "accuracy"),
    *("noise", "num_rows", "seed", "learning_rate", "batch_size", "dropout", "weight_decay"),
    *("num_seeds", "num_epochs", "problem", "optimizer", "initialization", "target"),
}


def test_every_text_is_in_both_languages_with_the_same_gaps():
    for key, (english, russian) in WORDS.items():
        assert english and russian, key
        assert not CYRILLIC.search(english), key
        if re.search(
            "[a-z]{3}", re.sub(r"\{\w+\}|SGD|Adam|Fashion-MNIST", "", english), re.IGNORECASE
        ):
            assert CYRILLIC.search(russian), key
        assert {*re.findall(r"\{\w+\}", english)} == {*re.findall(r"\{\w+\}", russian)}, key


def test_every_refusal_is_in_both_languages():
    for key, (english, russian) in SENTENCES.items():
        assert not CYRILLIC.search(english) and CYRILLIC.search(russian), key
        gaps = [{*re.findall(r"\{(\w+)\}", text)} - {"hint"} for text in (english, russian)]
        assert {gap.removesuffix("_ru") for gap in gaps[1]} == gaps[0], key
    error = PageError("most", name="seed", most="7", value="9")
    assert str(error) == "seed must be at most 7 on the page; it is 9"
    assert error.russian == "seed на странице не может быть больше 7; задано 9"


def test_the_page_uses_no_other_words_and_all_of_these():
    used = {*MADE_UP}
    for path in PAGE.iterdir():
        if path.suffix in (".js", ".html"):
            text = path.read_text("utf-8")
            used |= {*re.findall(r'data-(?:word|label)="(\w+)"', text)}
            used |= {*re.findall(r'(?:say|tell)\(\s*"([\w-]+)"', text)}
            for choice in re.findall(r"(?:say|tell)\([^()]*\?[^()]*\)", text):
                used |= {*re.findall(r'[?:] "(\w+)"', choice)}
    assert used - WORDS.keys() == set()
    assert WORDS.keys() - used == set()
