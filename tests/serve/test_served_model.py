import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer import MLPRegressor
from multilayer.errors import SettingsError
from multilayer.model.model_file import load_predictor
from multilayer.serve.gate import host_of
from multilayer.serve.models import Models
from multilayer.serve.served_model import ServedModel, named_paths


@pytest.fixture(scope="module")
def served(models) -> ServedModel:
    return Models({"price": models / "price.safetensors"}).named("price")


def test_a_form_knows_ranges_choices_and_typical_values(served):
    size, age, rent, town, street, garden, sold = served.columns
    assert (size.kind, size.hint[:5]) == ("number", "from ")
    assert size.low < size.typical < size.high
    assert (age.low, age.high) == (0, 89)
    assert rent.kind == "number" and rent.low < rent.example < rent.high
    assert (town.kind, town.choices) == ("choice", ("Bern", "Oslo", "Rome"))
    assert street.num_choices == 30
    assert (garden.kind, garden.choices) == ("boolean", ("false", "true"))
    assert (sold.kind, sold.example[:5]) == ("date", "2024-")
    assert [*served.example] == [one.name for one in served.columns]


def test_choices_are_read_as_the_model_reads_them(served):
    assert served.choice_of("garden", "yes") == served.choice_of("garden", value=True) == "true"
    assert served.choice_of("town", " Oslo ") == "Oslo"
    assert served.choice_of("town", "Paris") is served.choice_of("town", None) is None


def test_a_training_row_that_was_not_text_is_not_shown(tmp_path):
    generator = np.random.default_rng(0)
    hours = generator.integers(1, 90, 80)
    frame = pl.DataFrame(
        {
            "took": [datetime.timedelta(hours=int(number)) for number in hours],
            "at": [datetime.datetime(2024, 1, 1) + datetime.timedelta(int(n)) for n in hours],
            "is": generator.random(80) > 0.5,
            "n": generator.normal(size=80),
        }
    )
    model = MLPRegressor("fast", max_iter=1, random_state=0).fit(frame, hours * 1.0)
    model.save(tmp_path / "m.safetensors")
    served = Models({"m": tmp_path / "m.safetensors"}).named(None)
    assert [one.example for one in served.columns if one.name == "took"] == [None]
    assert served.example["n"] is not None
    assert load_predictor(tmp_path / "m.safetensors").details["example"]["took"]


def test_names_come_from_files_folders_or_the_user(models, tmp_path):
    folder = tmp_path / "runs" / "wine-001"
    folder.mkdir(parents=True)
    file = folder / "model.safetensors"
    file.write_bytes((models / "price.safetensors").read_bytes())
    assert named_paths([str(folder)]) == {"wine-001": file}
    assert named_paths([str(file)]) == {"wine-001": file}
    assert named_paths([f"x={folder}"]) == {"x": file}
    other = tmp_path / "a=b.safetensors"
    other.write_bytes(file.read_bytes())
    with pytest.raises(SettingsError, match="cannot stand in an address"):
        named_paths([str(other)])
    with pytest.raises(SettingsError, match="both have the name"):
        named_paths([str(folder), f"wine-001={other}"])


@given(st.text())
def test_any_host_header_has_a_name(text):
    assert host_of(text) == host_of(text.upper().lower()) or text != text.upper().lower()
    for header in ("LocalHost:80", "localhost", " localhost "):
        assert host_of(header) == "localhost"
    assert host_of("[::1]:8000") == host_of("::1") == "::1"
