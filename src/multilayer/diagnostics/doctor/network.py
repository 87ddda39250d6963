"""Rules on what the network's layers do."""

import math

from multilayer.diagnostics.doctor.evidence import Diagnosis, Evidence

_MANY_DEAD = 0.2
_MUCH_SATURATED = 0.5
_VANISHED = 1e-3
_EXPLODED = 1e2


def dead_neurons(evidence: Evidence) -> Diagnosis | None:
    """Neurons with the same value for every row pass no gradient, and never come back."""
    for number, layer in enumerate(evidence.layers, 1):
        if layer.silent_share > _MANY_DEAD:
            lower = evidence.settings.learning_rate / 3
            return Diagnosis(
                "dead neurons",
                f"{layer.silent_share:.0%} of the {layer.width} neurons of hidden layer {number} "
                f"have the same value for each of {evidence.num_rows_of_layers:,} training rows",
                evidence.command(learning_rate=lower, activation="leaky_relu"),
                lower,
            )
    return None


def saturation(evidence: Evidence) -> Diagnosis | None:
    """Values at the ends of tanh or sigmoid, where there is no slope to learn by."""
    for number, layer in enumerate(evidence.layers, 1):
        share = layer.saturated_share
        if share is not None and share > _MUCH_SATURATED:
            lower = evidence.settings.learning_rate / 3
            return Diagnosis(
                "saturated neurons",
                f"{share:.0%} of the values of hidden layer {number} are at the ends of "
                f"{layer.activation}, where its slope is next to 0",
                evidence.command(learning_rate=lower, initialization="glorot"),
                lower,
            )
    return None


def vanishing_gradients(evidence: Evidence) -> Diagnosis | None:
    """The first matrix gets next to nothing of what the last one gets."""
    norms = [one.gradient for one in evidence.gradients]
    if len(norms) < 2 or not norms[-1] or norms[0] > _VANISHED * norms[-1]:
        return None
    activation = evidence.settings.activation
    return Diagnosis(
        "vanishing gradients",
        f"the gradient of the first weight matrix has the norm {norms[0]:.1e}, that of the last "
        f"{norms[-1]:.1e}",
        evidence.command(initialization="he", activation=activation.replace("sigmoid", "relu")),
    )


def exploding_gradients(evidence: Evidence) -> Diagnosis | None:
    """Gradients far longer than any step can use."""
    norms = [one.gradient for one in evidence.gradients]
    total = math.sqrt(sum(norm**2 for norm in norms))
    if total <= _EXPLODED:  # not so for NaN
        return None
    return Diagnosis(
        "exploding gradients",
        f"the gradient on {evidence.num_rows_of_layers:,} training rows at the end has the norm "
        f"{total:.1e}",
        evidence.command(max_gradient_norm=1.0),
    )
