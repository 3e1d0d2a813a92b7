#!/usr/bin/env bash
# Counts the instructions of a message and fails where there are more than in baselines.toml; --update writes it anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 2; }
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
# The server alone is counted, so it alone is built as users build theirs.
cargo build --quiet --release -p gateway-fixtures --no-default-features --bin bench
exec cargo run --quiet --profile counted -p gateway-benches --bin instructions -- --server "$target/release/bench" "$@"
