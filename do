#!/bin/sh
# The one door to this repository. It needs sh, git and Python 3.11 or newer, nothing else.
# Its own messages go to stderr: `./do run … --json` leaves one JSON document on stdout.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
venv=$root/.venv
bin=$venv/bin

# Tests start hundreds of programs: what Python compiled is kept, inside the environment, so that
# none compiles it again. Some machines forbid that for the sake of clean folders; these stay clean.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$venv/bytecode"

usage() {
    cat <<'TEXT'
usage: ./do COMMAND [ARGS]     (every command sets up what is missing first)

  setup              make or refresh the environment in .venv
  demo [ARGS]        see Stocktake work: sandbox, embedded database, a gap found and filled
  run ARGS           the stocktake command line, in the folder you are in
  test [ARGS]        all tests on all cores; ARGS go to pytest
  check              all that CI runs: format, lint, types, imports, tests, docs, changelog
  lint | types       only ruff and import contracts | only mypy
  fix                format, and mend what ruff can mend
  docs               renew the generated pages and build the documentation into site/
  bench [NAME ARGS]  list the benchmarks, or run one
  soak [NAME ARGS]   tests that take minutes: kills, interruptions, faults, acceptance
  pictures [ARGS]    pictures of every page, compared with the accepted ones; --accept accepts them
  coverage [ARGS]    tests with branch coverage, and what they did not reach
  lock               resolve the dependencies anew into constraints.txt (needs uv)
TEXT
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "do: $*"; exit 1; }

# --- environment ---------------------------------------------------------------------------

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer was not found on PATH. Install it, or name one: PYTHON=/path/to/python3 ./do setup"
}

# Package clients fail on, or warn about, a cache they cannot write: a read-only or missing home.
without_broken_cache() {
    [ -n "${HOME:-}" ] || unset HOME
    cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}
    if ! { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
        export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
    fi
}

has_uv() { command -v uv >/dev/null 2>&1; }

make_venv() {
    python=$(find_python)
    rm -rf "$venv"
    if has_uv; then
        uv venv --quiet --python "$python" "$venv"
    elif ! "$python" -m venv "$venv" >"$root/.venv.log" 2>&1; then
        # Debian ships venv without ensurepip. A pip outside can fill an environment without one.
        rm -rf "$venv"
        if ! "$python" -m venv --without-pip "$venv" >>"$root/.venv.log" 2>&1 ||
            ! "$python" -m pip --python "$bin/python" --version >>"$root/.venv.log" 2>&1; then
            rm -rf "$venv"
            sed 's/^/    /' "$root/.venv.log" >&2
            rm -f "$root/.venv.log"
            fail "$python cannot make environments. Install its venv module (Debian, Ubuntu: apt-get install python3-venv) or uv, then run this again."
        fi
        printf '%s\n' "$python" >"$venv/pip-outside"
    fi
    rm -f "$root/.venv.log"
}

install() {
    if has_uv; then
        uv pip install --quiet --python "$bin/python" "$@"
    elif [ -f "$venv/pip-outside" ]; then
        "$(cat "$venv/pip-outside")" -m pip --python "$bin/python" install --quiet "$@"
    else
        # An environment that uv made has no pip of its own.
        "$bin/python" -m pip --version >/dev/null 2>&1 || "$bin/python" -m ensurepip >/dev/null
        "$bin/python" -m pip install --quiet "$@"
    fi
}

pages=$root/src/stocktake/web
stamp_now() {
    printf '%s %s\n' "$(cat "$root/pyproject.toml" "$root/constraints.txt" "$pages/vendor.toml" \
        "$pages/npm/package-lock.json" | cksum)" "$root"
}

# Script of the pages comes from npm, once; where there is no npm, Node comes as a wheel.
fetch_script() {
    if ! command -v npm >/dev/null 2>&1 && [ ! -x "$bin/npm" ]; then
        install --require-hashes --requirement "$root/tools/node.txt"
    fi
    (cd "$root" && "$bin/python" -m tools.vendor)
}

setup() {
    stamp=$(stamp_now)
    if [ -f "$venv/stamp" ] && [ "$(cat "$venv/stamp")" = "$stamp" ] && [ -x "$bin/python" ]; then
        return
    fi
    say "Setting up .venv ..."
    started=$(date +%s)
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
    rm -f "$venv/stamp"
    is_new_enough "$bin/python" || make_venv
    install --require-hashes --requirement "$root/constraints.txt"
    install --no-deps --no-build-isolation --editable "$root"
    fetch_script
    printf '%s\n' "$stamp" >"$venv/stamp"
    say "Ready: $("$bin/python" --version) in .venv, $(($(date +%s) - started)) s"
}

# Some programs need a home that exists and can be written; the tests must not need the user's.
with_home() {
    if [ ! -d "${HOME:-}" ] || [ ! -w "${HOME:-}" ]; then
        export HOME="$venv/home"
        mkdir -p "$HOME"
    fi
}

# --- work ----------------------------------------------------------------------------------

cores() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

run_tests() {
    PYTEST_XDIST_AUTO_NUM_WORKERS=${PYTEST_XDIST_AUTO_NUM_WORKERS:-$(cores)}
    export PYTEST_XDIST_AUTO_NUM_WORKERS
    "$bin/python" -m pytest -n auto --dist worksteal "$@"
}

