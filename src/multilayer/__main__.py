"""`python -m multilayer`: the command line."""

from multilayer.cli import main

main()
