"""Made-up houses, of the kinds of columns that the competition's tables have."""

import numpy as np
import pandas as pd

_KINDS = {
    "Zone": ["RL", "RM", "FV", "RH", "C (all)"],
    "Street": ["Pave", "Grvl"],
    "Heating": ["GasA", "GasW", "Wall"],
    "SaleType": ["WD", "New", "COD"],
}
_GRADES = ["Ex", "Gd", "TA", "Fa", "Po"]
_MOSTLY_MISSING = {"Alley": 0.94, "Pool": 0.99, "Fence": 0.8}


def houses(num_rows: int, first_id: int = 1, seed: int = 0) -> pd.DataFrame:
    """Ids, whole numbers, measures with gaps, years, codes, words, grades, and skewed prices."""
    source = np.random.default_rng([seed, first_id])
    area = source.lognormal(9.1, 0.5, num_rows).round().astype(int)
    living = source.lognormal(7.25, 0.33, num_rows).round().astype(int)
    quality = source.integers(1, 11, num_rows)
    built = source.integers(1872, 2011, num_rows)
    columns = {
        "Id": np.arange(first_id, first_id + num_rows),
        "SubClass": source.choice([20, 30, 50, 60, 120, 190], num_rows),
        "LotArea": area,
        "LotFrontage": np.where(source.random(num_rows) < 0.18, np.nan, area**0.5 * 0.7).round(),
        "LivingArea": living,
        "Quality": quality,
        "YearBuilt": built,
        "GarageYear": np.where(source.random(num_rows) < 0.06, np.nan, built),
        "Baths": source.integers(0, 4, num_rows),
        "MonthSold": source.integers(1, 13, num_rows),
    }
    columns |= {name: source.choice(kinds, num_rows) for name, kinds in _KINDS.items()}
    columns |= {f"Grade{number}": source.choice(_GRADES, num_rows) for number in range(4)}
    frame = pd.DataFrame(columns)
    for name, share in _MOSTLY_MISSING.items():
        frame[name] = pd.Series(source.choice(_GRADES[:3], num_rows)).where(
            source.random(num_rows) > share
        )
    frame.loc[source.random(num_rows) < 0.03, "Grade0"] = None
    noise = source.normal(0, 0.12, num_rows)
    age = (2011 - built) / 100
    price = np.exp(7.2 + 0.55 * np.log(living) + 0.1 * quality - 0.2 * age + noise)
    return frame.assign(SalePrice=(price / 100).round().astype(int) * 100)
