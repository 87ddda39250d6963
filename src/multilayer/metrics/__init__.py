"""Scores with intervals, calibration curves, importance."""
