#!/bin/sh
# ./run.sh                  serve the site on http://127.0.0.1:8080, with everything it keeps in ./var, unless settings say otherwise
# ./run.sh --config FILE    the same with options of `twistd microblog`
# ./run.sh test [ARGS]      all checks; ARGS go to pytest
# ./run.sh microblog ARGS   the administrator's command
#
# Needs Python 3.11 or newer. Everything else is fetched into ./.venv, at the first start and when it changes.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }

# Makes ./.venv hold what pyproject.toml asks for; $1 is "" or the extra "[test]".
install() {
    stamp=".venv/installed$1"
    if [ -e .venv/here ] && [ "$(cat .venv/here)" != "$PWD" ]; then rm -rf .venv; fi  # it was moved: its scripts point elsewhere
    wanted=$(cat pyproject.toml setup.cfg microblog/__init__.py run.sh | cksum)
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=${PYTHON:-python3}
        command -v "$python" >/dev/null || { say "Python 3.11 or newer is needed: apt-get install -y python3-venv"; exit 1; }
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
            say "Python 3.11 or newer is needed; PYTHON=/path/to/python ./run.sh uses another one."; exit 1; }
        "$python" -c 'import ensurepip' 2>/dev/null || {
            say "Python lacks its venv module: apt-get install -y python3-venv"; exit 1; }
        say "Making ./.venv ..."
        "$python" -m venv .venv
    fi
    say "Installing the site${1:+ and its $1 tools} into ./.venv ..."
    pwd >.venv/here
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$1"
    printf '%s\n' "$wanted" >"$stamp"
}

# Browser tests need Chromium, and axe-core by npm. Fetched where that can be done without asking; else the tests say what is missing.
browser() {
    missing=""
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing="chromium"
    command -v npm >/dev/null || missing="$missing npm"
    command -v pgbouncer >/dev/null || missing="$missing pgbouncer"  # for the test of a site behind it
    if [ -n "$missing" ] && [ "${MICROBLOG_REQUIRE_BROWSER:-}" = 1 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing $missing for the tests ..."
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086 # two words are two packages
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null || say "$missing could not be installed."
    elif [ -n "$missing" ]; then
        say "Tests will be skipped without: $missing (apt-get install -y $missing)"
    fi
    if command -v npm >/dev/null && [ -e package.json ] && ! [ node_modules/.package-lock.json -nt package.json ]; then
        npm ci --silent --no-audit --no-fund >&2 || say "npm could not fetch what package.json asks for."
    fi
}

# Every check runs, also after one has failed; pytest is the last, so that its summary is what one sees.
run_tests() {
    install "[test]"
    browser
    failed=0
    say "ruff"
    .venv/bin/ruff check --quiet . || failed=1
    say "mypy"
    .venv/bin/mypy --no-error-summary || failed=1
    .venv/bin/coverage erase
    # COVERAGE_PROCESS_START: what the sites do that tests start is measured too, each in a file of its own.
    # Files are shared out among as many processes as there are cores; each has a PostgreSQL and a browser of its own.
    COVERAGE_PROCESS_START="$PWD/pyproject.toml" .venv/bin/coverage run -m pytest \
        --numprocesses logical --maxprocesses 8 --dist loadfile "$@" || failed=1
    .venv/bin/coverage combine --quiet && .venv/bin/coverage html --quiet && .venv/bin/coverage report --format=total |
        sed 's/.*/Covered, by lines and branches: &% (htmlcov\/index.html)/' >&2 || failed=1
    [ "$failed" = 0 ] || say "Not all checks passed."
    return "$failed"
}

case "${1:-}" in
    test)
        shift
        run_tests "$@"
        ;;
    microblog)
        shift
        install ""
        exec .venv/bin/microblog "$@"
        ;;
    "" | -*)
        install ""
        exec .venv/bin/twistd --pidfile= --nodaemon microblog "$@"
        ;;
    *)
        say "What is \"$1\"? ./run.sh, ./run.sh test and ./run.sh microblog are known."
        exit 2
        ;;
esac
