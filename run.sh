#!/bin/sh
# ./run.sh                  serve the site on http://127.0.0.1:8080, with everything it keeps in ./var, unless settings say otherwise
# ./run.sh --config FILE    the same with options of `twistd microblog`
# ./run.sh test [ARGS]      all checks; ARGS go to pytest
# ./run.sh test-install     the documents for administrators, followed on clean Debians (root; ten minutes; ports 80, 443, 5432, 6379, 8080, 8081)
# ./run.sh coverage [ARGS]  the tests alone, with a report of the lines that they reach in htmlcov/index.html
# ./run.sh bench [ARGS]     one table of what people do most, quiet and under writes, in benchmarks/RESULTS.md (20 minutes)
# ./run.sh docs             the documentation as pages, in build/docs/index.html
# ./run.sh pythons          a short check with every other Python from 3.11 to 3.14 that is installed here
# ./run.sh lock             resolve requirements.lock anew
# ./run.sh microblog ARGS   the administrator's command
#
# Needs Python 3.11 or newer. Everything else is fetched into ./.venv, at the first start and when it changes.
# MICROBLOG_LOCKED=1 installs exactly the versions of requirements.lock (with their hashes), as CI does.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }

# Makes ./.venv, with nothing but pip.
make_environment() {
    if [ -e .venv/here ] && [ "$(cat .venv/here)" != "$PWD" ]; then rm -rf .venv; fi  # it was moved: its scripts point elsewhere
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
    pwd >.venv/here
}

# Makes ./.venv hold what pyproject.toml asks for; $1 is "" or the extra "[test]".
install() {
    stamp=".venv/installed$1"
    wanted=$(cat pyproject.toml setup.cfg microblog/__init__.py run.sh requirements.lock | cksum)${MICROBLOG_LOCKED:+ locked}
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ "$(cat .venv/here 2>/dev/null)" = "$PWD" ]; then return; fi
    make_environment
    say "Installing the site${1:+ and its $1 tools} into ./.venv ..."
    pip=".venv/bin/python -m pip install --quiet --disable-pip-version-check"
    if [ "${MICROBLOG_LOCKED:-}" = 1 ]; then
        $pip --require-hashes --requirement requirements.lock
        $pip --no-deps --editable .  # pip cannot hash a directory
    else
        $pip --editable ".$1"
    fi
    printf '%s\n' "$wanted" >"$stamp"
}

