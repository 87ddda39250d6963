"""Units that stand beside each other in one column, such as MB and GB."""

from collections.abc import Iterable

_FAMILIES = {
    "bytes": "B=1 byte=1 bytes=1 kB=1e3 KB=1e3 MB=1e6 GB=1e9 TB=1e12 PB=1e15 KiB=1024 MiB=1048576 "
    "GiB=1073741824 TiB=1099511627776",
    "grams": "µg=1e-6 mg=1e-3 g=1 gram=1 grams=1 kg=1e3 kgs=1e3 t=1e6 tonne=1e6 tonnes=1e6 "
    "lb=453.59237 lbs=453.59237 oz=28.349523125",
    "metres": "nm=1e-9 µm=1e-6 mm=1e-3 cm=1e-2 dm=0.1 m=1 km=1e3 in=0.0254 inch=0.0254 "
    "inches=0.0254 ft=0.3048 feet=0.3048 yd=0.9144 mi=1609.344 mile=1609.344 miles=1609.344",
    "litres": "µl=1e-6 ml=1e-3 cl=1e-2 dl=0.1 l=1 hl=100",
    "square metres": "mm2=1e-6 mm²=1e-6 cm2=1e-4 cm²=1e-4 m2=1 m²=1 km2=1e6 km²=1e6 ha=1e4",
    "seconds": "ns=1e-9 µs=1e-6 us=1e-6 ms=1e-3 s=1 sec=1 secs=1 second=1 seconds=1 m=60 min=60 "
    "mins=60 minute=60 minutes=60 h=3600 hr=3600 hrs=3600 hour=3600 hours=3600 d=86400 day=86400 "
    "days=86400 w=604800 wk=604800 wks=604800 week=604800 weeks=604800 mo=2629800 mos=2629800 "
    "month=2629800 months=2629800 y=31557600 yr=31557600 yrs=31557600 year=31557600 "
    "years=31557600",
    "hertz": "Hz=1 kHz=1e3 MHz=1e6 GHz=1e9 THz=1e12",
    "watts": "W=1 kW=1e3 MW=1e6 GW=1e9",
    "watt-hours": "Wh=1 kWh=1e3 MWh=1e6 GWh=1e9",
    "joules": "J=1 kJ=1e3 MJ=1e6",
    "volts": "mV=1e-3 V=1 kV=1e3",
    "amperes": "mA=1e-3 A=1",
}
# By the name of the unit that numbers are given in: how much of it each unit is, in lower case.
UNITS = {
    base: {
        name.casefold(): float(value)
        for name, _, value in (pair.partition("=") for pair in text.split())
    }
    for base, text in _FAMILIES.items()
}
_PLURALS = ("s", "es", "e", "en", "n")
_ORDINALS = {"st", "nd", "rd", "th"}


def units_of(names: Iterable[str]) -> str:
    """The key of `UNITS` that holds all of at least two different units; "" if there is none."""
    texts = {name.casefold().rstrip(".") for name in names}
    for base, units in UNITS.items():
        if texts <= units.keys() and len({units[text] for text in texts}) > 1:
            return base
    return ""


def same_unit(one: str, other: str) -> bool:
    """Whether two texts are one unit: in singular and plural, or with a point after it."""
    one, other = sorted((each.casefold().rstrip(".") for each in (one, other)), key=len)
    is_plural = len(one) > 2 and any(one + ending == other for ending in _PLURALS)
    return one == other or is_plural or {one, other} <= _ORDINALS
