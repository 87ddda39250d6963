"""What the measurement of the recipes for pictures rests on: scores, records, the table."""

import math
from dataclasses import replace

import pytest
import torch

from multilayer.engine.batches import Examples


class Answers:
    """A population that has its answers already."""

    def __init__(self, logits: list[list[list[float]]]) -> None:
        self._logits = torch.tensor(logits)

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        assert len(inputs) == self._logits.shape[1]
        return self._logits


def test_members_are_scored_alone_and_averaged():
    from images import score

    sure, unsure = math.log(9), math.log(1.5)  # probabilities 0.9 and 0.6 of two classes
    network = Answers([[[sure, 0], [0, unsure]], [[0, unsure], [0, unsure]]])
    found = score(network, Examples(torch.zeros(2, 1), torch.tensor([0, 0])))
    assert found.accuracies == [0.5, 0.0]
    assert found.averaged == 0.5  # (0.9 + 0.4) / 2 for the first row's class
    assert found.loss == pytest.approx(-math.log(0.9 * 0.4 * 0.4 * 0.4) / 4)


def measurement(members, accuracies, averaged):
    from image_records import Measurement, Score, as_document

    score = Score(accuracies, averaged, 0.3)
    documents = [as_document(member) for member in members]
    return Measurement("default", documents, score, score, 61.0, 0, "today")


def test_the_table_holds_cases_and_their_averages(tmp_path):
    from image_records import append, records
    from images import CASES, report

    done = measurement(CASES["default"], [0.91, 0.92, 0.93, 0.94, 0.95], 0.96)
    append(done, tmp_path / "records")
    one_of_fast = replace(measurement(CASES["fast"][:1], [0.9], 0.9), text="fast")
    append(one_of_fast, tmp_path / "records")
    tried = replace(one_of_fast, text="fast,dropout=0.3", test=None)
    append(tried, tmp_path / "records")
    text = report(records(tmp_path / "records"), {"default": ("100", "480")})
    assert "| default | 0.9300 | 0.9300 | 0.0158 | 0.9100 to 0.9500 | 0.914 | 100 |" in text
    assert "| default, averaged | 0.9600 | 0.9600 |  |  | 0.919 | 480 |" in text
    assert "| fast |" not in text  # one of its five is not the case
    assert "| fast,dropout=0.3 | 0 | 0.9000 | 0.3000 |" in text


def test_what_is_measured_is_known_by_its_settings(tmp_path):
    from image_records import append, records
    from images import CASES, of_case

    assert records(tmp_path / "absent") == []
    done = measurement(CASES["fast"], [0.9] * 5, 0.9)
    append(done, tmp_path / "records")
    append(replace(done, test=None), tmp_path / "records")
    assert of_case("fast", records(tmp_path / "records")) == done
    assert of_case("default", records(tmp_path / "records")) is None
