"""Columns of a table: kinds, value formats, labels, the schema."""