may_fetch() {
    [ "${MICROBLOG_NO_SKIPS:-}" = 1 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# Installs packages of Debian, or says that it could not.
fetch() {
    say "Installing $* for the tests ..."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null || say "$* could not be installed."
}

# Programs of Debian that tests run, and packages of npm. They are fetched where that can be done without asking (MICROBLOG_NO_SKIPS=1, as
# in CI, by root); else this says what is missing, and the tests that need it are skipped.
programs() {
    # Chromium without windows takes half the time. Where it is no package, the one with windows will do.
    if may_fetch && ! command -v chromium-headless-shell >/dev/null; then
        fetch chromium-headless-shell
    fi
    missing="chromium"
    for each in chromium-headless-shell chromium chromium-browser google-chrome; do
        ! command -v "$each" >/dev/null || missing=""
    done
    for each in npm ffmpeg pgbouncer nginx caddy promtool:prometheus man:man-db systemd-socket-activate:systemd; do
        PATH="$PATH:/usr/sbin" command -v "${each%:*}" >/dev/null || missing="$missing ${each#*:}"
    done
    if [ -n "$missing" ] && may_fetch; then
        # shellcheck disable=SC2086 # two words are two packages
        fetch $missing
    elif [ -n "$missing" ]; then
        say "Tests will be skipped without: $missing (apt-get install -y $missing)"
    fi
    if command -v npm >/dev/null && [ -e package.json ] && ! [ node_modules/.package-lock.json -nt package.json ]; then
        npm ci --silent --no-audit --no-fund >&2 || say "npm could not fetch what package.json asks for."
    fi
}

# Both wait for downloads.
prepare_tests() {
    programs &
    fetching=$!
    install "[test]"
    wait "$fetching"
}

# ESLint and the type checker for the scripts of the pages. Both come by npm: without it they are skipped, except in CI.
check_scripts() {
    if ! [ -x node_modules/.bin/eslint ] || ! [ -x node_modules/.bin/tsc ]; then
        say "Skipped without npm: eslint, tsc (apt-get install -y npm)"
        [ "${MICROBLOG_NO_SKIPS:-}" != 1 ]
        return
    fi
    scripts=0
    say "eslint"
    node_modules/.bin/eslint . || scripts=1
    say "tsc"
    node_modules/.bin/tsc --project . || scripts=1
    return "$scripts"
}

# Python 3.$1, if it is installed and is not the one of ./.venv: on PATH, or by pyenv.
other_python() {
    [ "$(.venv/bin/python -c 'import sys; print(sys.version_info.minor)')" != "$1" ] || return 0
    for python in "python3.$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$1".*/bin/python3; do
        if "$python" -c 'import ensurepip' 2>/dev/null; then printf '%s\n' "$python"; return; fi
    done
}

# Imports every module and runs some tests, with warnings as errors, in a virtual environment of its own.
check_python() {
    place=".venv/python3.$2"
    [ -x "$place/bin/pytest" ] || "$1" -m venv "$place" || return
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check --constraint .venv/versions \
        --editable . hypothesis pytest pytest-twisted || return
    "$place/bin/python" -W error -c 'import importlib, pkgutil, microblog
for module in pkgutil.walk_packages(microblog.__path__, "microblog."):
    module.name.endswith("__main__") or importlib.import_module(module.name)' || return
    "$place/bin/python" -m pytest --quiet -p no:cacheprovider tests/model tests/render/test_formatting.py tests/domain/test_posts.py
}

# All of them at once, as most of the time is waiting for downloads, and beside the installation of our own.
check_pythons() {
    make_environment
    # names and versions without hashes: only some of the packages are wanted
    sed -nE 's/^([A-Za-z0-9._-]+(\[[^]]*\])?==[^\\]*[^\\ ]).*/\1/p' requirements.lock | sed 's/\[[^]]*\]//' >.venv/versions
    running=""
    for minor in 11 12 13 14; do
        python=$(other_python "$minor")
        [ -n "$python" ] || continue
        check_python "$python" "$minor" >".venv/python3.$minor.log" 2>&1 &
        running="$running $minor:$!"
    done
    install "[test]"
    failed=0
    for each in $running; do
        if wait "${each#*:}"; then say "Python 3.${each%:*}: passed"; else
            failed=1
            cat ".venv/python3.${each%:*}.log" >&2
            say "Python 3.${each%:*}: failed"
        fi
    done
    [ -n "$running" ] || say "No other Python from 3.11 to 3.14 is installed here."
    return "$failed"
}

# The lock file names no index: whoever installs from it takes the one that their pip is set to, and the hashes must agree.
lock() {
    install "[test]"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
    .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra test --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "./run.sh lock" \
        --output-file requirements.lock pyproject.toml
}

# Linters and type checkers: the slowest one beside the others, as each keeps one core busy.
check_code() {
    code=0
    .venv/bin/mypy --no-error-summary >.venv/mypy.log 2>&1 &
    mypy=$!
    say "ruff"
    .venv/bin/ruff check --quiet . || code=1
    .venv/bin/ruff format --check --quiet . || { say "ruff format . mends the format."; code=1; }
    check_scripts || code=1
    say "mypy"
    wait "$mypy" || code=1
    cat .venv/mypy.log >&2
    return "$code"
}

# Files are shared out among as many processes as there are cores, in the order of tests/conftest.py; each process has a PostgreSQL and a
# browser of its own. $1 is what runs pytest.
run_pytest() {
    runner=$1
    shift
    unset PYTHONDONTWRITEBYTECODE  # hundreds of processes are started: each would compile the site anew
    # shellcheck disable=SC2086 # a command and its arguments
    $runner -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder --durations 20 "$@"
}

# Every check runs, also after one has failed; pytest is the last, so that its summary is what one sees.
run_tests() {
    prepare_tests
    failed=0
    check_code || failed=1
    run_pytest .venv/bin/python "$@" || failed=1
    [ "$failed" = 0 ] || say "Not all checks passed."
    return "$failed"
}

# The same tests take much longer with it, so it is a command of its own.
run_coverage() {
    prepare_tests
    failed=0
    .venv/bin/coverage erase
    # COVERAGE_PROCESS_START: what the sites do that tests start is measured too, each in a file of its own. COVERAGE_FILE: beside
    # this one, not in the directory where a command was called.
    export COVERAGE_PROCESS_START="$PWD/pyproject.toml" COVERAGE_FILE="$PWD/.coverage"
    run_pytest ".venv/bin/coverage run" "$@" || failed=1
    unset COVERAGE_PROCESS_START
    .venv/bin/coverage combine --quiet && .venv/bin/coverage html --quiet && .venv/bin/coverage report --format=total |
        sed 's/.*/Covered, by lines and branches: &% (htmlcov\/index.html)/' >&2 || failed=1
    return "$failed"
}

case "${1:-}" in
    test)
        shift
        run_tests "$@"
        ;;
    test-install)
        shift
        install "[test]"
        [ "$(id -u)" = 0 ] || { say "Only root can boot a Debian."; exit 1; }
        command -v debootstrap >/dev/null && command -v systemd-nspawn >/dev/null || {
            say "debootstrap and systemd-nspawn are needed: apt-get install -y debootstrap systemd-container"; exit 1; }
        exec .venv/bin/python -m pytest tests/install --override-ini log_cli=true --log-cli-level INFO \
            --log-cli-format "%(asctime)s %(message)s" --log-cli-date-format %T "$@"
        ;;
    coverage)
        shift
        run_coverage "$@"
        ;;
    bench)
        shift
        install "[test]"
        exec .venv/bin/python -m benchmarks.results "$@"
        ;;
    docs)
        install "[test]"
        .venv/bin/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs
        say "build/docs/index.html"
        ;;
    pythons)
        check_pythons
        ;;
    lock)
        lock
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
        say "Unknown command: $1. Known are test, test-install, coverage, bench, docs, pythons, lock and microblog; without one, the site is served."
        exit 2
        ;;
esac
