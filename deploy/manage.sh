#!/bin/sh
# A command of manage.py as the units would run it: their settings, their user. `deploy/manage.sh verify`, from anywhere.
# MARKET_CAMERA_ENV=FILE is another file of settings than theirs.
set -eu
cannot_be_read() {
    echo "$0: $1 cannot be read by $(id -un)" >&2
    exit 1
}
# ENV was its name before. That is also where sh finds its start-up file, and a word such as production on many hosts:
# only settings of this project count, and only what could have been meant as such a file is missed.
if [ -z "${MARKET_CAMERA_ENV:-}" ] && [ -n "${ENV:-}" ]; then
    if [ ! -r "$ENV" ]; then
        case $ENV in *\$*) ;; */* | *.env) cannot_be_read "ENV=$ENV (the name is MARKET_CAMERA_ENV now)" ;; esac
    elif grep -Eqs -e '^[[:blank:]]*(export )?(IG_[A-Z_]+|DATABASE_URL|REDIS_URL)=' -- "$ENV"; then
        MARKET_CAMERA_ENV=$ENV
    fi
fi
settings=${MARKET_CAMERA_ENV:-/etc/market-camera.env}
case $settings in /*) ;; *) settings=$PWD/$settings ;; esac
cd "$(dirname "$0")/.."
if [ -r "$settings" ]; then
    given=$(export -p)
    set -a
    . "$settings"
    set +a
    eval "$given" # what the caller sets counts before the file
elif [ -n "${MARKET_CAMERA_ENV:-}" ] || [ -e "$settings" ]; then
    cannot_be_read "$settings"
else
    echo "$0: there is no $settings: what this shell does not set has its default" >&2
fi
if [ "$(id -u)" = 0 ] && id market-camera >/dev/null 2>&1; then
    exec runuser -u market-camera -- .venv/bin/python manage.py "$@"
fi
exec .venv/bin/python manage.py "$@"
