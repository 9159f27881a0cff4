#!/bin/sh
# Set up what is missing, and nothing else: .venv with the locked dependencies, and the system's part of it.
#
#   deploy/install.sh run     what the service needs
#   deploy/install.sh test    that, and what the tests need
#
# A lock that is installed is remembered by its hash in .venv/installed, never by file times: when it is there, nothing
# is fetched. A .venv that was interrupted (.venv/unfinished), or whose Python is gone, is made anew. Of two runs in one
# folder the second waits for the first, and then finds everything done.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "install: $*"; exit 1; }

# Leaves in as_root what makes a command root's.
must_have_apt() {
    command -v apt-get >/dev/null || fail "please install $1: there is no apt-get here to do it"
    as_root=
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null || fail "please install $1 as root: there is no sudo here to do it"
    as_root=sudo
}

apt_install() {
    must_have_apt "$*"
    say "Installing $* ..."
    # What it says is only of interest where it fails: a line for each of many packages hides what comes next.
    said=$({
        $as_root apt-get update -qq &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
    } 2>&1) || {
        say "$said"
        fail "apt-get could not install $*"
    }
}

has_package() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }

# Debian's package makes a server of its own, which runs on port 5432 from then on. The tests start theirs themselves and
# need its programs alone. Where there is a PostgreSQL already, its settings are left as they are.
install_postgresql() {
    if ! has_package postgresql-common; then
        must_have_apt postgresql
        settings=/etc/postgresql-common/createcluster.d/programs-alone.conf
        echo 'create_main_cluster = false' | $as_root install -D -m 644 /dev/stdin "$settings" ||
            fail "$settings cannot be written"
    fi
    apt_install postgresql
}

find_python() {
    for candidate in python3.11 python3.12 python3.13 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    python=$(find_python) || { apt_install python3-venv && python=$(find_python); } ||
        fail "Python 3.11 or newer is needed"
    say "Making .venv with $python ..."
    rm -rf .venv
    mkdir .venv
    touch .venv/unfinished
    "$python" -m venv .venv
}

take_turns() {
    command -v flock >/dev/null || return 0  # not everywhere, as on macOS; there two runs at once are not made safe
    exec 9<deploy/install.sh  # it goes with the last process that has it, so a pip that outlives this script counts
    flock -n 9 && return
    say "Waiting for another set-up in this folder ..."
    flock 9
}

hash_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

install_lock() {
    lock=$1
    covers=$2
    if [ -e .venv/unfinished ] || ! .venv/bin/python -I -c 'import pip' 2>/dev/null; then
        make_venv
    elif grep -qsx "$(hash_of "$lock")" .venv/installed; then
        return
    fi
    say "Installing $lock ..."
    touch .venv/unfinished
    rm -f .venv/installed
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r "$lock" ||
        fail "pip could not install $lock"
    for file in $covers; do hash_of "$file"; done >.venv/installed
    rm .venv/unfinished
}

# A package in another version than the service's, for tests that take both: beside what is in .venv, not over it.
install_beside() {
    lock=$1
    folder=$2
    grep -qsx "$(hash_of "$lock")" "$folder/installed" && return
    say "Installing $lock ..."
    rm -rf "$folder"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes --no-deps \
        --target "$folder" -r "$lock" || fail "pip could not install $lock"
    hash_of "$lock" >"$folder/installed"
}

install_node_modules() {
    folder=$1
    grep -qsx "$(hash_of "$folder/package-lock.json")" "$folder/node_modules/installed" && return
    say "Installing $folder/package-lock.json ..."
    # Node trusts the certificates that it was built with; behind a company's proxy the system's are wanted too.
    programs=$PWD/.venv/bin:$PATH
    (cd "$folder" &&
        PATH=$programs NODE_USE_SYSTEM_CA=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
        fail "npm could not install $folder/package-lock.json"
    hash_of "$folder/package-lock.json" >"$folder/node_modules/installed"
}

case "${1-}" in
run)
    take_turns
    install_lock deploy/requirements.txt deploy/requirements.txt
    ;;
test)
    take_turns
    # The tests' lock holds all of the service's, at the same versions.
    install_lock tests/requirements.txt "deploy/requirements.txt tests/requirements.txt"
    install_beside tests/requirements-sdk-next.txt .venv/sdk-next
    install_node_modules tests/sandbox/node
    command -v chromium >/dev/null || apt_install chromium
    for package in fonts-noto-cjk fonts-noto-color-emoji; do
        has_package "$package" || apt_install "$package"
    done
    command -v promtool >/dev/null || apt_install prometheus
    has_package postgresql || install_postgresql
    for package in buildah catatonit debootstrap podman runc; do  # for the image and its containers
        has_package "$package" || apt_install "$package"
    done
    ;;
*)
    fail "usage: deploy/install.sh run|test"
    ;;
esac
