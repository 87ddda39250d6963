"""A server attacked over a socket: it answers, refuses or closes, and never fails."""

import asyncio
import json
import random
import re
import socket
import time

import pytest
import uvicorn
from served_process import Served, houses
from uvicorn.server import ServerState

from multilayer.serve.limits import Limits
from multilayer.serve.protocol import LimitedProtocol

ROW = houses(1).to_dicts()[0]
PATHS = (
    "/predict/price", "/predict/kind", "/predict/digits", "/predict", "/explain/price",
    "/v2/models/price/infer", "/v2/models/digits/infer", "/v2/models/kind", "/v2", "/metrics",
    "/openapi.json", "/", "/schema/kind", "/static/style.css", "/%ff%00",
    "/predict/price?coverage=",
)  # fmt: skip
KINDS = ("application/json", "text/csv", "image/png", "image/jpeg", "", "text/csv; charset=utf-16")
VALUES = (
    None, True, 0, -1.5, 10**30, "", "NA", "x" * 500, "\0", "\u202e", "1e999", [], {}, [[1]], "007",
    "2024-02-30", "$1", "9" * 400,
)  # fmt: skip


def send(port: int, content: bytes, seconds: float = 30) -> bytes:
    """What the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.settimeout(seconds)
        answer = b""
        try:
            connection.sendall(content)
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:  # it has refused, and read no further
            pass
        return answer


def request(path: str, body: bytes, kind: str = "application/json", method: str = "POST") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def random_body(generator: random.Random) -> bytes:
    """Mostly nearly right."""
    row = dict(ROW)
    for _ in range(generator.randrange(4)):
        row[generator.choice([*row, "other"])] = generator.choice(VALUES)
    tensors = [
        {"name": name, "datatype": generator.choice(["FP64", "BYTES", "INT64", "X"]),
         "shape": generator.choice([[1], [1, 1], [2], [-1], "x", [10**20]]), "data": [value]}
        for name, value in row.items()
    ]  # fmt: skip
    pixels = [[generator.choice([0, 255, 256, -1, 0.5, None])] * 8] * generator.choice([7, 8])
    document = generator.choice(
        [row, [row] * generator.randrange(4), {"inputs": tensors}, pixels, [row, pixels],
         {"inputs": tensors, "parameters": {"coverage": generator.choice(VALUES)}},
         generator.choice(VALUES)]
    )  # fmt: skip
    body = json.dumps(document).encode()
    if generator.random() < 0.2:
        body = ",".join(row).encode() + b"\n" + ",".join(map(str, row.values())).encode()
    if generator.random() < 0.3:
        place = generator.randrange(len(body) + 1)
        body = body[:place] + generator.randbytes(generator.randrange(3)) + body[place + 1 :]
    return body


def random_request(generator: random.Random) -> bytes:
    method = generator.choice(["POST"] * 8 + ["GET", "PUT", "HEAD", "BREW", "CONNECT", "OPTIONS"])
    path = generator.choice(PATHS)
    content = request(path, random_body(generator), generator.choice(KINDS), method)
    kind = generator.random()
    if kind < 0.15:
        for _ in range(generator.randrange(1, 4)):
            place = generator.randrange(len(content))
            content = content[:place] + generator.randbytes(1) + content[place + 1 :]
    elif kind < 0.2:
        others = [b"content-length: 9", b"content-length: -", b"transfer-encoding: chunked\r\nx: "]
        content = content.replace(b"content-length: ", generator.choice(others))
    return content


def attack(served: Served, num_requests: int, seed: int) -> dict[int, int]:
    """Number of answers of each status; a connection may be closed without one."""
    generator = random.Random(seed)
    counts: dict[int, int] = {}
    for _ in range(num_requests):
        content = random_request(generator)
        with socket.create_connection(("127.0.0.1", served.port), 30) as connection:
            connection.settimeout(30)
            answer = b""
            try:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    answer += part
            except ConnectionError:
                pass
        found = re.match(rb"HTTP/1.1 (\d{3}) ", answer)
        status = int(found[1]) if found else 0
        assert status == 0 or 200 <= status < 300 or 400 <= status < 500 or status == 503, (
            content, answer)  # fmt: skip
        assert b"Traceback" not in answer and b"site-packages" not in answer, (content, answer)
        counts[status] = counts.get(status, 0) + 1
    assert served.ask("/v2/health/ready")[0] == 200
    assert served.ask("/predict/price", ROW)[0] == 200
    assert "Traceback" not in served.log
    return counts


def test_random_requests_are_answered_or_refused(served):
    counts = attack(served, 400, seed=1)
    assert {200, 400, 404, 405, 415} <= set(counts)


@pytest.mark.long
def test_20_000_random_requests_are_answered_or_refused(served):
    attack(served, 20_000, seed=2)


@pytest.fixture(scope="module")
def strict(models, tmp_path_factory):
    """A server with low limits."""
    started = Served(
        models / "price.safetensors", "--max-body-bytes", "20000", "--max-rows", "50",
        "--receive-seconds", "0.7", "--idle-seconds", "1.5", "--max-connections", "40",
        "--log-format", "text", folder=tmp_path_factory.mktemp("strict"),
    )  # fmt: skip
    yield started
    started.close()


def test_a_body_that_is_too_large_is_refused(strict):
    head = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    declared = send(strict.port, head + b"content-length: 99999999999\r\n\r\n")
    assert b" 413 " in declared and b"must not be larger than 20,000 bytes" in declared
    chunked = head + b"transfer-encoding: chunked\r\n\r\n" + b"1000\r\n" + b" " * 4096 + b"\r\n"
    answer = send(strict.port, chunked + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 10)
    assert answer == b"" or b" 413 " in answer
    assert strict.ask("/v2/health/live")[0] == 200


def test_who_sends_too_much_is_told_so(strict):
    status, content, _ = strict.ask("/predict", b" " * 150_000)
    assert (status, content["error"]) == (413, "the body must not be larger than 20,000 bytes")


def test_a_name_that_is_missing_among_very_many_costs_little_time(served):
    row = {f"column {number}": number for number in range(200_000)}
    began = time.monotonic()
    status, content, _ = served.ask("/predict/price", [row])
    assert status == 400 and content["error"].startswith("columns 'size', 'age'")
    assert len(content["error"]) < 1000
    assert time.monotonic() - began < 20


def test_a_reader_who_does_not_read_is_given_up(strict):
    with socket.create_connection(("127.0.0.1", strict.port), 30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wanted = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
        connection.settimeout(0.5)
        end = time.monotonic() + 60
        with pytest.raises(ConnectionError):
            while time.monotonic() < end:
                try:
                    connection.sendall(wanted * 100)
                except TimeoutError:
                    continue
    assert strict.ask("/v2/health/live")[0] == 200


def test_who_does_not_read_the_end_of_an_answer_is_given_up():
    async def app(scope, receive, send):
        pass

    class Quick(LimitedProtocol):
        limits = Limits(idle_seconds=0.2)
        was_lost = False

        def connection_lost(self, error):
            super().connection_lost(error)
            self.was_lost = True

    async def run() -> None:
        ours, theirs = socket.socketpair()
        protocol = Quick(uvicorn.Config(app, lifespan="off"), ServerState(), {})
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol, ours
        )
        while not transport.get_write_buffer_size():  # until the system takes no more
            transport.write(b"x" * 1000)
        transport.close()  # as after an error; it waits for the rest to be read
        until = time.monotonic() + 60
        while not protocol.was_lost:
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        theirs.close()

    asyncio.run(run())


def test_too_many_rows_are_refused(strict):
    status, content, _ = strict.ask("/predict", [{"size": 1}] * 51)
    assert (status, content["error"]) == (
        413, "the request holds more than 50 rows; send fewer at once")  # fmt: skip
    csv = b"size\n" + b"1\n" * 51
    assert strict.ask("/predict", csv, "text/csv")[0] == 413


def test_a_slow_sender_is_given_up(strict):
    began = time.monotonic()
    head = b"POST /predict HTTP/1.1\r\nhost: localhost\r\n"
    half = send(strict.port, head)
    body = head + b"content-type: application/json\r\ncontent-length: 10\r\n\r\n[{"
    late = send(strict.port, body)
    silent = send(strict.port, b"")
    assert b"400 Bad Request" in half and b"did not arrive in time" in half
    assert b" 408 " in late and b"did not arrive within 0.7 seconds" in late
    assert silent == b""
    assert time.monotonic() - began < 20


def test_a_drip_of_headers_is_given_up(strict):
    with socket.create_connection(("127.0.0.1", strict.port), 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        answer = b""
        connection.settimeout(0.1)
        for number in range(100):
            try:
                connection.sendall(b"x%d: 1\r\n" % number)
                answer += connection.recv(1000)
                if answer:
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert number < 60


def test_endless_headers_are_refused(strict):
    answer = send(strict.port, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 30_000)
    assert answer == b"" or b"too large" in answer
    answer = send(strict.port, b"GET /" + b"a" * 200_000)
    assert answer == b"" or b"too large" in answer


def test_too_many_connections_are_told_so(strict):
    held = [socket.create_connection(("127.0.0.1", strict.port), 30) for _ in range(45)]
    answer = send(strict.port, request("/v2", b"", method="GET"))
    for connection in held:
        connection.close()
    assert b"503 Service Unavailable" in answer and b"retry-after: 1" in answer
    end = time.monotonic() + 30
    while strict.ask("/v2")[0] != 200:
        assert time.monotonic() < end


def test_a_log_line_cannot_be_forged(strict):
    strict.ask("/%0a2026%1b[2J")
    strict.wait_for("/\\n2026\\x1b[2J")
