"""Frames and targets as numbers: what is fitted to training rows."""
