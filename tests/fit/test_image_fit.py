"""Images are rows: what a fit does with tables it does with them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from multilayer import load_images, load_predictor, recipe, save_model
from multilayer.encoding.splits import split_rows
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train
from multilayer.errors import DataError, ImageFileError, TableError
from multilayer.fit.fit import Fit
from multilayer.fit.image_rows import image_examples
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows

DIGITS = load_images("digits")
TRAIN = Rows.of_images(DIGITS.train, DIGITS.class_names)
TEST = Rows.of_images(DIGITS.test, DIGITS.class_names)


def settings(**changes) -> TrainingSettings:
    changes = {"max_epochs": 3, "hidden_widths": (32,), "num_threads": 1, **changes}
    return recipe("default", "images", **changes)


def fitted(**arguments) -> Fit:
    fit = Fit(prepare(TRAIN, **arguments))
    for _ in fit.epochs():
        pass
    return fit


@pytest.mark.parametrize(
    "changes",
    [
        {"validation_fraction": 0.0, "selection": "last"},
        {"validation_fraction": 0.2, "num_members": 2, "standardize_inputs": True},
        {"validation_fraction": 0.2, "augment": ("shift",), "batch_norm": True},
    ],
    ids=["test rows", "standardized members", "augmented"],
)
def test_networks_are_those_of_the_engine_bit_for_bit(changes):
    chosen = settings(**changes)
    validation = None if changes["validation_fraction"] else TEST
    fit = Fit(prepare(TRAIN, settings=chosen, validation=validation, calibrates=False))
    learned = watched = image_examples(DIGITS.train, DIGITS)
    if validation is None:
        kept, held_out = split_rows(DIGITS.train.labels, 0.2, chosen.seed)
        learned, watched = (
            learned.at(torch.from_numpy(kept)),
            learned.at(torch.from_numpy(held_out)),
        )
    else:
        watched = image_examples(DIGITS.test, DIGITS)
    members = [replace(chosen, seed=chosen.seed + k) for k in range(chosen.num_members)]
    spec = chosen.network_spec(64, 10, input_scale=1 / 255)
    network = Network.for_training(spec, members, learned.inputs)
    epochs = train(network, learned, members, validation=watched)
    for record, other in zip(fit.epochs(), epochs, strict=True):
        assert record.train_loss == other.train_loss
        assert record.validation == other.validation
    assert torch.equal(fit.network.parameters, network.parameters)
    assert fit.model().conformal is None


def test_held_out_images_calibrate_probabilities_and_sets(tmp_path):
    fit = fitted(settings=settings(validation_fraction=0.3, max_epochs=20))
    model = fit.model()
    assert model.temperature != 1
    assert model.conformal.num_rows == fit.num_held_out == fit.num_validation_rows
    is_in = model.sets(DIGITS.test.images, 0.9)
    share = is_in[np.arange(len(TEST)), DIGITS.test.labels].mean()
    assert 0.8 < share < 1
    assert is_in.sum() < is_in.size / 2
    probabilities = model.probabilities(DIGITS.test.images)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    save_model(model, tmp_path / "model")
    predictor = load_predictor(tmp_path / "model")
    np.testing.assert_allclose(
        predictor.probabilities(DIGITS.test.images), probabilities, atol=1e-5
    )
    assert (predictor.sets(DIGITS.test.images, 0.9) == is_in).mean() > 0.999


def test_folds_hold_each_image_out_once():
    fit = fitted(settings=settings(num_folds=3, validation_fraction=0.0, max_epochs=20))
    model = fit.model()
    assert fit.network.num_members == 3
    assert fit.num_validation_rows == model.conformal.num_rows == len(TRAIN)
    answers, truths = fit.held_out_answers(model)
    assert answers.shape == (len(TRAIN), 10)
    assert (answers.argmax(1) == truths).mean() > 0.8


def test_classes_may_weigh_differently():
    weights = {"3": 20.0}
    fit = fitted(settings=settings(validation_fraction=0.0), class_weight=weights)
    plain = fitted(settings=settings(validation_fraction=0.0))
    shares = [(each.model().predict(DIGITS.test.images) == "3").mean() for each in (fit, plain)]
    assert shares[0] > shares[1]


def test_other_rows_are_refused():
    with pytest.raises(DataError, match="label 10; the network knows 0 to 9"):
        prepare(Rows(DIGITS.train.images, DIGITS.train.labels + 1, class_names=TRAIN.class_names))
    with pytest.raises(DataError, match="images have no columns"):
        _ = TRAIN.frame
    with pytest.raises(TableError, match="rows were given"):
        Rows(DIGITS.train.images, DIGITS.train.labels[1:])
    with pytest.raises(ImageFileError):
        prepare(TRAIN, validation=Rows(np.zeros((4, 3, 3), np.uint8), np.arange(4)))
