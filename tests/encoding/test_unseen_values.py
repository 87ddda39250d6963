import numpy as np
import polars as pl
import pytest

from multilayer.columns.kinds import infer_schema
from multilayer.encoding.encoder import Encoder, EncodingPlan
from multilayer.encoding.unseen_values import UnseenValues, check_on_unseen
from multilayer.errors import DataWarning, SettingsError, TableError

TRAINED = pl.DataFrame({"town": ["Bern", "Oslo", "Rome"] * 10, "open": ["yes", "no", "yes"] * 10})


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.fit(TRAINED, infer_schema(TRAINED), EncodingPlan(2))


def test_rows_with_values_never_seen_are_counted_missing_ones_are_not(encoder):
    unseen = UnseenValues()
    frame = pl.DataFrame(
        {"town": ["Bern", "Zug", "", None, "NA", "Zug", "Ulm"], "open": ["yes"] * 6 + ["maybe"]}
    )
    encoder.encode(frame, unseen=unseen)
    assert unseen.found == {"town": (3, ("Zug", "Ulm")), "open": (1, ("maybe",))}
    encoder.encode(frame, unseen=unseen)
    assert unseen.num_rows == 14
    assert unseen.found["town"] == (6, ("Zug", "Ulm"))
    assert unseen.sentences()[0] == (
        "column 'town' holds values that were not in the training rows in 6 of 14 rows, for "
        "example 'Zug', 'Ulm'; they are treated as missing"
    )


def test_many_rows_count_as_few_do(encoder):
    towns = np.array(["Bern", "Oslo", "Ulm"])[np.random.default_rng(0).integers(0, 3, 30_000)]
    unseen = UnseenValues()
    encoder.encode(pl.DataFrame({"town": towns, "open": ["no"] * 30_000}), unseen=unseen)
    assert unseen.found == {"town": (int((towns == "Ulm").sum()), ("Ulm",))}


def test_what_is_found_is_warned_of_refused_or_ignored(encoder):
    unseen = UnseenValues()
    encoder.encode(TRAINED, unseen=unseen)
    assert not unseen
    unseen.report("error")
    encoder.encode(pl.DataFrame({"town": ["Zug" * 30], "open": ["no"]}), unseen=unseen)
    unseen.report("ignore")
    with pytest.warns(
        DataWarning, match="column 'town' .* in 1 of 31 rows, for example 'ZugZug.*…'"
    ):
        unseen.report("warn")
    with pytest.raises(TableError, match="column 'town'"):
        unseen.report("error")
    with pytest.raises(SettingsError, match="must be one of 'warn', 'error', 'ignore'; it is 'no'"):
        check_on_unseen("no")
