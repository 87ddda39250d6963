"""What `tables.py` is made of: data sets, folds, methods, records, scores, and the report."""
