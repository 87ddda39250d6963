"""The playground's process: who gets in, what it answers to nonsense, and what is left of it."""

import json
import signal
import socket
import time

import pytest
import websockets.exceptions
from playground_process import Page
from websockets.sync.client import connect

SMALL = "num_rows=60&hidden_widths=4&activations=tanh&batch_size=16"


def test_the_page_is_behind_the_token_and_allows_itself_alone(played):
    status, content, headers = played.ask()
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert b"http://" not in content and b"https://" not in content
    for path in ("page.js", "style.css", "report.css", "icon.svg", "start.json"):
        assert played.ask(path)[0] == 200, path
    assert played.ask("../server.py")[0] == 404
    assert played.ask("words.py")[0] == 404
    assert played.ask("", "POST")[0] == 405
    for token in ("", "x", played.token[:-1], played.token + "x", "é"):
        status, content, _ = played.ask_plainly(
            f"/{token.encode().hex() if token == 'é' else token}/"
        )
        assert status == 403, token
        assert "lacks the playground's token" in json.loads(content)["error"]


def test_other_hosts_and_pages_get_nothing(played):
    assert played.ask("", host="evil.example")[0] == 421
    assert played.ask("", host=f"localhost:{played.port}")[0] == 200
    assert played.ask("start.json", origin="http://evil.example")[0] == 403
    own, path = f"http://127.0.0.1:{played.port}", f"{played.token}/session"
    for origin, place in (
        (None, path), ("http://evil.example", path), ("null", path),
        (f"http://127.0.0.1:{played.port + 1}", path), (own, "x/session"), (own, "session"),
    ):  # fmt: skip
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{played.port}/{place}", origin=origin, proxy=None)
        assert refused.value.response.status_code == 403
    assert played.num_sessions == 0


NONSENSE = [
    ("", "not JSON"), ("play", "not JSON"), ("[]", "must be an object"), ("{}", '"do" must be one'),
    ('{"do": "fly"}', "'fly'"), ('{"do": ["play"]}', '"do" must be one'),
    ('{"do": "begin"}', '"query": text'), ('{"do": "begin", "query": 7}', '"query": text'),
    ('{"do": "play", "more": 1}', "takes no 'more'"), ('{"do": "speed", "steps": -1}', "whole"),
    ('{"do": "speed", "steps": NaN}', "NaN is not JSON"),
    ('{"do": "speed", "steps": 1e3}', "whole"),
    ('{"do": "speed", "steps": true}', "whole"), ('{"do": "play", "do": "play"}', "twice"),
    ("[" * 100_000, "nested too deeply"), ('{"do": "step"}', "there is no network yet"),
    ('{"do": "begin", "query": "depth=3"}', "'depth', which is no field"),
    ('{"do": "begin", "query": "learning_rate=fast"}', "learning_rate must be a number"),
    ('{"do": "begin", "query": "hidden_widths=5000"}', "up to 1,024 are fine"),
    (json.dumps({"do": "begin", "query": "x" * 50_000}), "the link is longer than 2,000"),
    ('{"do": "begin", "query": "problem=table"}', "needs a table"),
    ('{"do": "table", "name": "x.csv", "text": ""}', "empty"),
    ('{"do": "table", "name": "x.csv", "text": "a,b\\n\\"1,2"}', "x.csv opens a quote in row 1"),
    ('{"do": "table", "name": "x.csv", "text": "a\\ud800,b\\n1,2"}', "x.csv"),
    ('{"do": "table", "name": "../x\\u0000", "text": ""}', "table.csv"),
    (json.dumps({"do": "table", "name": "é" * 250 + ".csv", "text": "a,b"}), "too long"),
    ('{"do": "table", "name": "../x/\\u0000.csv", "text": "a,a\\n1,2"}', "a"),
]  # fmt: skip


