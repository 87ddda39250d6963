"""What may be wrong with a run, with the evidence and what to do about it."""
