"""`multilayer playground` as a real process, and pages that are connected to it."""

import http.client
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from fork_server import Forked, ForkServer
from websockets.sync.client import ClientConnection, connect

_COMMAND = "from multilayer.cli import main\nmain()"
_DTYPES = {"f4": np.float32, "u1": np.uint8}


def unpacked(content: bytes) -> dict[str, Any]:
    """A message of the server; arrays stand in it by their names."""
    length = struct.unpack("<I", content[:4])[0]
    message, place = json.loads(content[4 : 4 + length]), 4 + length
    for name, kind, shape in message.pop("arrays"):
        size = int(np.prod(shape)) * np.dtype(_DTYPES[kind]).itemsize
        message[name] = np.frombuffer(content[place : place + size], _DTYPES[kind]).reshape(shape)
        place += size + -size % 8
    assert place == len(content)
    return message


class PlaygroundProcess:
    """A running playground.

    Attributes:
        address: of its page, with the token.
        port: that it listens at.
    """

    def __init__(
        self, *arguments: str | Path, folder: Path, forks: ForkServer | None = None,
        before: str = "",
    ) -> None:  # fmt: skip
        """`forks` starts it with everything loaded; without, it starts as people start it.

        `before` is a program that is run before it in a fork.
        """
        command = [Path(sys.executable).with_name("multilayer"), "playground", "--no-browser"]
        words = [*map(str, command), *map(str, arguments)]
        self.error_path = folder / f"playground-{time.monotonic_ns()}.txt"
        environment = {**os.environ, "PYTHONWARNINGS": "error"}
        with self.error_path.open("w") as error, Path(os.devnull).open() as nothing:
            if forks is None:
                self.process: subprocess.Popen[str] | Forked = subprocess.Popen(
                    words, stdout=subprocess.PIPE, stderr=error, text=True, cwd=folder,
                    env=environment,
                )  # fmt: skip
            else:
                streams = (nothing.fileno(), None, error.fileno())
                self.process = forks.start(
                    f"{before}\n{_COMMAND}", *words, cwd=folder, env=environment, streams=streams
                )
        self.said = self.process.stdout.readline()
        assert self.said.startswith("playground at http"), self.error_path.read_text()
        self.address = self.said.split()[2]
        self.port = int(self.address.split(":")[2].partition("/")[0])
        self.token = self.address.split("/")[3]

    def ask(self, path: str = "", method: str = "GET", **headers: str) -> tuple[int, bytes, dict]:
        """Status, content and headers of what is behind the token."""
        return self.ask_plainly(f"/{self.token}/{path}", method, **headers)

    def ask_plainly(self, path: str, method: str = "GET", **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, {name.lower(): one for name, one in answer.getheaders()}

    @property
    def num_sessions(self) -> int:
        return json.loads(self.ask("status")[1])["sessions"]

    @property
    def num_threads(self) -> int:
        """That train or compare."""
        return json.loads(self.ask("status")[1])["threads"]

    def wait_for_sessions(self, number: int) -> None:
        end = time.monotonic() + 60
        while self.num_sessions != number:
            assert time.monotonic() < end, self.error_path.read_text()
            time.sleep(0.02)

    def wait_for_threads(self, number: int) -> None:
        end = time.monotonic() + 60
        while self.num_threads != number:
            assert time.monotonic() < end, (self.num_threads, self.error_path.read_text())
            time.sleep(0.02)

    def page(self, query: str | None = None) -> "Page":
        return Page(self, query)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if isinstance(self.process, Forked):
            self.process.close()
        else:
            self.process.stdout.close()


class Page:
    """A page that is connected: what it is sent, and what it asks for."""

    def __init__(self, server: PlaygroundProcess, query: str | None) -> None:
        connecting = connect(
            f"ws://127.0.0.1:{server.port}/{server.token}/session",
            origin=f"http://127.0.0.1:{server.port}", max_size=None, proxy=None,
        )  # fmt: skip
        self.socket: ClientConnection = connecting.__enter__()
        if query is not None:
            self.ask("begin", query=query)
            self.problem = self.next("problem")
            self.frame = self.next("frame")

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, do: str, **more: Any) -> None:
        self.socket.send(json.dumps({"do": do, **more}))

    def receive(self, seconds: float = 60) -> dict[str, Any]:
        """The next message, see `unpacked`."""
        content = self.socket.recv(timeout=seconds)
        assert isinstance(content, bytes)
        return unpacked(content)

    def next(self, kind: str) -> dict[str, Any]:
        """The next message of a kind, frames and the sketch before the first one passed over.

        Frames are confirmed, as by a page.
        """
        while True:
            message = self.receive()
            if message["kind"] == "frame":
                self.ask("drawn", number=message["number"])
            if message["kind"] == kind:
                return message
            assert message["kind"] in ("frame", "sketch"), message

    def next_frame_at(self, steps: int) -> dict[str, Any]:
        """The first frame after so many steps."""
        while (frame := self.next("frame"))["steps"] < steps:
            pass
        return frame
