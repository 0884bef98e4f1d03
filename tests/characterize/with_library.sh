#!/bin/sh
# Runs a command with the folder of Liberty files in place of @DIR@; exit code 77 (skipped) when none is given.
#   with_library.sh CONFIGURED_DIR COMMAND...
dir="${SETUN_LIBERTY_DIR:-$1}"
shift
if [ -z "$dir" ]; then
    echo "skipped: no ASAP7 Liberty files; set SETUN_LIBERTY_DIR (docs/characterisation.md says where they are)"
    exit 77
fi
exec "$@" --liberty "$dir"
