"""What people read of a pack that has been trained, and of one that will be."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.pack.pack_document import (
    change_in_words,
    mixture_table,
    pack_in_words,
    pack_of_details,
)
from multilayer.pack.pack_plan import plan_in_words
from multilayer.pack.pack_progress import PackProgress
from multilayer.recipes.recipes import recipe

PACK = {
    "num_draws": 7,
    "ends": {"finished": 4, "fell behind": 2, "diverged": 1},
    "ended": "no better",
    "first_loss": 0.25,
    "loss": 0.2,
    "num_networks": 10,
    "num_parameters": 12_345,
    "mixture": [
        {"draw": 5, "share": 0.75, "loss": 0.21, "gain": 0.05, "num_epochs": 8, "end": "finished",
         "settings": {"hidden_widths": [256, 128], "dropout": 0.123456, "activation": "mish"}},
        {"draw": 1, "share": 0.25, "loss": 0.25, "gain": None, "num_epochs": 4, "end": "finished",
         "settings": {"dropout": 0.15, "numeric_embedding": True}},
    ],
}  # fmt: skip
ALONE = {**PACK, "loss": 0.25, "num_networks": 1, "mixture": PACK["mixture"][1:]}


def test_the_table_has_a_row_for_each_draw_and_a_column_for_each_drawn_setting():
    headers, rows = mixture_table(PACK)
    assert headers == [
        "draw", "share", "loss", "gain", "epochs", "hidden widths", "dropout", "activation",
        "numeric embedding",
    ]  # fmt: skip
    assert rows == [
        ["5", "75.0%", "0.21", "0.05", "8", "256-128", "0.1235", "mish", "–"],
        ["1", "25.0%", "0.25", "–", "4", "–", "0.15", "–", "yes"],
    ]


def test_a_pack_in_two_sentences():
    tried, mixture = pack_in_words(PACK)
    assert tried == (
        "7 draws tried (4 finished, 2 fell behind, 1 diverged); ended as the last draws hardly "
        "made the mixture better"
    )
    assert mixture == (
        "2 of them, 10 networks with 12,345 parameters: loss 0.2 on held-out rows; draw 1 alone, "
        "which has the recipe's own settings: 0.25, the mixture 20.0% less"
    )
    assert pack_in_words({**PACK, "first_loss": None})[1].endswith("own settings: diverged")
    assert pack_in_words(ALONE)[1] == (
        "draw 1 alone, which has the recipe's own settings, 1 network with 12,345 parameters: loss "
        "0.25 on held-out rows"
    )
    least = {"num_draws": 1, "loss": 0.2, "mixture": ALONE["mixture"]}
    assert pack_in_words(least)[0] == "1 draw tried"


@pytest.mark.parametrize(
    "damage",
    [
        {"num_draws": "many"}, {"mixture": {}}, {"loss": None}, {"ends": {"finished": "x"}},
        {"mixture": [{"draw": 1}]}, {"ended": 3},
    ],
)  # fmt: skip
def test_a_damaged_model_file_is_refused(damage):
    assert pack_of_details({}) is None
    assert pack_of_details({"pack": PACK}) == PACK
    with pytest.raises(ValueError, match=r"details\.pack"):
        pack_of_details({"pack": {**PACK, **damage}})


def test_names_of_a_stranger_do_not_move_the_cursor():
    hostile = {**PACK, "mixture": [{**PACK["mixture"][0], "settings": {"\x1b[2J": "\x1b[2J"}}]}
    headers, rows = mixture_table(hostile)
    assert "\x1b" not in "".join(
        [*headers, *rows[0], *pack_in_words({**PACK, "ends": {"\x1b": 1}})]
    )


@given(st.none() | st.floats(), st.none() | st.floats())
def test_a_change_is_said_where_there_is_one(before, after):
    words = change_in_words(before, after)
    is_known = None not in (before, after) and math.isfinite(before) and math.isfinite(after)
    if not is_known or before == 0:
        assert words == ""
    if is_known and words.endswith("less"):
        assert after < before
    if is_known and words.endswith("more"):
        assert after > before


def test_changes_of_losses_below_zero_are_said_too():
    assert change_in_words(0.2, 0.15) == "25.0% less"
    assert change_in_words(-0.2, -0.25) == "25.0% less"
    assert change_in_words(0.2, 0.22) == "10.0% more"
    assert change_in_words(0.2, 0.19999) == "as before"


def test_a_plan_says_what_is_drawn_and_what_is_not():
    first, drawn, ends = plan_in_words(recipe("pack", hidden_widths=(8,)), is_of_images=True)
    assert first == "pack: up to 12 draws of one network, mixed by what they add on held-out rows"
    assert drawn == (
        "drawn for each but the first: activation, input_dropout, learning_rate, weight_decay, "
        "dropout; as it is set: hidden_widths 8"
    )
    assert ends == (
        "ends when all draws are trained, or 10 in a row lower the mixture's loss by less than 0.1%"
    )
    timed = recipe("pack", "regression", time_limit=60)
    first, drawn, ends = plan_in_words(timed, is_of_images=False)
    assert (
        "as many draws as its time allows, at most 100, of 5 networks, one for each fold" in first
    )
    assert "as it is set" not in drawn
    assert ends.startswith("ends when its time is over, when all draws are trained, or 10 in a row")
    nothing = plan_in_words(recipe("pack", drawn=()), is_of_images=True)[1]
    assert nothing == "nothing is drawn: they differ in their seeds alone"
    assert len(plan_in_words(recipe("pack", num_draws=1), is_of_images=True)) == 1


def test_progress_in_one_line():
    now = PackProgress((2, 3), 24, 4, 8, 0.19, 0.2, 0.3, True, 61.0, True)
    assert now.in_words() == (
        "draws 2, 3 of 24, epoch 4 of 8: held-out loss: mixture 0.1900 (5.0% less with them), "
        "networks 0.3000, 1 min 1 s left"
    )
    assert now.place_in_words() == (
        "draws 2, 3 of 24, epoch 4 of 8, 1 min 1 s left; mixture 5.0% less with them"
    )
    first = PackProgress((1,), 24, 1, 8, None, None, 0.3, False, None, False)
    assert first.in_words() == (
        "draw 1 of 24, epoch 1 of 8: held-out loss: networks 0.3000 uncalibrated"
    )
    assert first.place_in_words() == "draw 1 of 24, epoch 1 of 8"
