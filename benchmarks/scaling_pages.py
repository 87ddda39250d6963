"""The page of `scaling.py`: what was measured, what the model makes of it, and what it predicts."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from reporting import machine, markdown_table
from scaling_model import CHANGES, Job, Link, ReadingCost, StepCost

Kept = Mapping[str, Sequence[dict[str, Any]]]

MACHINES = (1, 8, 32, 128)
PROCESSES_OF_A_MACHINE = 2
ALL_ROWS = 1_000_000_000
# What machines are assumed to be joined by: seconds of a hop beyond those here, and bytes a second.
# A hop takes about a round trip, as the cables show.
NETWORKS = {
    "10 Gbit/s, a round trip of 0.1 ms": (1e-4, 1.25e9),
    "1 Gbit/s, a round trip of 0.5 ms": (5e-4, 1.25e8),
}
NETS = {"recipe": "table recipe", "2048-2048": "30-2048-2048-1"}
BATCHES = {  # rows in all, and rows for each process
    "4,096 in all": (4096, 0), "256 a process": (0, 256), "4,096 a process": (0, 4096),
}  # fmt: skip
ABOUT = (
    "What bounds training in several processes: measured on one machine, and predicted for up to "
    "128 by a model that adds up what the parts take (`benchmarks/scaling.py`; docs/scaling.md "
    "says what it means)."
)


def found_of(lines: Sequence[Any]) -> Any:
    """The least over the rounds, number by number: other work of the machine only adds."""
    first = lines[0]
    if isinstance(first, dict):
        return {name: found_of([line[name] for line in lines]) for name in first}
    if isinstance(first, list):
        return [found_of(of_case) for of_case in zip(*lines, strict=True)]
    return min(lines) if isinstance(first, float) else first


def in_units(seconds: float) -> str:
    """Such as 3.2 ms."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


class Model:
    """The parts as they were measured.

    Args:
        kept: lines of the records, by piece.

    Attributes:
        found: medians, by piece.
        steps: cost of a step, by the number of processes at once.
        links: between processes of this machine, or at the ends of a cable, by piece.
        readings: from memory and from the disk.
    """

    def __init__(self, kept: Kept) -> None:
        lines = [line for of_piece in kept.values() for line in of_piece]
        self.found = {
            piece: found_of([line["found"] for line in of_piece])
            for piece, of_piece in sorted(kept.items())
        }
        self.num_cores = lines[-1]["cores"] if lines else 1
        self.steps = {
            num_processes(piece): StepCost.of(found["steps"])
            for piece, found in self.found.items()
            if "steps" in found
        }
        self.links = {
            piece: Link.of(num_processes(piece), found["all-reduce"])
            for piece, found in self.found.items()
            if "all-reduce" in found
        }
        self.readings = {
            name.removeprefix("reading, from "): ReadingCost.of(lines[-1]["rows"], found)
            for name, found in self.found.get("reading", {}).items()
        }

    def job(self, piece: str) -> Job | None:
        """Of processes on this machine, or at the ends of a cable; None: parts are missing."""
        n = num_processes(piece)
        link = Link(0.0, 1.0) if n == 1 else self.links.get(piece)
        if n not in self.steps or link is None or "memory" not in self.readings:
            return None
        return Job(self.steps[n], self.readings["memory"], link, n, max(1.0, n / self.num_cores))

    def cluster(self, num_machines: int, network: tuple[float, float]) -> Job | None:
        """Of machines like this one, a process for each of two cores."""
        local = self.job("2 processes")
        if local is None or num_machines == 1:
            return local
        link = local.link
        link = Link(link.hop_seconds + network[0], min(link.bytes_a_second, network[1]))
        return Job(local.step, local.reading, link, PROCESSES_OF_A_MACHINE * num_machines)

    def parameters_of(self, network: str) -> int:
        """Of a network that was measured."""
        for case in self._trained():
            if case["network"] == network:
                return int(case["parameters"])
        raise KeyError(network)

    @property
    def is_complete(self) -> bool:
        """Whether there is enough to predict from."""
        measured = {case["network"] for case in self._trained()}
        return self.job("2 processes") is not None and set(NETS) <= measured

    def _trained(self) -> list[dict[str, Any]]:
        return [case for found in self.found.values() for case in found.get("train", ())]


