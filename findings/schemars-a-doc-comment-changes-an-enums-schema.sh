#!/usr/bin/env bash
# schemars 1.2.1: a doc comment on one variant of a unit enum changes the kind of schema (`enum` becomes `oneOf`) and the order of its
# values.
#
# Without comments `enum Level { Low, High, Mid }` is `{"type":"string","enum":["Low","High","Mid"]}`. With a comment on `Low` it is
# `{"oneOf":[{"type":"string","enum":["High","Mid"]},{"const":"Low","description":"…"}]}`: the same values, but a comparison of
# schemas by structure calls it a change of the contract, and generators of types make another type of it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "variants"
version = "0.0.0"
edition = "2021"

[dependencies]
schemars = "=1.2.1"
serde_json = "1"
TOML
cat >src/main.rs <<'RUST'
#![allow(dead_code)]
use serde_json::json;

mod bare {
    #[derive(schemars::JsonSchema)]
    pub enum Level { Low, High, Mid }
}

mod described {
    #[derive(schemars::JsonSchema)]
    pub enum Level {
        /// Nobody is woken.
        Low,
        High,
        Mid,
    }
}

fn main() {
    let bare = schemars::schema_for!(bare::Level).to_value();
    let described = schemars::schema_for!(described::Level).to_value();
    println!("{bare}\n{described}");
    assert_eq!(bare["enum"], json!(["Low", "High", "Mid"]));
    assert!(described.get("enum").is_none());
    assert_eq!(described["oneOf"][0]["enum"], json!(["High", "Mid"]));
    assert_eq!(described["oneOf"][1]["const"], json!("Low"));
}
RUST
timeout 500 cargo run --quiet
