//! Programs that the macros accept, as modules of one; two more are programs of their own in `Cargo.toml`: `accepted_around` as it
//! serves all gateways of its process, `accepted_renamed` as it renames a crate for all of its modules.
//! Warnings of what the programs write themselves are not the matter.
#![allow(dead_code, missing_debug_implementations, missing_docs, unnameable_types, unreachable_pub, unused_imports)]
#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

macro_rules! programs {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[path = $path]
            pub mod $name;
        )*
    };
}

programs! {
    events: "ui/event/pass/events.rs",
    exceptions: "ui/exception/pass/exceptions.rs",
    blocks: "ui/gateway/pass/blocks.rs",
    chat: "ui/gateway/pass/chat.rs",
    conditions: "ui/gateway/pass/conditions.rs",
    generic: "ui/gateway/pass/generic.rs",
    lints: "ui/gateway/pass/lints.rs",
    made_by_a_macro: "ui/gateway/pass/made_by_a_macro.rs",
    names: "ui/gateway/pass/names.rs",
    no_implicit_prelude: "ui/gateway/pass/no_implicit_prelude.rs",
    shapes: "ui/gateway/pass/shapes.rs",
    hooks: "ui/hook/pass/hooks.rs",
    raw: "ui/hook/pass/raw.rs",
    server_event: "ui/server_event/pass/server_event.rs",
    services: "ui/service/pass/services.rs",
    methods: "ui/subscribe/pass/methods.rs",
    streams: "ui/subscribe/pass/streams.rs",
}

#[test]
fn every_program_is_compiled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = fs::read_to_string(root.join("Cargo.toml")).unwrap() + include_str!("accepted.rs");
    let mut programs = 0;
    for subject in fs::read_dir(root.join("tests/ui")).unwrap().map(Result::unwrap) {
        for program in fs::read_dir(subject.path().join("pass")).into_iter().flatten().map(Result::unwrap) {
            let (subject, program) = (subject.file_name(), program.file_name());
            let path = format!("ui/{}/pass/{}\"", subject.to_str().unwrap(), program.to_str().unwrap());
            assert!(named.contains(&path), "neither tests/accepted.rs nor Cargo.toml names tests/{path}");
            programs += 1;
        }
    }
    assert!(programs > 15, "the programs were not found");
}