def test_nonsense_is_refused_in_a_line_and_the_page_goes_on(played):
    with played.page() as page:
        for text, expected in NONSENSE:
            page.socket.send(text)
            message = page.receive()
            assert message["kind"] == "refusal", (text[:60], message)
            assert expected in message["message"], (text[:60], message)
            assert "\n" not in message["message"] and "Traceback" not in message["message"]
        page.socket.send(b"\x00\x01")
        assert "not bytes" in page.receive()["message"]
        page.ask("begin", query=SMALL)
        assert page.next("problem")["widths"] == [2, 4, 3]
        page.ask("set", query=SMALL + "&batch_size=0")
        assert "names batch_size twice" in page.next("refusal")["message"]
        page.ask("step")
        assert page.next_frame_at(1)["steps"] == 1
    assert played.error_path.read_text() == ""


def test_a_message_that_is_too_large_ends_its_connection_alone(played):
    with played.page(SMALL) as page, played.page() as large:
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            large.socket.send("x" * 5_000_000)
            large.socket.recv(timeout=60)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        page.ask("step")
        assert page.next_frame_at(1)["steps"] == 1


def test_two_pages_work_independently(played):
    with played.page(SMALL) as one, played.page(SMALL + "&seed=1") as other:
        assert one.frame["held_out_loss"] != other.frame["held_out_loss"]
        one.ask("epoch")
        assert one.next_frame_at(3)["epoch"] == 1
        other.ask("step")
        assert other.next_frame_at(1)["steps"] == 1
        with played.page(SMALL) as again:
            assert again.frame["weights"].tolist() == one.frame["weights"].tolist()
            again.ask("epoch")
            first = again.next_frame_at(3)
        one.ask("reset")
        assert one.next("problem")["query"] == one.problem["query"]
        one.ask("epoch")
        assert one.next_frame_at(3)["curve"][1].tolist() == first["curve"][1].tolist()


def test_a_page_that_draws_slowly_is_sent_one_frame_at_a_time(played):
    with played.page(SMALL) as page:
        page.ask("speed", steps=0)
        page.ask("play")
        frame = page.receive()
        assert frame["kind"] == "frame"
        with pytest.raises(TimeoutError):  # it is not confirmed, so that no other one comes
            page.receive(seconds=0.4)
        page.ask("drawn", number=frame["number"])
        following = page.next("frame")
        assert following["number"] == frame["number"] + 1
        assert following["steps"] > frame["steps"] + 5  # the training did not wait


def test_it_goes_on_with_another_rate_and_begins_anew_with_another_network(played):
    with played.page(SMALL) as page:
        page.ask("epoch")
        page.next_frame_at(3)
        page.ask("set", query=SMALL + "&learning_rate=0.5")
        assert "learning_rate=0.5" in page.next("changed")["query"]
        page.ask("step")
        assert page.next_frame_at(4)["epoch"] == 1
        page.ask("set", query=SMALL.replace("hidden_widths=4", "hidden_widths=5"))
        assert page.next("problem")["widths"] == [2, 5, 3]
        frame = page.next("frame")
        assert (frame["steps"], frame["is_playing"]) == (0, False)


def test_a_rate_that_is_too_large_is_said_and_the_playing_ends(played):
    query = "problem=surface&num_rows=60&hidden_widths=8&activations=relu&learning_rate=1000"
    with played.page(query) as page:
        page.ask("speed", steps=0)
        page.ask("play")
        message = page.next("refusal")["message"]
        assert "stopped being a finite number" in message and "learning rate 1000" in message
        assert page.next("frame")["is_playing"] is False
        page.ask("epoch")
        assert "stopped being a finite number" in page.next("refusal")["message"]


def test_a_page_that_vanishes_leaves_nothing(played):
    played.wait_for_sessions(0)
    assert played.num_threads == 0
    pages = [played.page(SMALL + f"&seed={seed}") for seed in range(2)]
    for page in pages:
        page.ask("speed", steps=0)
        page.ask("play")
        page.next_frame_at(20)
    assert (played.num_sessions, played.num_threads) == (2, 2)
    for page in pages:  # without a word, as of a browser that is killed
        page.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        page.socket.socket.close()
    played.wait_for_sessions(0)
    assert played.num_threads == 0


