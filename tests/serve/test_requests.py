"""What is refused, and how it is said."""

import json
import re
import time

import pytest
from served_process import houses

ROW = houses(1).to_dicts()[0]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/predict/kind", b"{", 400, "the body is not JSON: expecting property name"),
        ("/predict/kind", b"\xff", 400, "the body is not UTF-8: byte 1 is wrong"),
        ("/predict/kind", b"[" * 100_000, 400, "the JSON is nested too deeply; it may be 8"),
        ("/predict/kind", b'[{"size": NaN}]', 400, "NaN is not JSON; a missing value is null"),
        ("/predict/kind", b'[{"size": -Infinity}]', 400, "-Infinity is not JSON"),
        ("/predict/kind", [[[[[[[[[]]]]]]]]], 400, "the JSON is nested too deeply; it may be 8"),
        ("/predict/kind", json.dumps([{**ROW, "size": "X"}]).replace('"X"', "1e999").encode(), 400,
         "column 'size' of the request holds a number that is too large; a missing value is null"),
        ("/predict/kind", [{**ROW, "town": -(10**400)}], 400, "column 'town' of the request holds"),
        ("/predict/kind", b'[{"size": %s}]' % (b"9" * 5000), 400, "a number is too large"),
        ("/predict/kind", b"[" + b"{}," * 1_000_001 + b"{}]", 413, "more than 1,000,000 lists"),
        ("/predict/kind", b'{"size": 1, "size": 2}', 400, "an object names 'size' twice"),
        ("/predict/kind", b'"text"', 400, "rows must be a list of objects, not 'text'"),
        ("/predict/kind", [], 400, "the request holds no rows"),
        ("/predict/kind", [[1, 2]], 400, 'row 1 must be an object such as {"size"'),
        ("/predict/kind", [ROW, 7], 400, "row 2 must be an object such as"),
        ("/predict/kind", [{"size": 1}], 400, "columns 'age', 'rent'"),
        ("/predict/kind", [ROW, {**ROW, "size": [1]}], 400,
         "row 2 of column 'size' of the request must hold a number; it holds a list"),
        ("/predict/kind", [ROW, {**ROW, "size": "big"}], 400,
         "row 2 of column 'size' of the request must be a number, it is 'big'"),
        ("/predict/kind", [{**ROW, "size": True}], 400, "row 1 of column 'size'"),
        ("/predict/kind", [{**ROW, "sold": "soon"}], 400, "row 1 of column 'sold'"),
        ("/predict/kind", [{**ROW, "town": "\ud800"}], 400, "holds half of a surrogate"),
        ("/predict/kind?coverage=1", [ROW], 400, "coverage must be a number between 0 and 1"),
        ("/predict/kind?coverage=nan", [ROW], 400, "coverage must be a number between 0 and 1"),
        ("/predict/kind?cover=1", [ROW], 400, "there is no option 'cover'"),
        ("/predict/price?probabilities=true", [ROW], 400, "probabilities need a classification"),
        ("/predict/labels?coverage=0.9", [ROW], 400, "has neither intervals nor prediction sets"),
        ("/predict/digits", [ROW], 400, "images must be"),
        ("/predict/digits", [[0] * 8] * 7, 400, "images of shape (7, 8) were given"),
        ("/predict/digits", [[300] * 8] * 8, 400, "integers from 0 to 255"),
        ("/predict/digits", [[0.5] * 8] * 8, 400, "there are fractions, such as 0.5"),
        ("/predict/digits", [[0] * 8, [0] * 7], 400, "images must be lists of numbers"),
        ("/predict/digits?coverage=0.9", [[0] * 8] * 8, 400, "fitted without held-out rows"),
        ("/predict", [ROW], 404, "there are several models; add one of their names: price, kind"),
        ("/predict/kinds", [ROW], 404, "there is no model 'kinds'; there are price"),
        ("/explain/digits", ROW, 400, "only answers for rows of a table"),
        ("/explain/kind", [ROW], 400, "one row is explained at a time"),
        ("/nothing", None, 404, "there is nothing at '/nothing'; see /docs"),
        ("/static/%2e%2e/server.py", None, 404, "there is"),
        ("/static/__init__.py", None, 404, "there is no file"),
        ("/v2/models/kind/versions/1", None, 404, "the version of 'kind' is "),
        ("/predict/kind", None, 405, "this address takes POST, not GET"),
    ],
)  # fmt: skip
def test_a_bad_request_is_told_what_is_wrong(served, path, body, status, said):
    found, content, headers = served.ask(path, body)
    assert (found, said in content["error"]) == (status, True), content
    assert "Traceback" not in str(content) and "/tmp" not in str(content)
    assert "\n" not in content["error"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("x", 'the body must be an object with a list of "inputs"'),
        ([7], "each input must be an object with a name"),
        ([{"name": "size"}], "the datatype of input 'size' must be one of BOOL, BYTES"),
        ([{"name": "size", "datatype": "FP32"}], "the shape of input 'size' must be a list"),
        ([{"name": "size", "datatype": "FP32", "shape": [2**50] * 8, "data": [1]}],
         "has 1 values, which are not those of the shape"),
        ([{"name": "size", "datatype": "FP32", "shape": [2], "data": [1, "x"]}],
         "row 2 of column 'size' of the request is no FP32: 'x'"),
        ([{"name": "size", "datatype": "INT64", "shape": [1], "data": [1.5]}],
         "row 1 of column 'size' of the request is no INT64: 1.5"),
        ([{"name": "size", "datatype": "FP32", "shape": [2], "data": [[1], 2]}], "mixes values"),
        ([{"name": "size", "datatype": "FP32", "shape": [1], "data": [1]}], "columns 'age'"),
    ],
)  # fmt: skip
def test_a_bad_tensor_is_told_what_is_wrong(served, inputs, said):
    status, content, _ = served.ask("/v2/models/price/infer", {"inputs": inputs})
    assert (status, said in content["error"]) == (400, True), content


