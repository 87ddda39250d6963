"""What docs/exercises.md says: the studies' own sentences, and what they stand on."""

from collections.abc import Sequence

from exercise_groups import Answer, groups_of, num_rounds_of

from multilayer.drawing.panels import markdown_table

QUESTIONS = {
    "width": "1. How does the number of hidden neurons change the accuracy, and which is best?",
    "depth": "2. What does another hidden layer change?",
    "bottleneck": "3. Why is a hidden layer of a single neuron a bad idea?",
    "learning-rate": "4. Which learning rate is best, and what has it to do with the epochs?",
    "joint": "5. How does one choose all of it at once?",
    "speed": "6. How fast are the network from scratch and the API's as the network grows?",
    "alignment": "7. Do sizes that are powers of two pay?",
    "activation": "8. Which activation function works best?",
    "initialisation": "9. Do the first weights matter?",
    "batch-size": "And: how many rows should a step see?",
    "baseline": "And: is the hidden layer worth anything?",
}
_HEAD = """# The chapter's exercises, answered

Each answer below was written by `multilayer study`, which trains several networks of every kind
over the same seeds, scores them on a fifth of the training rows that they have not seen (never on
the test rows), and says how sure it is. The command stands above each answer. A seed decides which
rows are held out, the first weights and the order of the batches; the networks have the chapter's
settings but for what the study varies: one hidden layer of 256, ReLU, gradient descent at the rate
0.1, batches of 256, 10 epochs. A difference of accuracy counts as none if it is shown to be below
{matters:g}.

The figures of every network are kept in the repository, and this page is written from them:

```sh
python benchmarks/exercises.py
```

What the answers stand on, and how many of their comparisons these seeds could not decide:

{overview}
Seconds of an epoch are those that the processor worked on it, on one thread of a machine that had
other work; the two studies of time take turns, and compare within each round. What the commands
say on your machine will differ in the last digits, and in all figures of time.
"""


def page(answers: Sequence[Answer]) -> str:
    """The whole page."""
    matters = next(one.plan.matters for one in answers if one.plan.problem is not None)
    head = _HEAD.format(matters=matters, overview=_overview(answers))
    return "\n".join([head, *map(_section, answers)])


def _overview(answers: Sequence[Answer]) -> str:
    rows = []
    for one in answers:
        groups = groups_of(one)
        pairs = sum(len(group.pairs) for group in groups)
        undecided = sum(group.num_undecided for group in groups)
        rows.append(
            [f"`{one.name}`", f"{len(one.plan.rows):,}", str(one.plan.num_seeds),
             str(one.num_networks), f"{undecided} of {pairs}"]
            if groups
            else [f"`{one.name}`", "", f"{num_rounds_of(one)} rounds", "", ""]
        )  # fmt: skip
    return markdown_table(["study", "rows", "seeds", "networks", "undecided"], rows)


def _section(answer: Answer) -> str:
    result = answer.result
    origins = "; ".join(
        f"{one.date}, {one.processor}, {one.num_processors} cores, {one.num_threads} "
        f"thread{'s' * (one.num_threads > 1)}"
        for one in answer.origins
    )
    return (
        f"## {QUESTIONS[answer.name]}\n\n```sh\n{answer.command}\n```\n\n{result.paragraph}\n\n"
        f"![{result.title}](images/study-{answer.name}.svg)\n\n"
        f"{markdown_table(result.headers, result.rows)}\n{result.title}. {origins}.\n"
    )
