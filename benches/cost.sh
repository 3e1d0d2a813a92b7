#!/usr/bin/env bash
# Counts the instructions that a byte of input takes and the memory that is held for a client that does not read, over all
# families of input. Fails where a byte is dearer than its like or grows with its size, and where more than two bytes for each that
# was sent are held beside the bounds of the limits. --short counts two sizes, --full also 512 KiB, --page writes the tables of
# docs/security.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 2; }
cargo build --quiet --profile counted -p gateway-benches --bin cost --bin held
status=0
for counted in cost held; do
    cargo run --quiet --profile counted -p gateway-benches --bin "$counted" -- "$@" || status=1
done
exit "$status"
