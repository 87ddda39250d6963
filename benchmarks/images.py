"""Measures the recipes for pictures on Fashion-MNIST.

    python benchmarks/images.py [--cases fast,default,fast-augment] [--write]
    python benchmarks/images.py --try "default,dropout=0.5" [--seed 0]
    python benchmarks/images.py --time

The networks learn from 55,000 of the training rows. The other 5,000, as many of each class, are for
choosing settings, which `--try` does with one network, without a look at the test rows. A case is
five seeds of a recipe as it stands, trained as one population and scored once on the test rows, at
the end of the last epoch; the recipe `best` is the answers of `default`'s five, averaged. `--time`
takes three epochs of each, with the machine to itself, and their median for every epoch.

Measurements are kept in results/records/, and the state of a training every two minutes in the
user's cache: a run makes what is missing, and may be stopped and continued.
"""

import argparse
import datetime
import hashlib
import json
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace

import torch
from image_records import CACHE, Measurement, Score, append, as_document, as_settings, records
from reporting import machine, markdown_table, write_result

from multilayer import Examples, Network, TrainingSettings, load_images, recipe, train
from multilayer.encoding.splits import split_rows
from multilayer.fit.image_rows import image_examples
from multilayer.runs.checkpoints import CheckpointPlan, Checkpoints
from multilayer.runs.written_settings import read_settings

SPLIT_SEED, HELD_OUT = 0, 5_000
SEEDS = range(5)
CASES = {
    "fast": [recipe("fast", seed=seed) for seed in SEEDS],
    "default": [recipe("default", seed=seed) for seed in SEEDS],
    "record": [recipe("record", seed=seed) for seed in SEEDS],
    "fast-augment": [recipe("fast", seed=seed, augment=("shift", "flip")) for seed in SEEDS],
    "default-augment": [recipe("default", seed=seed, augment=("shift", "flip")) for seed in SEEDS],
}
NAMES = {name: name.replace("-augment", ", --augment shift,flip") for name in CASES}
AIMS = {
    "fast": "0.895", "default": "0.914", "default, averaged": "0.919", "record": "0.9163",
    "record, averaged": "0.922",
}  # fmt: skip
TIMES = CACHE / "images-times.json"


