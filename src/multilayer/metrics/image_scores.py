"""What a population on pictures gets for its answers to the test rows."""

from typing import TYPE_CHECKING

from multilayer.fit.image_rows import as_examples
from multilayer.images.datasets import ImageSplit

if TYPE_CHECKING:
    from multilayer.engine.network import Network


def loss_and_accuracy(network: "Network", split: ImageSplit) -> tuple[float, float]:
    """Cross entropy and accuracy of the members' mean probabilities."""
    from multilayer.engine.scores import evaluate

    examples = as_examples(split)
    if network.num_members == 1:
        scores = evaluate(network, examples)
        assert scores.accuracy is not None
        return scores.loss[0], scores.accuracy[0]
    probabilities = network.logits(examples.inputs).double().softmax(-1).mean(0)
    of_targets = probabilities.gather(1, examples.targets.unsqueeze(1))
    is_right = probabilities.argmax(1) == examples.targets
    return float(-of_targets.log().mean()), float(is_right.double().mean())
