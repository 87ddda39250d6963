#!/bin/sh
# Makes the environment: make_environment.sh PYTHON FOLDER
# Needs a Python of at least 3.11; on Debian and Ubuntu its module venv is a package of its own.
set -eu
python=$1
folder=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "error: multilayer needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || true)." \
         "Name another one with: make PYTHON=python3.12 …" >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq "$version"
    else
        echo "error: this Python cannot make environments yet;" \
             "run: sudo apt-get install $version" >&2
        exit 1
    fi
fi

[ -x "$folder/bin/pip" ] || "$python" -m venv --clear "$folder"
echo "installing into $folder; PyTorch is large, this takes a while the first time …"
"$folder/bin/pip" install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable '.[dev]'