def num_processes(piece: str) -> int:
    """Of a piece by its name; a cable is between two."""
    return 2 if piece.startswith("cable") else int(piece.split()[0])


def page(kept: Kept, note: str = "") -> str:
    """Everything, as Markdown; what is missing is said."""
    model = Model(kept)
    dates = sorted(line["measured"] for lines in kept.values() for line in lines)
    rounds = sorted({len(lines) for lines in kept.values()})
    how_many = " or ".join(map(str, rounds))
    when = "Nothing is measured."
    if dates:
        when = f"Measured {dates[0]} to {dates[-1]} UTC, the least of {how_many} rounds. {note}"
    parts = [
        ABOUT, machine(), when.strip(),
        "## Measured: the parts", part_tables(model),
        "## Measured and predicted: a step of `train`", whole_table(model),
        "## Measured: encoding", encoding_table(model),
    ]  # fmt: skip
    if model.is_complete:
        parts += [
            "## Predicted: machines of two cores like this one's, two processes each",
            "None of what follows was measured. How machines are joined is an assumption.",
            *(predictions(model, name) for name in NETWORKS),
            "## Predicted: what changes of the code would give", changes_table(model),
            "## Predicted: before a training on a billion rows of 30 columns",
            before_table(model),
        ]  # fmt: skip
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def part_tables(model: Model) -> str:
    """What was fitted to steps, exchanges and reading."""
    steps = [
        [
            str(n), in_units(cost.fixed), in_units(cost.of_parameter * 1e6),
            in_units(cost.of_row), in_units(cost.of_both * 1e6), step_error(model, n),
        ]
        for n, cost in model.steps.items()
    ]  # fmt: skip
    links = [
        [piece, in_units(link.hop_seconds), f"{link.bytes_a_second / 1e6:,.0f} MB/s"]
        for piece, link in model.links.items()
    ]
    readings = [
        [where, in_units(cost.of_order), in_units(cost.of_own)]
        for where, cost in model.readings.items()
    ]
    step_headers = [
        "processes at once, a thread each", "a step at least", "for a million parameters",
        "for a row", "for a row and a million parameters", "error of the fit: median, largest",
    ]  # fmt: skip
    reading_headers = [
        "rows of 31 numbers, read from", "order, for a row of all, in each process",
        "reading and gathering, for a row of its own",
    ]  # fmt: skip
    link_headers = ["all-reduce through gloo", "a hop of 2 (n − 1)", "bytes that a process sends"]
    return "\n".join(
        [
            markdown_table(step_headers, steps), markdown_table(link_headers, links),
            markdown_table(reading_headers, readings),
        ]
    )  # fmt: skip


def step_error(model: Model, n: int) -> str:
    """How far the fitted cost of a step is from what was measured."""
    cases = model.found["1 process" if n == 1 else f"{n} processes"]["steps"]
    cost = model.steps[n]
    errors = [
        abs(cost.seconds(case["rows"], case["parameters"]) / case["seconds"] - 1) for case in cases
    ]
    return f"{statistics.median(errors):.0%}, {max(errors):.0%}"


def whole_table(model: Model) -> str:
    """Steps of `train` beside what the parts say."""
    rows, errors = [], []
    for piece, found in model.found.items():
        job = None if "compiled" in piece or "train" not in found else model.job(piece)
        for case in found.get("train", ()):
            size, seconds = case["batch_size"], case["seconds"]
            of_model = ["", "", ""]
            if job is not None:
                parts = job.parts(size, case["parameters"])
                error = parts.seconds / seconds - 1
                errors.append(abs(error))
                each = (parts.step, parts.reading, parts.exchange)
                of_model = [
                    in_units(parts.seconds), " + ".join(map(in_units, each)), f"{error:+.0%}"
                ]  # fmt: skip
            title = NETS.get(case["network"], case["network"])
            rows.append(
                [
                    piece, title, f"{size:,}", in_units(seconds), *of_model,
                    f"{size / seconds:,.0f}",
                ]
            )  # fmt: skip
    headers = [
        "where", "network", "rows of a batch", "measured", "predicted",
        "step + reading + all-reduce", "error", "measured rows a second",
    ]  # fmt: skip
    said = "The prediction is the sum of the parts above; nothing is fitted to this table."
    if errors:
        middle, most = statistics.median(errors), max(errors)
        said += f" It is off by {middle:.0%} in the median and by {most:.0%} at most."
    return f"{said}\n\n{markdown_table(headers, rows)}"


