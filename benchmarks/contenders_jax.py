"""Contenders on JAX: Keras, and a training loop written by hand."""

import os
from itertools import pairwise
from typing import Any

import numpy as np

from multilayer.proofs.bench_cases import BenchCase, Contender

os.environ["KERAS_BACKEND"] = "jax"  # read when Keras is imported


def keras(case: BenchCase, inputs: Any, targets: Any) -> Contender:
    """Sequential of Dense layers, compile and fit."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, activation="relu") for width in case.widths[1:-1]]
    model = keras.Sequential(
        [keras.Input(case.widths[:1]), *layers, keras.layers.Dense(case.widths[-1])]
    )
    kind = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[case.optimizer]
    model.compile(
        optimizer=kind(case.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def run(num_epochs: int) -> None:
        model.fit(inputs, targets, batch_size=case.batch_size, epochs=num_epochs, verbose=0)

    def predict(rows: Any) -> Any:
        return model.predict(rows, batch_size=1024, verbose=0).argmax(1)

    return Contender(run, predict)


def scan(case: BenchCase, inputs: Any, targets: Any) -> Contender:
    """A whole epoch as one compiled scan over batches gathered by index, memory given back."""
    import jax
    import jax.numpy as jnp

    source = np.random.default_rng(0)

    def uniform(*shape: int) -> Any:
        bound = 1 / case.widths[0] ** 0.5 if len(shape) == 1 else 1 / shape[0] ** 0.5
        return jnp.asarray(source.uniform(-bound, bound, shape), jnp.float32)

    parameters = [(uniform(*shape), uniform(shape[1])) for shape in pairwise(case.widths)]

    def logits(parameters: Any, values: Any) -> Any:
        for weight, bias in parameters[:-1]:
            values = jax.nn.relu(values @ weight + bias)
        weight, bias = parameters[-1]
        return values @ weight + bias

    def loss(parameters: Any, values: Any, answers: Any) -> Any:
        scores = jax.nn.log_softmax(logits(parameters, values))
        return -jnp.take_along_axis(scores, answers[:, None], axis=1).mean()

    def sgd(state: Any, gradient: Any) -> Any:
        return jax.tree.map(lambda p, g: p - case.learning_rate * g, state, gradient)

    def adam(state: Any, gradient: Any) -> Any:
        parameters, first, second, number = state
        number = number + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate, correction = case.learning_rate / (1 - 0.9**number), 1 - 0.999**number
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v / correction) + 1e-8),
            parameters, first, second,
        )  # fmt: skip
        return parameters, first, second, number

    # What an optimiser holds, its update, and where the parameters are in what it holds.
    if case.optimizer == "sgd":
        state, update, parameters_of = parameters, sgd, lambda state: state
    else:
        moments = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        state, update = (parameters, *moments, jnp.zeros((), jnp.float32)), adam
        parameters_of = lambda state: state[0]  # noqa: E731

    def run_epoch(state: Any, key: Any, rows: Any, classes: Any) -> tuple[Any, Any]:
        def take_step(state: Any, batch: Any) -> tuple[Any, Any]:
            value, gradient = jax.value_and_grad(loss)(
                parameters_of(state), rows[batch], classes[batch]
            )
            return update(state, gradient), value

        order = jax.random.permutation(key, len(rows))
        return jax.lax.scan(take_step, state, order.reshape(case.num_steps, case.batch_size))

    compiled = jax.jit(run_epoch, donate_argnums=0)
    rows, classes = jnp.asarray(inputs), jnp.asarray(targets, jnp.int32)
    key = jax.random.key(0)

    def run(num_epochs: int) -> None:
        nonlocal state, key
        for _ in range(num_epochs):
            key, this_epoch = jax.random.split(key)
            state, losses = compiled(state, this_epoch, rows, classes)
        losses.block_until_ready()

    return Contender(run, lambda values: np.asarray(logits(parameters_of(state), values)).argmax(1))


CONTENDERS = {"Keras on JAX": keras, "JAX scan by hand": scan}
