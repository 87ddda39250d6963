"""Recipes: the settings behind the defaults."""
