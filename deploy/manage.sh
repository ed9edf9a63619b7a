#!/bin/sh
# A command of manage.py as the units would run it: their settings, their user. `deploy/manage.sh verify`, from anywhere.
set -eu
cd "$(dirname "$0")/.."
settings=${ENV:-/etc/market-camera.env}
if [ -r "$settings" ]; then
    given=$(export -p)
    set -a
    . "$settings"
    set +a
    eval "$given" # what the caller sets counts before the file
fi
if [ "$(id -u)" = 0 ] && id market-camera >/dev/null 2>&1; then
    exec runuser -u market-camera -- .venv/bin/python manage.py "$@"
fi
exec .venv/bin/python manage.py "$@"
