"""Searching for good settings, with an honest estimate at the end."""
