"""The command line: `multilayer COMMAND …`. It parses, calls the library and prints."""

from multilayer.cli.process import main

__all__ = ["main"]
