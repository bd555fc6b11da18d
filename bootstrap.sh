#!/bin/sh
# Makes .venv from a hash-locked list, once: `./bootstrap.sh [requirements.txt]`.
# A list that was installed before costs nothing. PYTHON=/path/to/python3 chooses the interpreter,
# VENV=folder another place than .venv.
set -eu
cd "$(dirname "$0")"

lock=${1:-requirements.txt}
venv=${VENV:-.venv}
stamp=$venv/.installed-$(basename "$lock")
checks='import ssl, sqlite3, venv, sys
sys.exit(sys.version_info < (3, 12) or sqlite3.sqlite_version_info < (3, 37))'

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

# Run it: a name on the PATH may be a shim of pyenv's that only says it has no such version.
suits() {
    "$1" -c "$checks" >/dev/null 2>&1
}

candidates() {
    printf '%s\n' python3.13 python3.14 python3.12 python3
    # The newest first: sorted by the minor version after "3.".
    for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
        printf '%s\n' "$found"
    done | sort -t. -k2,2nr -k3,3nr
    for version in 3.13 3.14 3.12; do
        printf '%s\n' "/opt/homebrew/opt/python@$version/bin/python3" \
            "/usr/local/opt/python@$version/bin/python3"
    done
}

choose() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.12 or newer with ssl, sqlite3 and venv."
        printf '%s\n' "$PYTHON"
        return
    fi
    candidates | while IFS= read -r candidate; do
        if suits "$candidate"; then
            printf '%s\n' "$candidate"
            break
        fi
    done
}

make_venv() {
    python=$(choose)
    [ -n "$python" ] || fail "No Python 3.12 or newer found: install python3.12 with its venv package (or set PYTHON=/path/to/python3)."
    rm -rf "$venv"
    if command -v uv >/dev/null 2>&1; then
        uv venv -q --python "$python" "$venv"
    else
        "$python" -m venv "$venv" || fail "$python cannot make a virtual environment: install its venv package (Debian: python3-venv)."
    fi
}

install() {
    if command -v uv >/dev/null 2>&1; then
        UV_SYSTEM_CERTS=1 uv pip install -q --python "$venv/bin/python" --require-hashes -r "$lock"
    else
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$lock"
    fi
}

[ -f "$lock" ] || fail "There is no list $lock here."
sum=$(cksum <"$lock")
is_done() {
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && suits "$venv/bin/python"
}
if is_done; then exit 0; fi

# Two starts at once: the second waits for the first, where the machine has flock.
mkdir -p .cache
exec 9>.cache/bootstrap.lock
if command -v flock >/dev/null 2>&1; then flock 9; fi
if is_done; then exit 0; fi

printf 'Installing %s into %s (once)\n' "$lock" "$venv" >&2
suits "$venv/bin/python" || make_venv
install
printf '%s' "$sum" >"$stamp"
