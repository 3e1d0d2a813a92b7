#!/usr/bin/env bash
# Makes projects from template/ as `cargo generate` does, and does with each what its CI file does; then starts the program. The
# repository is named by its path in place of its address, and the dependencies are those of the workspace's lock file.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
RUSTUP_TOOLCHAIN=$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$root/rust-toolchain.toml")
export RUSTUP_TOOLCHAIN
# Outside of the workspace, whose formatting and lints are not those of a new project.
place=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$place"
}
trap end EXIT

# As the workspace builds, so that what both depend on is built once.
mkdir "$place/.cargo"
cat >"$place/.cargo/config.toml" <<CONFIG
[build]
target-dir = "$target"
[net]
offline = true
[profile.dev]
debug = "line-tables-only"
[profile.dev.package."*"]
debug = false
CONFIG

# generate NAME CRATE: cargo-generate writes the name of a project with hyphens, and that of its crate with underscores.
generate() {
    local project=$1 crate=$2 file
    cp -r "$root/template" "$place/$project"
    rm "$place/$project/cargo-generate.toml"
    # An ending of templates alone: cargo looks for manifests in all of a repository that somebody depends on.
    mv "$place/$project/Cargo.toml.liquid" "$place/$project/Cargo.toml"
    while IFS= read -r -d '' file; do
        sed -i -e "s/{{project-name}}/$project/g" -e "s/{{crate_name}}/$crate/g" \
            -e "s|git = \"{{repository}}\"|path = \"$root/gateway-core\"|" "$file"
    done < <(find "$place/$project" -type f -print0)
    if grep -rn '{{\|}}\|{%' "$place/$project"; then
        echo "what cargo-generate would not fill stands above" >&2
        exit 1
    fi
    cp "$root/Cargo.lock" "$place/$project/"
    # The lock file without what the project does not use.
    (cd "$place/$project" && cargo metadata --format-version 1 >/dev/null)
}

# The commands of the project's CI file.
follow_ci() {
    local command
    while IFS= read -r command; do
        echo "$1: $command"
        (cd "$place/$1" && $command)
    done < <(sed -n 's/^ *- run: \(cargo .*\)$/\1/p' "$place/$1/.github/workflows/ci.yml")
}

# start NAME: the program listens at a free port, and ends by the signal of its Dockerfile.
start() {
    local signal line
    signal=$(sed -n 's/^STOPSIGNAL \(.*\)$/\1/p' "$place/$1/Dockerfile")
    grep -q "/target/release/$1 " "$place/$1/Dockerfile"
    (cd "$place/$1" && cargo build --locked)
    coproc (cd "$place/$1" && APP_SERVER__LISTEN=127.0.0.1:0 exec "$target/debug/$1")
    server=$COPROC_PID
    while read -r line <&"${COPROC[0]}"; do
        case $line in *"listening on 127.0.0.1:"*) echo "$1: $line"; break ;; esac
    done
    kill -s "$signal" "$server"
    wait "$server"
    server=
}

for version in "$(sed -n 's/^FROM rust:\([^ ]*\) .*$/\1/p' "$root/template/Dockerfile")" \
    "$(sed -n 's/.*rustup default \(.*\)$/\1/p' "$root/template/.github/workflows/ci.yml")"; do
    [ "$version" = "$RUSTUP_TOOLCHAIN" ] || { echo "template/ names Rust $version, the workspace $RUSTUP_TOOLCHAIN" >&2; exit 1; }
done
[ "$(grep -c 'git = "{{repository}}"' "$root/template/Cargo.toml.liquid")" = 2 ]
for names in "my-app my_app" "chat chat"; do
    read -r project crate <<<"$names"
    generate "$project" "$crate"
    follow_ci "$project"
    start "$project"
done
echo "projects of two names pass their own checks and start"