run_docs() { "$bin/zensical" build --clean --strict; }

# A branch must bring a fragment; on main, and in a clone without main, there is nothing to compare.
run_fragments() {
    "$bin/towncrier" build --draft --version next || return
    branch=$(git rev-parse --abbrev-ref HEAD 2>/dev/null || echo HEAD)
    if [ "$branch" != main ] && [ "$branch" != HEAD ] && git rev-parse --quiet --verify main >/dev/null; then
        "$bin/towncrier" check --compare-with main
    fi
}

# Peers that a benchmark compares with live beside our environment, never in it.
setup_peers() (
    root_bin=$bin
    venv=$venv/peers
    bin=$venv/bin
    stamp=$(sed -n '/^bench = \[/,/^\]/p' "$root/pyproject.toml" | cksum)
    if [ -f "$venv/stamp" ] && [ "$(cat "$venv/stamp")" = "$stamp" ]; then
        return
    fi
    say "Installing the peers to compare with into .venv/peers ..."
    rm -f "$venv/stamp"
    is_new_enough "$bin/python" || make_venv
    "$root_bin/python" -c 'import tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["dependency-groups"]["bench"], sep="\n")' >"$venv/requirements.txt"
    install --requirement "$venv/requirements.txt"
    printf '%s\n' "$stamp" >"$venv/stamp"
)

run_bench() {
    if [ $# -eq 0 ]; then
        "$bin/python" -m benchmarks
    else
        name=$1
        shift
        [ -f "benchmarks/$name.py" ] || fail "there is no benchmark '$name'. Run './do bench' for the list."
        ! grep -q '^from benchmarks.peers import' "benchmarks/$name.py" || setup_peers
        "$bin/python" -m "benchmarks.$name" "$@"
    fi
}

# One after the other and with what they print: their figures are part of the result.
run_soak() {
    if [ $# -eq 0 ]; then
        "$bin/python" -m pytest -n 0 -s -m soak --durations=0 tests
    else
        name=$1
        shift
        [ -f "tests/acceptance/test_$name.py" ] || fail "there is no soak '$name'. Run './do help'."
        "$bin/python" -m pytest -n 0 -s -m soak --durations=0 "tests/acceptance/test_$name.py" "$@"
    fi
}

# Taken anew, then compared; what is accepted stays beside, outside git.
run_pictures() {
    if [ "${1:-}" != --accept ]; then
        rm -rf "$root/pictures/taken"
        STOCKTAKE_PICTURES=$root/pictures/taken "$bin/python" -m pytest -n 0 -q -m soak \
            tests/acceptance/web/test_pictures.py "$@"
        shift $#
    fi
    "$bin/python" -m tools.pictures pictures "$@"
}

run_coverage() {
    "$bin/coverage" erase
    "$bin/coverage" run -m pytest -n 0 "$@"
    "$bin/coverage" combine --quiet
    "$bin/coverage" report
}

run_lock() {
    has_uv || fail "resolving needs uv; everything else works without it."
    uv pip compile --quiet --upgrade --universal --python-version 3.11 --group dev --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header pyproject.toml --output-file constraints.txt
}

step() {
    name=$1
    shift
    log=$logs/$(printf '%s' "$name" | tr ' ' '-').log
    printf '  %-14s ' "$name" >&2
    began=$(date +%s)
    code=0
    ("$@") >"$log" 2>&1 || code=$?
    seconds=$(($(date +%s) - began))
    if [ "$code" -eq 0 ]; then
        printf 'ok      %4s s\n' "$seconds" >&2
    else
        printf 'FAILED  %4s s\n\n' "$seconds" >&2
        cat "$log"
        say "do check: $name failed (exit $code); what it said stands above."
        exit 1
    fi
}

# Cheap steps first: a slip in the format is known after a second, not after the tests.
run_check() {
    logs=$venv/check
    mkdir -p "$logs"
    step "format" "$bin/ruff" format --check
    step "lint" "$bin/ruff" check
    step "imports" "$bin/lint-imports"
    step "changelog" run_fragments
    step "types" "$bin/mypy"
    step "docs" run_docs
    step "tests" run_tests
    tail -n 1 "$logs/tests.log"
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
    help | -h | --help) usage; exit 0 ;;
    setup | demo | run | test | check | lint | types | fix | docs | bench | soak | pictures | coverage | lock) ;;
    *) usage >&2; fail "unknown command '$command'" ;;
esac

without_broken_cache
[ "$command" = lock ] || setup
with_home

case $command in
    run) exec "$bin/stocktake" "$@" ;;
    # The demo shows the embedded defaults, and must never meet a database someone works with.
    demo) unset STOCKTAKE_DATABASE_URL; exec "$bin/stocktake" demo "$@" ;;
esac

cd "$root"
case $command in
    setup) say "Try: ./do demo" ;;
    test) run_tests "$@" ;;
    check) run_check ;;
    lint) "$bin/ruff" format --check && "$bin/ruff" check && "$bin/lint-imports" ;;
    types) "$bin/mypy" "$@" ;;
    fix) "$bin/ruff" format && "$bin/ruff" check --fix ;;
    docs) "$bin/python" -m tools && run_docs ;;
    bench) run_bench "$@" ;;
    soak) run_soak "$@" ;;
    pictures) run_pictures "$@" ;;
    coverage) run_coverage "$@" ;;
    lock) run_lock ;;
esac
