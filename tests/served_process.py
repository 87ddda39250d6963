"""`multilayer serve` as a real process, and rows to ask it about."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


def houses(num_rows: int = 400, seed: int = 0) -> pl.DataFrame:
    """Numbers, money, text, yes or no and dates, with gaps."""
    generator = np.random.default_rng(seed)
    size = generator.normal(100, 30, num_rows).round(1)
    age = generator.integers(0, 90, num_rows)
    return pl.DataFrame(
        {
            "size": [None if number % 17 == 0 else float(v) for number, v in enumerate(size)],
            "age": age,
            "rent": [f"${value:,.2f}" for value in size * 21.5],
            "town": generator.choice(["Bern", "Oslo", "Rome"], num_rows),
            "street": [f"s{number}" for number in generator.integers(0, 30, num_rows)],
            "garden": generator.choice(["yes", "no"], num_rows),
            "sold": [f"2024-{month:02d}-15" for month in generator.integers(1, 13, num_rows)],
        }
    )


def prices(frame: pl.DataFrame) -> np.ndarray:
    size = frame["size"].fill_null(100).to_numpy()
    return size * 3 + 100 * (frame["town"] == "Oslo").to_numpy()


class Served:
    """A server in a process of its own.

    Attributes:
        port: where it listens.
    """

    def __init__(self, *arguments: str | Path, folder: Path) -> None:
        self.log_path = folder / f"log-{time.monotonic_ns()}"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("multilayer"), "serve", *map(str, arguments),
                 "--port", "0"],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )  # fmt: skip
        assert self.process.stdout is not None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("page "):
                break
        else:
            raise AssertionError(self.log)
        self.address = self.said[-1].split()[1].rstrip("/,")
        self.port = int(self.address.rpartition(":")[2])
        self.wait_for("ready for requests")

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until the log says something."""
        end = time.monotonic() + seconds
        while text not in self.log:
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def ask(
        self, path: str, body: Any = None, kind: str = "application/json", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, content and headers of an answer; JSON is parsed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            connection.request("GET", path, headers=named)
        else:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", path, content, {"content-type": kind, **named})
        answer = connection.getresponse()
        content = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        if found.get("content-type") == "application/json":
            return answer.status, json.loads(content), found
        return answer.status, content.decode(), found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
