"""The parts of a program that needs NumPy alone; `numpy_folder` makes one file of them."""
