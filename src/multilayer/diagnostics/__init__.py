"""Why a training went as it did."""
