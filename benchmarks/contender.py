"""One contender in a process of its own; `workers.Worker` starts it and talks to it.

    python benchmarks/contender.py '{"contender": …, "module": …, "case": {…}, "num_members": 1}'

Reads requests as lines of JSON and answers each with a line. Whatever the libraries print goes to
stderr, so that it cannot be taken for an answer.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from multilayer.proofs.bench_cases import BenchCase, Contender


def main() -> None:
    """Build the contender, then serve."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.loads(sys.argv[1])
    job["case"]["widths"] = tuple(job["case"]["widths"])
    case = BenchCase(**job["case"])
    inputs, targets = case.examples()
    make = importlib.import_module(job["module"]).CONTENDERS[job["contender"]]
    options = {"num_members": job["num_members"]} if job["num_members"] > 1 else {}
    contender = make(case, inputs, targets, **options)
    for line in sys.stdin:
        answer = respond(contender, json.loads(line), inputs, targets)
        print(json.dumps(answer), file=answers, flush=True)


def respond(contender: Contender, request: dict[str, Any], inputs: Any, targets: Any) -> Any:
    """Do what is asked for."""
    if "warm_up" in request:
        return {"num_epochs": contender.warm_up(request["warm_up"])}
    if "train" in request:
        return {"seconds": contender.seconds(request["train"])}
    peak = peak_megabytes()  # before the predictions, which some make for all rows at once
    if contender.predict is None:
        return {"accuracy": None, "peak_megabytes": peak}
    accuracy = float((contender.predict(inputs) == targets).mean())
    return {"accuracy": accuracy, "peak_megabytes": peak}


def peak_megabytes() -> float:
    """Largest resident memory so far.

    Not ru_maxrss: Linux lets a process inherit that from the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    [kibibytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kibibytes) * 1024 / 1e6


if __name__ == "__main__":
    main()
