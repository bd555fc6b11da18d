#!/bin/sh
# Puts the headless Chromium of the browser tests in place: once, without root.
# CHROMIUM=/path/to/chromium uses another one and installs nothing (on macOS: needed).
set -eu
cd "$(dirname "$0")"
[ -z "${CHROMIUM:-}" ] || exit 0
stamp=node_modules/.installed
sum=$(cat package-lock.json unpack.js | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then exit 0; fi
command -v npm >/dev/null 2>&1 || {
    printf 'The browser tests need node and npm (20 or newer), or CHROMIUM=/path/to/chromium.\n' >&2
    exit 1
}
printf 'Installing the browser of the tests (once)\n' >&2
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
node unpack.js
printf '%s' "$sum" >"$stamp"
