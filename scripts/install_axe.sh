#!/bin/sh
# Gets axe, with which the long tests look for what a page denies to some of its readers, into the
# environment $1. Where npm is missing those checks are skipped, and say so.
set -eu
[ -e "$1/axe/node_modules/axe-core/axe.min.js" ] && exit 0
if command -v npm >/dev/null && npm install --silent --prefix "$1/axe" axe-core@4.14.1 >/dev/null; then
    exit 0
fi
echo "note: axe is not installed, so the tests that look at the pages with it are skipped;" \
     "it needs npm" >&2
