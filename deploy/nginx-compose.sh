#!/bin/sh
# Makes the site of nginx.conf, which is written for one host, that of compose.yaml; nginx's image runs it at its start.
set -eu
target=${1:-/etc/nginx/conf.d/default.conf}
source=${2:-/deploy/nginx.conf}
main=${3:-/etc/nginx/nginx.conf}
# A client takes two connections, one on either side; the image allows a worker 1024.
sed -i "s/worker_connections .*/worker_connections 8192;/" "$main"
sed \
    -e "s/listen 443 ssl http2;/listen 443 ssl;\n    http2 on;/" \
    -e "s/127\.0\.0\.1:8001/web1:8000/" \
    -e "s/127\.0\.0\.1:8002/web2:8000/" \
    -e "s#/etc/ssl/market\.example\.org\.pem#/etc/ssl/market-camera/certificate.pem#" \
    -e "s#/etc/ssl/market\.example\.org\.key#/etc/ssl/market-camera/key.pem#" \
    -e "s/market\.example\.org/$SITE_HOST/" \
    -e "s#/var/log/nginx/market_camera\.log#/dev/stdout#" \
    -e "s#/var/log/nginx/market_camera\.error\.log#/dev/stderr#" \
    "$source" >"$target"
