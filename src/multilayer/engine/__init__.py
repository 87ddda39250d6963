"""The multilayer perceptron written for speed: a population of networks trained at once.

Importing this package imports nothing, so that settings can be read without PyTorch.
"""
