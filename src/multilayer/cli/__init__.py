"""The command line: `multilayer COMMAND …`. It parses, calls the library and prints."""

from multilayer.cli.application import main

__all__ = ["main"]
