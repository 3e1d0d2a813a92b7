#!/usr/bin/env bash
# CPU seconds of the compiler for 200 handlers: in one `impl` block, in twenty blocks, and on axum and socketioxide.
# "check" and "build" are those after an edit of one handler, the median of five, in turn; --cold adds a release build from nothing.
# EDIT says which: a line more in the "first" handler, in the "last", "above" all of them, or "none" more.
# FRAMEWORK=FOLDER measures another checkout of this repository, HANDLERS and BLOCKS other numbers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
framework=$(cd "${FRAMEWORK:-.}" && pwd)
handlers=${HANDLERS:-200} blocks=${BLOCKS:-20} rounds=${ROUNDS:-5}
folder=${FOLDER:-$(mktemp -d)}
[ -n "${FOLDER:-}" ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"

payloads() {
    local kind
    for kind in {0..9}; do
        echo "#[derive(Deserialize, Serialize)] struct Order$kind { id: u64, count: u32, note: String, with: Option<Vec<u8>> }"
    done
    echo "#[derive(Serialize)] struct Receipt { id: u64, note: String }"
}

# A method of the gateway.
ours() {
    local number=$1 order=Order$(($1 % 10))
    echo "    #[subscribe(\"event$number\")]"
    case $((number % 4)) in
        0) echo "    async fn handler$number(&self, Data(order): Data<$order>) -> Data<Receipt> {
        Data(Receipt { id: order.id + $number, note: order.note })
    }" ;;
        1) echo "    async fn handler$number(&self, socket: Socket, Data(order): Data<$order>) -> Result<Data<Receipt>, Refused> {
        if order.count == $number { return Err(Refused); }
        let _ = socket.emit(\"told$number\", &order);
        Ok(Data(Receipt { id: order.id, note: order.note }))
    }" ;;
        2) echo "    fn handler$number(&self, socket: Socket, Data(note): Data<String>) {
        let _ = socket.emit(\"said$number\", &note);
    }" ;;
        3) echo "    fn handler$number(&self) -> u64 {
        $number
    }" ;;
    esac
}

# The same on socketioxide.
theirs() {
    local number=$1 order=Order$(($1 % 10))
    case $((number % 4)) in
        0) echo "async fn handler$number(Data(order): Data<$order>, ack: AckSender) {
    let _ = ack.send(&Receipt { id: order.id + $number, note: order.note });
}" ;;
        1) echo "async fn handler$number(socket: SocketRef, Data(order): Data<$order>, ack: AckSender) {
    if order.count == $number { let _ = ack.send(\"refused\"); return; }
    let _ = socket.emit(\"told$number\", &order);
    let _ = ack.send(&Receipt { id: order.id, note: order.note });
}" ;;
        2) echo "async fn handler$number(socket: SocketRef, Data(note): Data<String>) {
    let _ = socket.emit(\"said$number\", &note);
}" ;;
        3) echo "async fn handler$number(ack: AckSender) {
    let _ = ack.send(&${number}_u64);
}" ;;
    esac
}

gateway() {
    local blocks=$1 each=$((handlers / $1)) block number
    echo "use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};
$(payloads)
#[derive(Debug, thiserror::Error, Exception)]
#[error(\"refused\")]
struct Refused;
#[gateway(namespace = \"/\")]
struct Orders;"
    for ((block = 0; block < blocks; block++)); do
        echo "#[gateway]
impl Orders {"
        for ((number = block * each; number < (block + 1) * each; number++)); do ours "$number"; done
        echo "}"
    done
    echo "#[tokio::main]
async fn main() {
    Server::new().serve(\"127.0.0.1:0\").await.unwrap();
}"
}

peer() {
    local number
    echo "use serde::{Deserialize, Serialize};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
$(payloads)"
    for ((number = 0; number < handlers; number++)); do theirs "$number"; done
    echo "async fn connected(socket: SocketRef) {"
    for ((number = 0; number < handlers; number++)); do echo "    socket.on(\"event$number\", handler$number);"; done
    echo "}
#[tokio::main]
async fn main() {
    let (layer, io) = SocketIo::new_layer();
    io.ns(\"/\", connected);
    let app = axum::Router::new().layer(layer);
    let listener = tokio::net::TcpListener::bind(\"127.0.0.1:0\").await.unwrap();
    axum::serve(listener, app).await.unwrap();
}"
}

package() {
    local name=$1 dependencies=$2 lock=$3
    mkdir -p "$folder/$name/src"
    cp "$lock" "$folder/$name/Cargo.lock"
    cat >"$folder/$name/Cargo.toml" <<END
[package]
name = "$name"
edition = "2024"
[workspace]
[dependencies]
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
$dependencies
END
    cat >"$folder/$name/src/main.rs"
}

gateway 1 | package one "gateway-core.path = \"$framework/gateway-core\"
thiserror = \"2\"" "$framework/Cargo.lock"
gateway "$blocks" | package many "gateway-core.path = \"$framework/gateway-core\"
thiserror = \"2\"" "$framework/Cargo.lock"
peer | package peers 'axum = "=0.8.9"
socketioxide = "=0.18.9"' benches/peers/rust/Cargo.lock

# The framework's own crates are compiled once for both packages.
target() {
    if [ "$1" = peers ]; then echo "$folder/target-peers"; else echo "$folder/target-ours"; fi
}

# CPU seconds of `cargo COMMAND` in a package.
seconds() {
    local name=$1
    shift
    local TIMEFORMAT='%U %S' spent
    spent=$({ time CARGO_TARGET_DIR=$(target "$name") cargo "$@" --quiet --manifest-path "$folder/$name/Cargo.toml" >"$folder/log" 2>&1; } 2>&1) ||
        { tail -40 "$folder/log" >&2; exit 1; }
    awk '{ printf "%.2f\n", $1 + $2 }' <<<"$spent"
}

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# One handler does something else, and a line is added where EDIT says.
edit() {
    local file=$folder/$1/src/main.rs lines=()
    mapfile -t lines < <(grep -n 'order\.id + [0-9]' "$file" | cut -d: -f1)
    case ${EDIT:-first} in
        first) sed -i "${lines[0]}s/order\.id + [0-9]*/\n            order.id + $2/" "$file" ;;
        last) sed -i "${lines[-1]}s/order\.id + [0-9]*/\n            order.id + $2/" "$file" ;;
        above) sed -i "${lines[0]}s/order\.id + [0-9]*/order.id + $2/; 1i\\\n" "$file" ;;
        none) sed -i "${lines[0]}s/order\.id + [0-9]*/order.id + $2/" "$file" ;;
        *) echo "no such edit: $EDIT" >&2; exit 2 ;;
    esac
}

packages=${PACKAGES:-one many peers}
for command in ${COMMANDS:-check build}; do
    for name in $packages; do seconds "$name" "$command" >/dev/null; done
    for ((round = 0; round < rounds; round++)); do
        for name in $packages; do
            edit "$name" "$RANDOM"
            seconds "$name" "$command" >>"$folder/$command-$name"
        done
    done
    for name in $packages; do echo "$command $name $(median <"$folder/$command-$name")"; done
done
if [ "${1:-}" = --cold ]; then
    for name in $packages; do
        rm -rf "$folder/target-ours" "$folder/target-peers"
        echo "release $name $(seconds "$name" build --release)"
    done
fi
