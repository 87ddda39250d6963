"""Encoders of features and targets, fitted to training rows; splits."""
