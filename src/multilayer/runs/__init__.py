"""A run and its folder: train, resume, evaluate, predict, inspect."""
