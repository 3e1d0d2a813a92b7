#!/usr/bin/env bash
# Counts the instructions that a byte of input takes, over all families of input, and fails where one is dearer than its like
# or grows with its size. --short counts two sizes, --page writes the table of docs/security.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 2; }
cargo build --quiet --profile counted -p gateway-benches --bin cost
exec cargo run --quiet --profile counted -p gateway-benches --bin cost -- "$@"
