"""The doctor judges a pack by its data, its answers and its mixture, not by learning curves."""

from typing import Any

from multilayer.diagnostics.doctor import answers, curves, pack
from multilayer.diagnostics.doctor.evidence import Evidence
from multilayer.diagnostics.doctor.examination import RULES, RULES_OF_PACKS, findings, rules_of
from multilayer.recipes.recipes import recipe

DESCRIPTION = {
    "recipe": "pack", "settings": {},
    "data": {"kind": "images", "load": "digits", "data_dir": None, "image_shape": [8, 8]},
}  # fmt: skip
TRAIN_LOSSES = (2.0, 1.0, 0.5, 0.2, 3.0, 1.0)


def evidence(losses: list[float | None], **changes: Any) -> Evidence:
    """Of three epochs a group; the training loss rises and falls as groups begin and end."""
    history = [
        {
            "epoch": n + 1,
            "wave": n // 3 + 1,
            "train_loss": [2.0, 1.0, 0.5, 0.2, 3.0, 1.0][n],
            "validation_loss": 1.5,
        }
        | ({} if loss is None else {"mixture_loss": loss})
        for n, loss in enumerate(losses)
    ]
    settings = changes.pop("settings", recipe("pack", schedule="constant"))
    told = {"num_draws": 5, "ends": {"finished": 5}, "ended": "all draws", "loss": 0.1}
    told = told | changes.pop("pack", {})
    return Evidence(DESCRIPTION, settings, history, (), pack=told, **changes)


BETTER = [None, 1.2, 1.0, 1.0, 0.95, 0.9]
NO_BETTER = [None, 1.2, 1.0, 1.0, 1.0, 0.999]


def test_curves_and_layers_of_a_pack_are_not_judged():
    found = evidence(NO_BETTER)
    assert curves.rate_too_high(found) is not None  # what a single network would be told
    assert found.is_pack
    assert rules_of(found) == RULES_OF_PACKS
    assert findings(found) == []


def test_a_pack_that_diverged_is_told_of_its_rate():
    found = evidence([1.0], has_diverged=True)
    assert rules_of(found) == RULES
    assert [one.name for one in findings(found)] == ["learning rate too high"]


def test_a_mixture_that_was_still_getting_better():
    found = pack.more_draws(evidence(BETTER))
    assert found is not None
    assert "by 10.0%, from 1 to 0.9, and all draws were trained" in found.evidence
    assert "--num-draws 24" in found.next_step
    assert pack.more_draws(evidence(NO_BETTER)) is None
    assert pack.more_draws(evidence(BETTER, pack={"ended": "no better"})) is None
    assert pack.more_draws(evidence(BETTER, pack={"ended": "interrupted"})) is None
    assert pack.more_draws(evidence(BETTER[:3])) is None
    assert pack.more_draws(evidence([None] * 6)) is None
    timed = evidence(BETTER, pack={"ended": "time over"}, settings=recipe("pack", time_limit=90))
    assert "--time 180s" in pack.more_draws(timed).next_step


def test_draws_that_diverge():
    found = pack.draws_diverge(evidence(BETTER, pack={"ends": {"finished": 3, "diverged": 2}}))
    assert found is not None
    assert "2 of 5 draws" in found.evidence
    assert "--learning-rate 0.0006667" in found.next_step
    assert pack.draws_diverge(evidence(BETTER, pack={"ends": {"diverged": 1}})) is None
    assert pack.draws_diverge(evidence(BETTER)) is None


def test_copies_among_held_out_rows_are_not_answered_by_holding_nothing_out():
    found = answers.leak(evidence(BETTER, num_copies=50, num_validation_rows=100))
    assert found is not None
    assert "validation-fraction" not in found.next_step
