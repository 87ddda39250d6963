"""The process: how it begins, is told to load anew, and ends."""

import json
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from served_process import houses

from multilayer.cli.application import run
from multilayer.model.model_file import load_predictor, save_model

ROW = houses(1).to_dicts()[0]


def complaint(capsys, *arguments) -> str:
    capsys.readouterr()
    assert run(["serve", *map(str, arguments)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_what_cannot_be_served_is_said_in_a_line(models, tmp_path, capsys):
    price = models / "price.safetensors"
    assert "name a run folder or a model file" in complaint(capsys)
    assert "no run folder" in complaint(capsys, tmp_path / "none")
    (tmp_path / "broken").write_bytes(b"x" * 100)
    assert "broken" in complaint(capsys, tmp_path / "broken")
    copy = shutil.copy(price, tmp_path / "price.safetensors")
    line = complaint(capsys, price, copy)
    assert f"{price} and {copy} both have the name 'price'" in line and "NAME=" in line
    assert "cannot stand in an address" in complaint(capsys, f"a/b={price}")
    assert "--port must be from 0 to 65535" in complaint(capsys, price, "--port", "65536")
    assert "--max-rows must be above 0" in complaint(capsys, price, "--max-rows", "0")
    assert "host 'no such host' is not known" in complaint(capsys, price, "--host", "no such host")
    assert "--host" in complaint(capsys, price, "--host", "192.0.2.1")


def test_a_model_of_a_newer_version_is_said(models, tmp_path, capsys, monkeypatch):
    model = load_predictor(models / "price.safetensors")
    monkeypatch.setattr("multilayer.container.writing.FORMAT_VERSION", 99)
    save_model(model, tmp_path / "newer.safetensors")
    line = complaint(capsys, tmp_path / "newer.safetensors")
    assert "has format version 99; this multilayer reads" in line


def test_a_port_in_use_is_said(models, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = complaint(capsys, models / "price.safetensors", "--port", port)
    assert line == (
        f"error: 127.0.0.1:{port} is in use; choose another port (--port), or 0 for any that is "
        "free"
    )


def test_the_server_never_loads_pytorch(served):
    for name in ("price", "kind"):
        assert served.ask(f"/predict/{name}?coverage=0.9", ROW)[0] == 200
    assert served.ask("/explain/kind", ROW)[0] == 200
    mapped = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "numpy" in mapped and "torch" not in mapped


def test_the_log_has_a_json_line_for_each_request(served):
    path = "/predict/kind?coverage=0.9"
    assert served.ask(path, [ROW] * 23)[0] == 200
    served.wait_for('"rows": 23,')
    lines = [json.loads(line) for line in served.log.splitlines()]
    assert {"time", "event"} <= set(lines[0])
    [line, *_] = [one for one in lines if one.get("rows") == 23]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict/kind", 200)
    assert line["client"] == "127.0.0.1" and line["ms"] > 0 and line["bytes"] > 100


def test_a_replaced_file_is_loaded_on_request_and_a_broken_one_is_not(
    models, tmp_path, start_server
):
    path = tmp_path / "house.safetensors"
    shutil.copy(models / "price.safetensors", path)
    server = start_server(path)
    _, before, _ = server.ask("/predict", ROW)
    shutil.copy(models / "kind.safetensors", path)
    assert server.ask("/predict", ROW)[1] == before  # nothing changes until it is told
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("model house is loaded anew, from version")
    _, after, _ = server.ask("/predict", ROW)
    assert after["version"] != before["version"] and after["prediction"] in (
        "cheap",
        "dear",
        "fair",
    )
    assert before["version"] not in server.ask("/metrics")[1]
    path.write_bytes(b"broken")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(f"model house stays at version {after['version']}")
    path.unlink()
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while server.log.count("stays at version") < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.log.count("stays at version") == 2
    assert server.ask("/predict", ROW)[1] == after
    text = server.ask("/metrics")[1]
    assert 'multilayer_model_loads_total{model="house",outcome="failed"} 2' in text


class Client(threading.Thread):
    """Asks one row after the other over one connection, until it is closed."""

    def __init__(self, port: int, *, is_new_each: bool) -> None:
        super().__init__()
        self._port, self._is_new_each = port, is_new_each
        self.sent: list[float] = []  # when a request was sent as a whole
        self.answered: list[bytes] = []

    def run(self) -> None:
        body = json.dumps([ROW] * 3).encode()
        head = (
            "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode()
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self._port), 30)
            except ConnectionError:
                return
            with connection:
                connection.settimeout(30)
                while True:
                    try:
                        connection.sendall(head + body)
                        self.sent.append(time.monotonic())
                        answer = self._answer(connection)
                    except ConnectionError:
                        return
                    if not answer:
                        break
                    self.answered.append(answer)
                    if b"connection: close" in answer or self._is_new_each:
                        break
            if not self.answered or not answer:
                return

    def _answer(self, connection: socket.socket) -> bytes:
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(65536)
            if not part:
                return b""
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < size:
            part = connection.recv(65536)
            assert part, "an answer was cut off"
            body += part
        return head.lower() + body


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_before_the_end(models, start_server, number):
    server = start_server(models / "price.safetensors", "--log-format", "text")
    clients = [Client(server.port, is_new_each=place % 2 == 0) for place in range(8)]
    for client in clients:
        client.start()
    while any(len(client.answered) < 5 for client in clients):
        time.sleep(0.01)
    asked_to_stop = time.monotonic()
    server.process.send_signal(number)
    for client in clients:
        client.join(60)
        assert not client.is_alive()
        assert all(b"200 ok" in answer for answer in client.answered)
        num_accepted = sum(at < asked_to_stop for at in client.sent)
        assert len(client.answered) >= num_accepted
    assert server.process.wait(60) == 0
    assert f"{number.name}: what was accepted is answered" in server.log
    assert "Traceback" not in server.log


def test_a_full_queue_is_told_to_come_back(models, start_server):
    server = start_server(models / "kind.safetensors", "--max-waiting", "1", "--log-format", "text")
    csv = houses(20_000).write_csv().encode()
    outcomes = []

    def ask(body: bytes, kind: str) -> None:
        outcomes.append(server.ask("/predict", body, kind))

    threads = [threading.Thread(target=ask, args=(csv, "text/csv")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [status for status, _, _ in outcomes]
    assert set(statuses) == {200, 503}
    refused = next(outcome for outcome in outcomes if outcome[0] == 503)
    assert refused[2]["retry-after"] == "1"
    assert refused[1]["error"] == "1 requests wait already; try again in a second"
    assert server.ask("/predict", ROW)[0] == 200


def test_names_and_hosts_may_be_given(models, start_server):
    server = start_server(
        f"first={models / 'price.safetensors'}", f"second={models / 'price.safetensors'}",
        "--allow-host", "my.example", "--allow-host", "other.example", "--log-format", "text",
    )  # fmt: skip
    assert server.ask("/predict/second", ROW)[0] == 200
    assert server.ask("/v2", host="my.example:80")[0] == 200
    assert server.ask("/v2", host="third.example")[0] == 421
    assert server.said[0].startswith("first: a number, target, from 7 columns, version ")
