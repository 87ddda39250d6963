"""Several runs side by side: compare, study, tune."""
