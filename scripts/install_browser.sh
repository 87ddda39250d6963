#!/bin/sh
# Installs Chromium, which the tests of HTML pages open them in, where that can be done without
# asking: on Debian and Ubuntu as root. Elsewhere those tests are skipped, and say so.
set -eu
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing Chromium, in which the tests open pages …"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; then
        exit 0
    fi
fi
echo "note: Chromium is not installed, so the tests that open pages in it are skipped;" \
     "on Debian: sudo apt-get install chromium" >&2
