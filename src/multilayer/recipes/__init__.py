"""The settings behind the defaults."""
