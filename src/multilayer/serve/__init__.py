"""Answers over HTTP; needs no PyTorch."""