def test_tensors_of_unequal_length_are_refused(served):
    inputs = [
        {"name": name, "datatype": "BYTES", "shape": [1 + (name == "age")],
         "data": ["1"] * (1 + (name == "age"))}
        for name in ROW
    ]  # fmt: skip
    status, content, _ = served.ask("/v2/models/price/infer", {"inputs": inputs})
    assert status == 400
    assert content["error"] == "inputs must be of equal length; 'size' has 1 values and 'age' 2"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"[]", 415),
        ("application/x-www-form-urlencoded", b"[]", 415),
        ("image/png", b"[]", 415),
        ("text/csv", b"", 400),
        ("text/csv", b"a,b\n1\n", 400),
        ("text/csv; charset=klingon", b"a,b\n1,2\n", 400),
        ("text/csv", b"a,b\0\n1,2\n", 400),
    ],
)
def test_other_content_is_refused(served, kind, body, status):
    assert served.ask("/predict/kind", body, kind)[0] == status


def test_damaged_pictures_are_refused(served):
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
    for body in (png, b"GIF89a", b""):
        status, content, _ = served.ask("/predict/digits", body, "image/png")
        assert status == 400 and content["error"].startswith("the picture is ")


def test_a_table_without_rows_keeps_its_header(served):
    header = ",".join(ROW)
    status, content, _ = served.ask("/predict/price", f"{header}\n".encode(), "text/csv")
    assert (status, content) == (200, f"{header},predicted_target\n")


def test_a_host_from_elsewhere_is_refused_but_by_health(served):
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80"):
        status, content, _ = served.ask("/v2", host=host)
        assert status == 421 and "--allow-host" in content["error"]
        assert served.ask("/v2/health/live", host=host)[0] == 200
    for host in ("localhost", "LOCALHOST:9", "[::1]:80", "127.0.0.1"):
        assert served.ask("/v2", host=host)[0] == 200


def test_every_answer_has_a_strict_policy(served):
    for path in ("/", "/docs", "/static/style.css", "/v2", "/nothing"):
        _, _, headers = served.ask(path)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"


def test_metrics_count_requests_rows_and_drift(served):
    def value(name: str) -> float:
        _, text, _ = served.ask("/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    names = [
        'multilayer_rows_total{model="kind"}',
        'multilayer_unseen_values_total{model="kind",column="town"}',
        'multilayer_missing_values_total{model="kind",column="town"}',
        'multilayer_missing_values_total{model="kind",column="age"}',
        'multilayer_requests_total{route="/predict/{name}",status="200"}',
        'multilayer_request_seconds_count{route="/predict/{name}"}',
        'multilayer_refusals_total{status="400"}',
    ]
    before = [value(name) for name in names]
    towns = ["Paris", "NA", None, "Oslo"]
    assert served.ask("/predict/kind", [{**ROW, "town": town} for town in towns])[0] == 200
    assert served.ask("/predict/kind", b"{")[0] == 400
    csv = houses(100, seed=9).with_columns(age=None).write_csv().encode()
    assert served.ask("/predict/kind", csv, "text/csv")[0] == 200
    expected, grown, until = [104, 1, 2, 100, 2, 3, 1], [0.0], time.monotonic() + 60
    while grown != expected:  # what was answered is counted a moment later
        assert time.monotonic() < until, grown
        grown = [value(name) - old for name, old in zip(names, before, strict=True)]
    assert value('multilayer_answer_sum{model="price",answer="target"}') >= 0
    assert value('multilayer_training_mean{model="price",answer="target"}') > 100
    assert value("multilayer_waiting_requests") == 0


def test_metrics_are_in_the_text_format(served):
    _, text, headers = served.ask("/metrics")
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    sample = re.compile(r'[a-z_]+(\{([a-z]+="[^"\n]*",?)+\})? [-+0-9.e]+')
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line
