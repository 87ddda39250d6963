#!/bin/sh
# Removes from an environment what answering does not need: shrink.sh FOLDER
set -eu
# The symbols of polars alone: libraries that were changed after they were linked, as NumPy's are, do
# not load once they are stripped.
find "$1" -name "_polars_runtime*.so" -exec strip --strip-unneeded {} +
find "$1" -type d -name tests -prune -exec rm -r {} +
find "$1" -type d -name __pycache__ -prune -exec rm -r {} +
"$1/bin/python" -m pip uninstall --quiet --yes pip
