#!/usr/bin/env bash
# garde 0.23.0 and schemars 1.2.1: `#[garde(length(min = 2, max = 4))]` on a `String` counts bytes of UTF-8, while the schema that
# schemars writes from the same attribute says `minLength: 2, maxLength: 4`, which JSON Schema counts in characters.
#
# "é" (one character, two bytes) is accepted by the server and refused by a form made of the schema; "ééé" (three characters, six
# bytes) is offered by the form and refused by the server. Only `length(chars, …)` means the same on both sides.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "lengths"
version = "0.0.0"
edition = "2021"

[dependencies]
garde = { version = "=0.23.0", features = ["derive"] }
schemars = "=1.2.1"
serde_json = "1"
TOML
cat >src/main.rs <<'RUST'
use garde::Validate;

#[derive(Validate, schemars::JsonSchema)]
struct Bytes {
    #[garde(length(min = 2, max = 4))]
    text: String,
}

#[derive(Validate, schemars::JsonSchema)]
struct Chars {
    #[garde(length(chars, min = 2, max = 4))]
    text: String,
}

fn main() {
    let bounds = |schema: schemars::Schema| {
        let text = &schema.as_value()["properties"]["text"];
        (text["minLength"].as_u64().unwrap(), text["maxLength"].as_u64().unwrap())
    };
    println!("schemas: {:?} and {:?}", bounds(schemars::schema_for!(Bytes)), bounds(schemars::schema_for!(Chars)));
    assert_eq!(bounds(schemars::schema_for!(Bytes)), (2, 4));
    assert_eq!(bounds(schemars::schema_for!(Chars)), (2, 4));
    for (text, by_schema, by_bytes, by_chars) in
        [("ab", true, true, true), ("é", false, true, false), ("ééé", true, false, true)]
    {
        let bytes = Bytes { text: text.into() }.validate().is_ok();
        let chars = Chars { text: text.into() }.validate().is_ok();
        println!("{text}: schema {by_schema}, length {bytes}, length(chars) {chars}");
        assert_eq!((bytes, chars), (by_bytes, by_chars));
        assert_eq!((2..=4).contains(&text.chars().count()), by_schema);
    }
}
RUST
timeout 500 cargo run --quiet
