"""Dates in ONNX: from days since 1970-01-01 to the numbers of `columns.dates.parts_of`."""

import numpy as np

from multilayer.export.onnx_graph import Graph

_FIRST_DAY, _LAST_DAY = -719_162.0, 2_932_897.0  # the years 1 to 9999
_DAYS_TO_1970 = 719_468.0  # from 0000-03-01, where the years of the algorithm begin
_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.float64)
_DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.float64)


def date_parts(graph: Graph, days: str, has_time: bool) -> list[str]:
    """The numbers of a date, each (num_rows, 1); NaN where it is missing.

    Days outside of the years 1 to 9999 are missing. The calendar is computed as in H. Hinnant,
    "chrono-compatible low-level date algorithms" (2013).

    Args:
        graph: to add to.
        days: since 1970-01-01 in UTC, with their fraction, float64, (num_rows, 1).
        has_time: whether the time of day is a part.
    """
    # Days that are no date are computed as day 0, and are missing in the end.
    is_date = graph(
        "And", graph("GreaterOrEqual", days, _FIRST_DAY), graph("Less", days, _LAST_DAY)
    )
    known = graph("Where", is_date, days, 0.0)
    whole = graph("Floor", known)
    time = graph("Sub", known, whole)

    since = graph("Add", whole, _DAYS_TO_1970)
    era = _floor_ratio(graph, since, 146_097)
    day_of_era = graph("Sub", since, graph("Mul", era, 146_097.0))
    year_of_era = _floor_ratio(
        graph,
        graph(
            "Sub",
            graph(
                "Add",
                graph("Sub", day_of_era, _floor_ratio(graph, day_of_era, 1460)),
                _floor_ratio(graph, day_of_era, 36_524),
            ),
            _floor_ratio(graph, day_of_era, 146_096),
        ),
        365,
    )
    leap_days = graph(
        "Sub", _floor_ratio(graph, year_of_era, 4), _floor_ratio(graph, year_of_era, 100)
    )
    before_year = graph("Add", graph("Mul", year_of_era, 365.0), leap_days)
    day_of_year = graph("Sub", day_of_era, before_year)  # from 1 March
    shifted = _floor_ratio(graph, graph("Add", graph("Mul", day_of_year, 5.0), 2.0), 153)
    before_month = _floor_ratio(graph, graph("Add", graph("Mul", shifted, 153.0), 2.0), 5)
    day = graph("Sub", day_of_year, before_month)  # of the month, from 0
    is_early = graph("GreaterOrEqual", shifted, 10.0)  # January or February
    month = graph("Sub", graph("Add", shifted, 2.0), graph("Where", is_early, 12.0, 0.0))
    year = graph("Add", year_of_era, graph("Mul", era, 400.0))
    year = graph("Add", year, graph("Where", is_early, 1.0, 0.0))

    is_leap = graph(
        "And",
        _divides(graph, year, 4),
        graph("Or", graph("Not", _divides(graph, year, 100)), _divides(graph, year, 400)),
    )
    leap = graph("Where", is_leap, 1.0, 0.0)
    place = graph("Cast", month, to=7)
    after_february = graph("Where", graph("Greater", month, 1.5), leap, 0.0)
    in_year = graph("Add", graph("Add", graph("Gather", _DAYS_BEFORE, place), after_february), day)
    is_february = graph("Equal", month, 1.0)
    days_of_month = graph(
        "Add", graph("Gather", _DAYS_OF_MONTH, place), graph("Where", is_february, leap, 0.0)
    )
    since_monday = graph("Add", whole, 3.0)  # 1970-01-01 was a Thursday
    weekday = graph("Sub", since_monday, graph("Mul", _floor_ratio(graph, since_monday, 7), 7.0))

    places = [
        graph("Div", graph("Add", in_year, time), graph("Add", leap, 365.0)),
        graph("Div", graph("Add", day, time), days_of_month),
        graph("Div", graph("Add", weekday, time), 7.0),
    ]
    if has_time:
        places.append(time)
    parts = [known]
    for part in places:
        angle = graph("Mul", part, 2 * np.pi)
        parts += [graph("Sin", angle), graph("Cos", angle)]
    return [graph("Where", is_date, part, float("nan")) for part in parts]


def _floor_ratio(graph: Graph, value: str, divisor: int) -> str:
    """⌊value / divisor⌋, exact for whole numbers."""
    return graph("Floor", graph("Div", value, float(divisor)))


def _divides(graph: Graph, value: str, divisor: int) -> str:
    multiple = graph("Mul", _floor_ratio(graph, value, divisor), float(divisor))
    return graph("Equal", multiple, value)
