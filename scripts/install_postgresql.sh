#!/bin/sh
# Installs PostgreSQL, of which the tests of studies in a database start a server of their own, where
# that can be done without asking: on Debian and Ubuntu as root. Elsewhere those tests are skipped,
# and say so.
set -eu
command -v initdb >/dev/null && exit 0
for program in /usr/lib/postgresql/*/bin/initdb; do
    [ -x "$program" ] && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing PostgreSQL, of which the tests start a server …"
    # Debian would make a database of the whole machine, and start it: nobody asked for that.
    settings=/etc/postgresql-common/createcluster.d
    mkdir -p "$settings"
    echo "create_main_cluster = false" > "$settings/multilayer-tests.conf"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; then
        rm -f "$settings/multilayer-tests.conf"
        exit 0
    fi
    rm -f "$settings/multilayer-tests.conf"
fi
echo "note: PostgreSQL is not installed, so the tests of studies in it are skipped;" \
     "on Debian: sudo apt-get install postgresql" >&2