def measure(text: str, members: list[TrainingSettings], *, is_tested: bool) -> Measurement:
    """Train a population and score it."""
    rows, watched, tested = data()
    network = network_of(members, rows)
    folder = CACHE / "images" / hashlib.sha256(key(members).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(folder, CheckpointPlan.read("120s"), num_kept=1)
    state, _ = checkpoints.latest()
    seconds = sum(record.seconds for record in state.history) if state else 0.0
    for record in train(network, rows, members, state=state, keeper=checkpoints):
        seconds += record.seconds
        place = f"epoch {record.epoch}, loss {record.train_loss[0]:.4f}, {seconds:.0f} s"
        print(f"{text}: {place}", file=sys.stderr, flush=True)
    test = score(network, tested) if is_tested else None
    shutil.rmtree(folder)
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    documents = [as_document(member) for member in members]
    validation, num_threads = score(network, watched), members[0].num_threads
    return Measurement(text, documents, validation, test, seconds, num_threads, now)


def data() -> tuple[Examples, Examples, Examples]:
    """Rows to learn from, to choose by, and to test on."""
    dataset = load_images("fashion-mnist")
    every = image_examples(dataset.train, dataset)
    kept, held_out = split_rows(dataset.train.labels, HELD_OUT / len(every), SPLIT_SEED)
    rows, watched = (every.at(torch.from_numpy(part)) for part in (kept, held_out))
    return rows, watched, image_examples(dataset.test, dataset)


def network_of(members: Sequence[TrainingSettings], rows: Examples) -> Network:
    """A population with first weights."""
    spec = members[0].network_spec(784, 10, input_scale=1 / 255)
    return Network.for_training(spec, members, rows.inputs)


def score(network: Network, rows: Examples) -> Score:
    """Scores of a population."""
    logs = network.logits(rows.inputs).double().log_softmax(-1)
    is_right = (logs.argmax(-1) == rows.targets).double().mean(-1)
    averaged = (logs.exp().mean(0).argmax(-1) == rows.targets).double().mean()
    of_targets = logs.gather(-1, rows.targets.expand(len(logs), -1).unsqueeze(-1))
    return Score(is_right.tolist(), float(averaged), float(-of_targets.mean()))


def key(members: Sequence[TrainingSettings]) -> str:
    """What tells trainings apart."""
    return json.dumps([as_document(member) for member in members])


def of_case(name: str, measured: Sequence[Measurement]) -> Measurement | None:
    """The last measurement of a case, if it has one."""
    found = [
        one
        for one in measured
        if one.test is not None
        and [as_settings(document) for document in one.settings] == CASES[name]
    ]
    return found[-1] if found else None


def rows_of(name: str, measured: Sequence[Measurement], times: dict) -> list[list[str]]:
    """The lines of a case in the table: its networks, and these averaged."""
    one = of_case(name, measured)
    if one is None or one.test is None:
        return []
    accuracies, average = one.test.accuracies, f"{one.text}, averaged"
    alone, together = times.get(name, ("", ""))
    return [
        [
            one.text,
            f"{statistics.mean(one.validation.accuracies):.4f}",
            f"{statistics.mean(accuracies):.4f}",
            f"{statistics.stdev(accuracies):.4f}",
            f"{min(accuracies):.4f} to {max(accuracies):.4f}",
            AIMS.get(one.text, ""),
            alone,
        ],
        [
            average,
            f"{one.validation.averaged:.4f}",
            f"{one.test.averaged:.4f}",
            "",
            "",
            AIMS.get(average, ""),
            together,
        ],
    ]


def time_cases() -> dict[str, tuple[str, str]]:
    """Seconds of training of each case: of one of its networks, and of all as a population."""
    times = {}
    for name, members in CASES.items():
        times[name] = seconds_of(members[:1]), seconds_of(members)
        print(name, *times[name], file=sys.stderr, flush=True)
    return times


def seconds_of(members: list[TrainingSettings]) -> str:
    """Of a training, from its first epochs."""
    rows, _, _ = data()
    network = network_of(members, rows)
    epochs = train(network, rows, members)
    return (
        f"{members[0].max_epochs * statistics.median(next(epochs).seconds for _ in range(3)):.0f}"
    )


def report(measured: Sequence[Measurement], times: dict) -> str:
    """Everything as Markdown."""
    headers = [
        "", "validation accuracy", "test accuracy", "standard deviation", "least to most",
        "aim", "seconds of training",
    ]  # fmt: skip
    results = [line for name in CASES for line in rows_of(name, measured, times)]
    tried = [
        [
            one.text,
            str(one.settings[0]["seed"]),
            f"{one.validation.accuracies[0]:.4f}",
            f"{one.validation.loss:.4f}",
        ]
        for one in measured
        if one.test is None
    ]
    title, _, protocol, _ = __doc__.split("\n\n")
    return "\n".join(
        [
            f"{title}\n\n{protocol}\n\n{machine()}",
            markdown_table(headers, results),
            *(f"Not measured: {NAMES[name]}.\n" for name in CASES if not of_case(name, measured)),
            "Tried on the validation rows, one network each, with the recipes as they were then:\n",
            markdown_table(["", "seed", "validation accuracy", "loss"], tried),
        ]
    )


def main() -> None:
    """Measure what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=",".join(CASES), help="names with commas between")
    parser.add_argument("--try", dest="tried", help="settings to try on the validation rows")
    parser.add_argument("--seed", type=int, default=0, help="of what is tried")
    parser.add_argument("--threads", type=int, default=0, help="of what is tried; 0: all")
    parser.add_argument("--time", action="store_true", help="measure the time alone")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    names = options.cases.split(",")
    for name in names:
        if name not in CASES:
            parser.error(f"unknown case {name!r}; known: {', '.join(CASES)}")
    if options.tried:
        settings = read_settings(options.tried, "default")
        members = [replace(settings, seed=options.seed, num_threads=options.threads)]
        append(measure(options.tried, members, is_tested=False))
    elif options.time:
        TIMES.parent.mkdir(parents=True, exist_ok=True)
        TIMES.write_text(json.dumps(time_cases()))
    elif not options.report:
        for name in names:
            if of_case(name, records()) is None:
                append(measure(NAMES[name], CASES[name], is_tested=True))
    text = report(records(), json.loads(TIMES.read_text()) if TIMES.exists() else {})
    print(text)
    if options.write:
        write_result("images", text)


if __name__ == "__main__":
    main()
