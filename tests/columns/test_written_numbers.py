"""Numbers as people write them: found in a column of text, and read."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.columns.find_numbers import find_numbers
from multilayer.columns.kinds import infer_schema, judge_columns, typed_frame
from multilayer.columns.number_format import NumberFormat
from multilayer.columns.schema import Schema
from multilayer.columns.value_format import ValueFormat
from multilayer.encoding.encoder import Encoder
from multilayer.errors import DataWarning, SettingsError, TableError


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["$5.00", "$1,234.50", "-$3", "($2)"], [5, 1234.5, -3, -2]),
        (["45%", "5,3 %", "7\N{NO-BREAK SPACE}%"], [45, 5.3, 7]),
        (["396.206,37 €", "1,00 €", "12 €"], [396206.37, 1, 12]),
        (["1\N{NARROW NO-BREAK SPACE}234,5", "7"], [1234.5, 7]),
        (["1'234.5", "1\N{RIGHT SINGLE QUOTATION MARK}000"], [1234.5, 1000]),
        (["CHF 5.-", "CHF 12.50"], [5, 12.5]),
        (["\N{MINUS SIGN}5", "\N{EN DASH}6", "+7", "8-"], [-5, -6, 7, -8]),
        (["(27.18)", "3", "n/a"], [-27.18, 3, None]),
        (["12,34,567", "1,23,456"], [1234567, 123456]),
        (["1,234", "950"], [1234, 950]),
        (["1,234", "0,5"], [1.234, 0.5]),
        (["12 kr", "kr 13"], [12, 13]),
        (["5 kg", "7 kg"], [5, 7]),
        (["5 m2", "1,007.5 m2"], [5, 1007.5]),
        (["850 sq ft", "1,200 sq ft"], [850, 1200]),
        (["$30.50/hr", "$41/hr"], [30.5, 41]),
        (["$(142.40)", "$5", "(USD 7)"], [-142.4, 5, -7]),
        (["(USD 7)", "USD 8", "(9) USD"], [-7, 8, -9]),
        (["1391512,- €", "5,50 €"], [1391512, 5.5]),
        (["1_000", "12_345_678", "9"], [1000, 12345678, 9]),
        (["5.5×10^5", "-1x10^-2", "2.5D+03"], [550000, -0.01, 2500]),
        (["$1.5M", "$20K", "-$3", "$2B"], [1500000, 20000, -3, 2e9]),
        (["1.5M", "20K"], [1500000, 20000]),
        (["\uff11\uff12\uff0e\uff15", "-\uff13"], [12.5, -3]),
        (["\u0661\u0662\u066b\u0665", "\u0663"], [12.5, 3]),
        (["\uff11\uff12\uff05", "\uff13\uff05"], [12, 3]),
        (["1,5 Mio. €", "2 Mrd. €"], [1500000, 2e9]),
        (["20 M€", "1,5 M€"], [20e6, 1500000]),
        (["5 TEUR", "7 TEUR"], [5, 7]),
        (["1,5 млн \N{RUBLE SIGN}", "20 тыс \N{RUBLE SIGN}"], [1500000, 20000]),
        (["1/2", "3/4", "1 1/2", "2"], [0.5, 0.75, 1.5, 2]),
        (["½ cup", "2¼ cup", "1,004 1/2 cup"], [0.5, 2.25, 1004.5]),
        (['7 1/8"', '12"'], [7.125, 12]),
        (["5 MB", "3 GB", "n/a"], [5e6, 3e9, None]),
        (["5 kg", "300 g", "2.5 kg"], [5000, 300, 2500]),
        (["5 mm", "3 m"], [0.005, 3]),
        (["2 years", "1 year"], [2, 1]),
        (["2 years", "3 weeks", "1 month"], [63115200, 1814400, 2629800]),
        (["36:15:00", "0:45:30"], [130500, 2730]),
        (["59:30", "1:02:15"], [3570, 3735]),
        (["-0:30", "25:10"], [-1800, 90600]),
        (["1 days 02:00:00", "-1 days +23:00:00"], [93600, -3600]),
        (["1h 20m", "45 min", "2 hrs"], [4800, 2700, 7200]),
        (["PT1H30M", "P1DT2H"], [5400, 93600]),
    ],
)
def test_a_column_of_numbers_is_read(texts, numbers) -> None:
    found = find_numbers(pl.Series("x", texts))
    assert found is not None
    assert found.are_numbers
    assert found.numbers.to_list() == numbers


@pytest.mark.parametrize(
    "texts",
    [
        ["abc", "d"], ["A12", "B13"], ["1.2.3", "1.2.4"], ["$5", "€5"], ["5 kg", "300 pcs"],
        ["$5"] * 400 + ["€5", "7 USD"], ["120/80", "90/60"], ["1:5", "2:7"], ["14:30", "7:05"],
        ["192.168.1.1", "10.0.0.1"], ["10-20", "20-30"], ["5'11", "6'2"],
    ],
)  # fmt: skip
def test_other_texts_are_no_numbers(texts) -> None:
    found = find_numbers(pl.Series("x", texts))
    assert found is None or not found.are_numbers


def test_what_multiplies_and_units_are_said_and_currencies_named() -> None:
    frame = pl.DataFrame(
        {
            "worth": ["$1.5M", "$20K"] * 40,
            "area": ["5 m2", "7 m2"] * 40,
            "price": [f"{'$' if row % 2 else '€'}{row}.50" for row in range(80)],
            "phone": [f"+4930{row:06d}" for row in range(80)],
        }
    )
    schema = infer_schema(frame)
    assert [c.kind for c in schema.columns] == ["numeric", "numeric", "identifier", "identifier"]
    said = dict(zip(frame.columns, schema.warnings, strict=True))
    assert "'M'" in said["worth"]
    assert "'m2' is read as their unit" in said["area"]
    assert "several currencies ('€', '$')" in said["price"]
    assert "codes" in said["phone"]
    later = pl.DataFrame({"worth": ["$2B", "950", "1.2k"], "area": ["1", "2 m2", "3"]})
    with pytest.warns(DataWarning, match="column 'area' has no m2 in 2 of 3 values"):
        typed = typed_frame(later, schema)
    assert typed["worth"].to_list() == [2e9, 950, 1200]


def test_what_a_comma_means_may_be_open_and_told() -> None:
    texts = pl.Series("x", ["1,234", "56,789"])
    found = find_numbers(texts)
    assert found is not None
    assert found.numbers.to_list() == [1234, 56789]
    assert "--decimal ," in found.doubt
    told = find_numbers(texts, ValueFormat(decimal=","))
    assert told is not None
    assert (told.numbers.to_list(), told.doubt) == ([1.234, 56.789], "")
    other = find_numbers(pl.Series("x", ["1.234", "2.345"]), ValueFormat(decimal=","))
    assert other is not None
    assert other.numbers.to_list() == [1234, 2345]


def test_other_columns_tell_what_a_comma_means() -> None:
    frame = pl.DataFrame({"open": ["1,234", "5,678"] * 20, "sure": ["1,5", "2,25"] * 20})
    schema, typed = judge_columns(frame)
    assert typed["open"][0] == 1.234
    assert any("'open'" in warning for warning in schema.warnings)


SIGNS = st.sampled_from([(".", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "")])
AFFIX = st.sampled_from(["", "$", "€", "CHF", "%", "zł"])


@settings(deadline=None, max_examples=60)
@given(
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=30),
    signs=SIGNS,
    affix=AFFIX,
    before=st.booleans(),
    space=st.sampled_from(["", " ", "\N{NO-BREAK SPACE}"]),
    parentheses=st.booleans(),
)
def test_what_is_written_is_read_again(numbers, signs, affix, before, space, parentheses) -> None:
    decimal, thousands = signs

    def written(number: int) -> str:
        text = f"{abs(number) / 100:,.2f}"
        text = text.replace(",", "_").replace(".", decimal).replace("_", thousands)
        if affix:
            text = f"{affix}{space}{text}" if before and affix != "%" else f"{text}{space}{affix}"
        if number >= 0:
            return text
        return f"({text})" if parentheses else f"-{text}"

    # One with a fraction of two digits alone says what each sign is.
    values = [*numbers, 123456789]
    texts = pl.Series("x", list(map(written, values)))
    found = find_numbers(texts)
    assert found is not None
    assert found.numbers.to_list() == [value / 100 for value in values]
    again = NumberFormat.from_json(found.number_format.to_json())
    frame = texts.to_frame()
    schema = Schema.from_json(infer_schema(frame).to_json())
    if schema.columns[0].kind == "numeric":
        assert again == (schema.columns[0].number_format or NumberFormat())
        typed = typed_frame(frame, schema)
        encoder = Encoder.fit(typed, schema)
        assert (Encoder.from_json(encoder.to_json()).encode(frame) == encoder.encode(typed)).all()


def test_a_stray_is_missing_and_named_by_its_row() -> None:
    texts = [f"{row}.5" for row in range(60)]
    texts[7] = "<1.0"
    frame = pl.DataFrame({"x": texts})
    schema = infer_schema(frame, row_numbers=pl.Series(range(3, 63)).to_numpy())
    assert schema.columns[0].kind == "numeric"
    (warning,) = schema.warnings
    assert "'<1.0' in row 10" in warning
    assert "--missing '<1.0'" in warning
    assert typed_frame(frame, schema)["x"].null_count() == 1
    with pytest.raises(TableError, match="row 1 of column 'x'.*'>90'"):
        typed_frame(pl.DataFrame({"x": [">90"]}), schema)
    told = infer_schema(frame, value_format=ValueFormat(missing=("<1.0",)))
    assert told.warnings == ()


def test_told_spellings_are_missing_as_text_and_as_numbers() -> None:
    values = ValueFormat(missing=("Unknown", "-999"))
    for column in (["1.5", "-999", " unknown"], [1.5, -999.0, None]):
        frame = pl.DataFrame({"x": column * 10})
        schema, typed = judge_columns(frame, value_format=values)
        assert typed["x"].null_count() == 20
        encoder = Encoder.fit(typed, schema)
        assert (encoder.encode(frame)[:, 1] == encoder.encode(typed)[:, 1]).all()
        assert Encoder.from_json(encoder.to_json()).missing == values.missing


def test_na_may_be_a_value() -> None:
    frame = pl.DataFrame({"country": ["NA", "DE", "FR", ""] * 10})
    schema = infer_schema(frame, value_format=ValueFormat(keep_na=True))
    assert Encoder.fit(frame, schema).categories[0].categories == ("DE", "FR", "NA")
    assert Encoder.fit(frame, infer_schema(frame)).categories[0].categories == ("DE", "FR")


@pytest.mark.parametrize(
    ("texts", "categories"),
    [
        (["2.50", "3.10", "2.75"], ("2.5", "2.75", "3.1")),
        (["1.1", "1.10", "2.0"], ("1.1", "1.10", "2.0")),
        (["007", "012", "100"], ("007", "012", "100")),
        (["1.0", "2.0", "beta"], ("1.0", "2.0", "beta")),
    ],
)
def test_a_category_has_one_spelling_in_text_and_numbers(texts, categories) -> None:
    frame = pl.DataFrame({"code": texts * 10})
    schema = Schema.from_json(infer_schema(frame, categorical=["code"]).to_json())
    encoder = Encoder.fit(frame, schema)
    assert encoder.categories[0].categories == categories
    if "beta" in texts or "1.10" in texts:
        return
    for dtype in (pl.Float64, pl.Float32):
        typed = frame.select(pl.col("code").cast(dtype))
        assert (encoder.encode(typed) == encoder.encode(frame)).all()


@pytest.mark.parametrize(
    "told", [{"decimal": ";"}, {"thousands": "-"}, {"decimal": ",", "thousands": ","}]
)
def test_impossible_signs_are_refused(told) -> None:
    with pytest.raises(SettingsError):
        ValueFormat(**told)


def test_a_comma_before_an_exponent_is_the_decimal_sign() -> None:
    found = find_numbers(pl.Series("x", [f"{n % 9 + 1},{n + 100}e+05" for n in range(30)]))
    assert found is not None
    assert found.numbers[0] == 1.1e5
    assert not found.is_ambiguous


@pytest.mark.parametrize("of_row", ["${}.5M", "{}/7", "{}-10", "2.{}.1", "{}'5"])
def test_other_writings_of_numbers_are_named_where_they_become_categories(of_row: str) -> None:
    text = [of_row.format(row % 30) for row in range(90)]
    text[::2] = [value.replace("M", "K") for value in text[::2]]
    schema = infer_schema(pl.DataFrame({"x": text}))
    assert any("'x'" in warning and "number" in warning for warning in schema.warnings)


def test_few_ranges_are_categories_without_a_word() -> None:
    ages = [("18-25", "26-40", "41-65")[row % 3] for row in range(90)]
    assert not infer_schema(pl.DataFrame({"age": ages})).warnings


@pytest.mark.parametrize("value", [-999, 9999, -99.0])
@pytest.mark.parametrize("as_type", [str, float])
def test_numbers_that_may_mean_missing_are_named(value: float, as_type: type) -> None:
    values = [as_type(value if row % 9 == 0 else row % 10 / 4) for row in range(60)]
    (warning,) = infer_schema(pl.DataFrame({"x": values})).warnings
    assert f"holds {value:g} in 7 rows" in warning
    assert f"--missing {value:g}" in warning


def test_numbers_near_the_others_are_not_suspected() -> None:
    values = [float(row * 20 - 999) for row in range(60)] + [-999.0]
    assert not infer_schema(pl.DataFrame({"x": values})).warnings


def test_points_are_separators_where_other_columns_have_decimal_commas() -> None:
    grouped = [f"{row + 1}.{100 + row}" for row in range(30)]
    commas = [f"{row},5" for row in range(30)]
    schema, frame = judge_columns(pl.DataFrame({"a": commas, "p": grouped}))
    assert frame["p"][0] == 1100
    assert any("'p'" in warning and "--decimal ." in warning for warning in schema.warnings)
    assert judge_columns(pl.DataFrame({"p": grouped}))[1]["p"][0] == 1.1


def test_a_percent_sign_may_stand_before_its_number() -> None:
    found = find_numbers(pl.Series("x", [f"%{n / 4}" for n in range(30)]))
    assert found is not None
    assert found.numbers[2] == 0.5


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["5 MB", "3 GB"], "several units, and are converted to bytes"),
        (["36:15:00", "1:00:00"], "durations, in seconds"),
        (["25:15", "1:00"], "'25:15' is read as hours and minutes"),
        (["1/2", "3/4"], "fractions such as '1/2'"),
        (["$5", "7"], "20 of its values have no \\$"),
        (["5 kg", "7"], "20 of its values have no kg"),
    ],
)
def test_how_numbers_are_taken_is_said_and_kept(texts, words) -> None:
    frame = pl.DataFrame({"x": texts * 20})
    schema, typed = judge_columns(frame)
    (warning,) = schema.warnings
    assert re.search(words, warning), warning
    again = Schema.from_json(schema.to_json())
    assert typed_frame(frame, again)["x"].equals(typed["x"])
    encoder = Encoder.from_json(Encoder.fit(typed, schema).to_json())
    assert (encoder.encode(frame) == encoder.encode(typed)).all()
    assert frame["x"].to_list() == texts * 20  # is not changed


def test_numbers_without_one_of_several_units_are_refused_or_said() -> None:
    schema = infer_schema(pl.DataFrame({"x": ["5 MB", "3 GB"] * 20}))
    with pytest.raises(TableError, match="row 2 of column 'x'.*'7'"):
        typed_frame(pl.DataFrame({"x": ["5 TB", "7"]}), schema)
    with pytest.warns(DataWarning, match="has no bytes"):
        typed_frame(pl.DataFrame({"x": [5, 7]}), schema)


def test_a_row_of_units_below_the_header_is_named_once() -> None:
    frame = pl.DataFrame(
        {
            "weight": ["kg", *(f"{row}.5" for row in range(60))],
            "speed": ["(m/s)", *(f"{row}" for row in range(60))],
            "share": ["%", *(f"{row}" for row in range(60))],
        }
    )
    schema = infer_schema(frame)
    assert {column.kind for column in schema.columns} == {"numeric"}
    (warning,) = schema.warnings
    assert "row 1 seems to hold units ('kg', '(m/s)', '%') below the header" in warning
    assert "in columns 'weight', 'speed', 'share'; delete that row" in warning
