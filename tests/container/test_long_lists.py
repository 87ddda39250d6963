"""Long lists outside the document: what goes in comes out, and what does not fit is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.container.contents import LARGEST_LISTED_BYTES, LARGEST_LISTED_ENTRIES
from multilayer.container.long_lists import put_back, take_out
from multilayer.container.reading import read_container
from multilayer.container.writing import write_container
from multilayer.errors import ModelFileError

PATH = Path("some file")
TOWNS = [f"Нижний Новгород {number}" for number in range(20_000)]


def test_a_document_too_large_for_json_comes_back(tmp_path):
    document = {
        "encoder": {"categories": [{"name": "town", "categories": TOWNS}], "means": [0.1] * 9000},
        "few": [1.5, "a", None],
        "whole": list(range(5000)),
        "lists of lists": [[float(n)] * 1000 for n in range(3)],
    }
    assert len(json.dumps(document)) > 1_900_000
    write_container(tmp_path / "file", "sample", document, {"x": np.ones(3)})
    container = read_container(tmp_path / "file", "sample")
    assert container.document == document
    assert set(container.arrays) == {"x"}
    assert (tmp_path / "file").stat().st_size < 1_200_000


texts, numbers = st.text(max_size=3), st.floats(allow_nan=False, allow_infinity=False)
long_lists = st.one_of(st.lists(texts, max_size=3), st.lists(numbers, max_size=3)).map(
    lambda few: few * 500 if few else few
)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        long_lists | st.none() | st.integers() | st.text(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_any_document_comes_back(value):
    document, arrays = take_out({"a": value}, PATH)
    document = json.loads(json.dumps(document))
    if arrays:
        put_back(document, arrays, PATH)
    assert document == json.loads(json.dumps({"a": value}))
    assert not arrays


@pytest.mark.parametrize(
    "lists",
    [["a"] * (LARGEST_LISTED_ENTRIES + 1), ["x" * (LARGEST_LISTED_BYTES // 1000)] * 1001],
)
def test_more_than_files_hold_is_not_written(lists, tmp_path):
    with pytest.raises(ModelFileError, match="is the most"):
        write_container(tmp_path / "file", "sample", {"a": lists}, {})
    assert not (tmp_path / "file").exists()


TEXT, ENDS = np.frombuffer(b"abc", np.uint8), np.array([1, 3])
DAMAGED = {
    "no places": ({"a": None}, {"lists.0": np.ones(2)}),
    "places that are none": ({"a": None, "lists": 3}, {"lists.0": np.ones(2)}),
    "a place that is no list": ({"a": None, "lists": ["", 5]}, {"lists.0": np.ones(2)}),
    "a place that is not there": ({"a": None, "lists": [["b"]]}, {"lists.0": np.ones(2)}),
    "a place that is taken": ({"a": [], "lists": [["a"]]}, {"lists.0": np.ones(2)}),
    "a place in a text": ({"a": "text", "lists": [["a", 0]]}, {"lists.0": np.ones(2)}),
    "no array": ({"a": None, "lists": [["a"]]}, {}),
    "an array too many": ({"a": None, "lists": [["a"]]}, {"lists.0": TEXT, "lists.0.ends": ENDS,
                                                         "lists.1": np.ones(2)}),
    "not finite": ({"a": None, "lists": [["a"]]}, {"lists.0": np.array([1, np.nan])}),
    "a matrix": ({"a": None, "lists": [["a"]]}, {"lists.0": np.ones((2, 2))}),
    "another type": ({"a": None, "lists": [["a"]]}, {"lists.0": np.ones(2, np.float32)}),
    "no ends": ({"a": None, "lists": [["a"]]}, {"lists.0": TEXT}),
    "ends too far": ({"a": None, "lists": [["a"]]}, {"lists.0": TEXT, "lists.0.ends": ENDS + 1}),
    "ends too near": ({"a": None, "lists": [["a"]]}, {"lists.0": TEXT, "lists.0.ends": ENDS - 1}),
    "ends that fall": ({"a": None, "lists": [["a"]]},
                       {"lists.0": TEXT, "lists.0.ends": np.array([3, 1, 3])}),
    "no UTF-8": ({"a": None, "lists": [["a"]]},
                 {"lists.0": np.array([65, 255, 66], np.uint8), "lists.0.ends": ENDS}),
    "too many": ({"a": None, "lists": [["a"]]}, {"lists.0": np.ones(LARGEST_LISTED_ENTRIES + 1)}),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_lists_that_do_not_fit_are_named(name):
    document, arrays = DAMAGED[name]
    with pytest.raises(ModelFileError, match=r"some file .*list"):
        put_back(json.loads(json.dumps(document)), dict(arrays), PATH)
