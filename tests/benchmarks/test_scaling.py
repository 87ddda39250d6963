"""The model of several processes: fitted to made-up measurements, and its page."""

import subprocess
import sys

import pytest


def test_an_all_reduce_by_hand():
    from scaling_model import Link

    ring = Link(hop_seconds=1e-3, bytes_a_second=1e6)
    assert ring.seconds(4, 8e6) == pytest.approx(6e-3 + 1.5 * 8)
    assert ring.seconds(1, 8e6) == 0
    assert Link(1e-3, 1e6, is_tree=True).seconds(128, 0) == pytest.approx(14e-3)


def test_fits_find_what_measurements_were_made_of():
    from scaling_model import Link, ReadingCost, StepCost

    cost = StepCost(1e-3, 2e-9, 3e-6, 4e-12)
    cases = [
        {"rows": rows, "parameters": p, "seconds": cost.seconds(rows, p)}
        for rows in (16, 256, 2048)
        for p in (10**4, 10**5, 10**7)
    ]
    found = StepCost.of(cases)
    assert found.seconds(1000, 10**6) == pytest.approx(cost.seconds(1000, 10**6), rel=1e-6)
    link = Link(2e-4, 3e8)
    sizes = (64, 10**5, 10**7)
    link_found = Link.of(3, [{"bytes": n, "seconds": link.seconds(3, n)} for n in sizes])
    assert link_found.hop_seconds == pytest.approx(2e-4)
    assert link_found.bytes_a_second == pytest.approx(3e8)
    reading = ReadingCost(1e-8, 2e-7)
    times = [{"processes": n, "seconds": reading.seconds(10**6, n)} for n in (1, 2, 8, 64)]
    reading_found = ReadingCost.of(10**6, times)
    assert (reading_found.of_order, reading_found.of_own) == pytest.approx((1e-8, 2e-7))


def test_no_cost_is_below_zero():
    from scaling_model import fitted

    assert min(fitted([[1, 1, 1], [1, 2, 3]], [3.0, 2.0, 1.0])) >= 0


def records():
    """Lines as they would be if the model were right."""
    from scaling_model import Job, Link, ReadingCost, StepCost

    step, reading = StepCost(1e-3, 2e-9, 3e-6, 4e-12), ReadingCost(1e-8, 2e-7)
    steps = [
        {"rows": rows, "parameters": p, "seconds": step.seconds(rows, p), "network": "recipe"}
        for rows in (16, 256, 2048)
        for p in (10**4, 10**5, 10**7)
    ]
    kept = {}
    for n in (1, 2):
        link = Link(2e-4, 3e8)
        job = Job(step, reading, link, n)
        train = [
            {"network": net, "batch_size": 256, "parameters": p,
             "seconds": job.parts(256, p).seconds}
            for net, p in (("recipe", 10**5), ("2048-2048", 4 * 10**6))
        ]  # fmt: skip
        found = {"steps": steps, "train": train}
        if n > 1:
            found["all-reduce"] = [
                {"bytes": size, "seconds": link.seconds(n, size)} for size in (64, 10**5, 10**7)
            ]
        kept["1 process" if n == 1 else f"{n} processes"] = found
    kept["reading"] = {
        "reading, from memory": [
            {"processes": n, "seconds": reading.seconds(10**6, n)} for n in (1, 2, 8, 64)
        ]
    }
    for n in (1, 2):
        kept[f"encode, {n}"] = {
            "1000": {"seconds": 3.0, "first_pass": 1.0}, "3000": {"seconds": 6.0, "first_pass": 2.0}
        }  # fmt: skip
    line = {"measured": "2026-11-29 09:00", "cores": 2, "rows": 10**6}
    return {piece: [{**line, "piece": piece, "found": found}] for piece, found in kept.items()}


def test_a_machine_that_is_as_the_model_says_is_predicted_without_error():
    from scaling_pages import page

    text = page(records(), "Other work was light.")
    assert "off by 0% in the median and by 0% at most" in text
    assert "Other work was light." in text
    assert "| 2 | 2,000 | 1,000 |" in text  # (2 - 1) s and (6 - 3 - 1) s for 2,000 rows more
    assert "128 machines" in text
    assert "None of what follows was measured" in text
    assert "first pass over the table, by one process | 1.4e+02 h |" in text  # 2,000 rows a second


def test_the_least_is_taken_number_by_number():
    from scaling_pages import found_of

    lines = [{"a": [{"seconds": value, "bytes": 8}]} for value in (3.0, 2.0, 9.0)]
    assert found_of(lines) == {"a": [{"seconds": 2.0, "bytes": 8}]}


def test_what_is_missing_is_not_predicted():
    from scaling_pages import page

    assert "Nothing is measured" in page({})
    text = page({"1 process": records()["1 process"]})
    assert "Predicted: machines" not in text


SERVER = """
import socket
listening = socket.create_server(("10.231.8.1", 5000))
print("ready", flush=True)
there, _ = listening.accept()
while content := there.recv(1 << 16):
    there.sendall(content[:1])
"""
CLIENT = """
import socket, time
there = socket.create_connection(("10.231.8.1", 5000))
for size in (1, 400_000):
    began = time.perf_counter()
    there.sendall(bytes(size))
    received = 0
    if size == 1:
        there.recv(1)
        print(time.perf_counter() - began)
there.shutdown(socket.SHUT_WR)
while there.recv(1 << 16):
    pass
print(time.perf_counter() - began)
"""


def test_a_cable_is_as_long_and_as_slow_as_it_is_said_to_be():
    from delayed_cable import DelayedCable

    try:
        cable = DelayedCable(0.02, 1e6).__enter__()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this machine does not let us make networks: {error}")
    try:
        server = subprocess.Popen(
            [*cable.end(0), sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
        )
        server.stdout.readline()
        client = subprocess.run(
            [*cable.end(1), sys.executable, "-c", CLIENT],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        server.communicate(timeout=60)
    finally:
        cable.__exit__(None, None, None)
    round_trip, carried = map(float, client.stdout.split())
    assert round_trip >= 0.04  # there and back
    assert carried >= 0.4  # 400,000 bytes at a million a second
