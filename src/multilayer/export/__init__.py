"""A fitted model as a program that runs without this package: ONNX, PyTorch, NumPy."""