def test_a_comparison_ends_with_its_page(played):
    played.wait_for_sessions(0)
    with played.page(SMALL + "&num_epochs=10000") as page:
        page.ask("compare", first=SMALL + "&num_epochs=9999")
        page.ask("compare", first=SMALL + "&num_epochs=9999")
        assert "a comparison is running" in page.next("refusal")["message"]
        page.ask("stop_comparing")
        verdict = page.next("verdict")
        assert verdict["is_over"] and "Stopped" in verdict["sentences"][0][0]
        played.wait_for_threads(1)
        page.ask("compare", first=SMALL + "&num_epochs=9999")
        played.wait_for_threads(2)
    played.wait_for_sessions(0)
    assert played.num_threads == 0


def test_the_ninth_page_is_told_why_it_gets_nothing(played):
    played.wait_for_sessions(0)
    pages = [played.page() for _ in range(8)]
    played.wait_for_sessions(8)
    with played.page() as ninth:
        assert "8 pages are open already" in ninth.receive()["message"]
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            ninth.receive()
    for page in pages:
        page.socket.close()
    played.wait_for_sessions(0)


def test_ctrl_c_ends_it_while_it_trains(start_playground, multilayer):
    server = start_playground()
    busy = multilayer("playground", "--no-browser", "--port", server.port)
    assert (busy.returncode, busy.stdout) == (2, "")
    assert busy.stderr == (
        f"error: 127.0.0.1:{server.port} is in use; choose another port (--port), or 0 for any "
        "that is free\n"
    )
    page = Page(server, SMALL)
    page.ask("speed", steps=0)
    page.ask("play")
    page.next_frame_at(5)
    began = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0
    assert time.monotonic() - began < 20  # a process that waits for its page never ends
    assert server.error_path.read_text() == ""
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--port", "70000"), "--port must be from 0 to 65535; it is 70000"),
        (("depth=3",), "'depth', which is no field of the playground"),
        (("http://127.0.0.1:1/x/#seed=-1",), "seed"),
        (("missing.csv",), "missing.csv"),
    ],
)
def test_what_cannot_be_begun_with_is_said_in_a_line(multilayer, arguments, error):
    outcome = multilayer("playground", "--no-browser", *arguments)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert error in outcome.stderr
    assert outcome.stderr.startswith("error: ") and outcome.stderr.count("\n") == 1


def test_without_its_extra_it_says_how_to_install_it(start_multilayer):
    hide = (
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: "
        "None if name == 'websockets' else find(name, *more)"
    )
    process = start_multilayer("playground", before=hide)
    said, complained = process.communicate(timeout=60)
    assert said == ""
    assert complained == (
        "error: multilayer playground needs websockets, which is not installed; install it with: "
        'pip install "multilayer[serve]"\n'
    )
    assert process.returncode == 2


def test_the_browser_is_given_the_address(start_multilayer, tmp_path):
    program = tmp_path / "browser"
    program.write_text('#!/bin/sh\nprintf %s "$1" > opened.part && mv opened.part opened\n')
    program.chmod(0o755)
    process = start_multilayer("playground", BROWSER=f"{program} %s")
    address = process.stdout.readline().split()[2].rstrip(",")
    end = time.monotonic() + 60
    while not (tmp_path / "opened").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (tmp_path / "opened").read_text() == address
    process.kill()
    process.wait()


def test_without_a_display_the_address_is_printed(start_multilayer):
    process = start_multilayer("playground", DISPLAY="", WAYLAND_DISPLAY="", BROWSER="")
    said = process.stdout.readline()
    assert said.startswith("playground at http://127.0.0.1:")
    assert "there is no display" in process.stderr.readline()
    port = int(said.split(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert waiting.recv(12) == b"HTTP/1.1 403"  # it runs, and has its own way to end
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
