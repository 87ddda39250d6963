"""What is claimed of the engine, shown: verify and bench."""