def encoding_costs(model: Model, n: int) -> tuple[float, float] | None:
    """Seconds of a row in the first pass and in encoding; None: it is not measured."""
    found = model.found.get(f"encode, {n}")
    if found is None:
        return None
    (few, of_few), (many, of_many) = sorted((int(size), of) for size, of in found.items())
    first = of_many["first_pass"] - of_few["first_pass"]
    rest = of_many["seconds"] - of_few["seconds"] - first
    return max(first, 0.0) / (many - few), max(rest, 0.0) / (many - few)


def encoding_table(model: Model) -> str:
    """What a row takes in `multilayer encode`, from two tables of different length."""
    rows = []
    for n in (1, 2):
        costs = encoding_costs(model, n)
        if costs is not None:
            rows.append([str(n), *(f"{1 / cost:,.0f}" if cost else "" for cost in costs)])
    headers = ["processes of `multilayer encode`", "rows a second, first pass", "encoding"]
    return markdown_table(headers, rows)


def predictions(model: Model, network: str) -> str:
    """Rows a second and hours of an epoch, by network, batch and number of machines."""
    rows = []
    for net, title in NETS.items():
        for batch, (in_all, of_process) in BATCHES.items():
            row = [title, batch]
            for num_machines in MACHINES:
                job = model.cluster(num_machines, NETWORKS[network])
                assert job is not None
                size = in_all + of_process * job.num_processes
                parts = job.parts(size, model.parameters_of(net))
                rate = size / parts.seconds
                share = max(parts.step, parts.reading, parts.exchange) / parts.seconds
                row.append(
                    f"{rate:,.0f} ({ALL_ROWS / rate / 3600:.2g} h; {parts.bound} {share:.0%})"
                )
            rows.append(row)
    headers = ["network", "batch", *(f"{n} machine{'s' * (n > 1)}" for n in MACHINES)]
    return (
        f"Machines joined by {network}: rows a second of all (hours for an epoch of a billion "
        "rows; the part that takes longest, and its share).\n\n"
        f"{markdown_table(headers, rows)}"
    )


def changes_table(model: Model) -> str:
    """How many times as many rows a second each change would give at 128 machines."""
    cases = [
        (network, net, batch)
        for network in NETWORKS
        for net in NETS
        for batch, (_, of_process) in BATCHES.items()
        if of_process
    ]
    rows = []
    for change, changed in CHANGES.items():
        row = [change]
        for network, net, batch in cases:
            job = model.cluster(MACHINES[-1], NETWORKS[network])
            assert job is not None
            size, parameters = BATCHES[batch][1] * job.num_processes, model.parameters_of(net)
            gain = changed(job).rows_a_second(size, parameters)
            row.append(f"{gain / job.rows_a_second(size, parameters):.2f}")
        rows.append(row)
    headers = [f"{network}: {NETS[net]}, {batch}" for network, net, batch in cases]
    title = f"times as many rows a second, {MACHINES[-1]} machines"
    return markdown_table([title, *headers], rows)


def before_table(model: Model) -> str:
    """Hours of the first pass and of encoding, which one machine does."""
    found = [costs for n in (1, 2) if (costs := encoding_costs(model, n)) is not None]
    gigabytes = ALL_ROWS * 31 * 4 / 1e9
    if len(found) < 2:
        return ""
    # One process makes the first pass, however many encode: the slower of two measurements counts.
    first = max(cost for cost, _ in found) * ALL_ROWS / 3600
    rest = found[1][1] * ALL_ROWS / 3600
    rows = [
        ["first pass over the table, by one process", f"{first:.2g} h"],
        ["encoding into shards, by two processes of one machine", f"{rest:.2g} h"],
        ["the same by 16 processes, if the disk keeps up", f"{rest / 8:.2g} h"],
        [
            f"{gigabytes:.0f} GB of shards to a machine that does not see the folder, 10 Gbit/s",
            f"{gigabytes / 1.25 / 3600:.2g} h",
        ],
    ]
    return markdown_table(["", "predicted"], rows)
