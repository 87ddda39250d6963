"""The training step as compiled code: C++ in source/, and what calls it."""
