import numpy as np
import pytest

from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import PredictionError
from multilayer.model.finiteness import check_answers
from multilayer.model.model import Model
from multilayer.model.model_file import load_predictor, save_model


def test_the_first_row_that_is_not_finite_is_named():
    answers = np.zeros((2, 5, 3))
    check_answers(answers, axis=1)
    answers[1, 3, 0] = np.inf
    answers[0, 4, 0] = np.nan
    with pytest.raises(PredictionError, match="the network's prediction for row 4 is not a finite"):
        check_answers(answers, axis=1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_that_overflow_give_an_error_and_no_nan(tmp_path):
    """Each weight is finite; their sums are not."""
    network = Network.initialized(NetworkSpec(4, 2, (3,), input_scale=1.0))
    network.parameters.fill_(3e38)
    model = Model.of_images(network, (2, 2), ("a", "b"))
    save_model(model, tmp_path / "model")
    images = np.full((1, 2, 2), 255, np.uint8)
    for answering in (model, load_predictor(tmp_path / "model")):
        with pytest.raises(PredictionError, match="for row 1 "):
            answering.probabilities(images)


def test_finite_answers_whose_squares_are_too_large_pass_and_a_nan_among_them_does_not():
    answers = np.array([[1e300, -1e300], [1e308, 0]])
    check_answers(answers)
    with pytest.raises(PredictionError, match="row 2"):
        check_answers(np.array([[1e300, 1], [np.nan, 1e300]]))
