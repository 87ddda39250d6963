"""A fitted model, its file, and its predictions without PyTorch."""
