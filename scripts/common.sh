# shellcheck shell=bash
# What the scripts share: where the repository is, messages, and quiet builds. Sourced, not run.

SETUN_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly SETUN_ROOT
SETUN_BUILD="$SETUN_ROOT/build/release"
readonly SETUN_BUILD

note() { printf '%s\n' "$*" >&2; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

jobs_count() { nproc 2>/dev/null || echo 2; }

# The text of the comment block at the top of a script is its --help.
print_help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"; }

# configure [cmake options]: quiet unless it fails.
configure() {
    local log="$SETUN_BUILD/configure.log"
    mkdir -p "$SETUN_BUILD"
    if ! (cd "$SETUN_ROOT" && cmake --preset release "$@") >"$log" 2>&1; then
        cat "$log" >&2
        die "configuring failed (log: $log)"
    fi
}

# configure_once: keeps a build folder as it is; without tests when it is new.
configure_once() {
    [[ -f "$SETUN_BUILD/build.ninja" ]] || configure -DSETUN_BUILD_TESTS=OFF
}

# build TARGET...: one line that counts up on a terminal, one line else; the log's end when it fails.
build() {
    local log="$SETUN_BUILD/build.log" line status=0
    [[ -t 2 ]] || note "building $*"
    {
        NINJA_STATUS='[%f/%t] ' cmake --build "$SETUN_BUILD" --parallel "$(jobs_count)" --target "$@" 2>&1 ||
            echo "setun-build-failed"
    } | tee "$log" | while IFS= read -r line; do
        if [[ -t 2 && "$line" == \[* ]]; then
            printf '\rbuilding %s %s\033[K' "$*" "${line%%]*}]" >&2
        fi
    done || status=$?
    [[ -t 2 ]] && printf '\r\033[K' >&2
    if [[ "$status" != 0 ]] || tail -n 1 "$log" | grep -qx 'setun-build-failed'; then
        tail -n 60 "$log" | sed '$d' >&2
        die "the build failed (log: $log)"
    fi
}
