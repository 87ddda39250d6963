"""The multilayer perceptron, done completely."""
