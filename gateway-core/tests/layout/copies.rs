//! One copy of the framework in a program. Cargo alone decides, so no crate is compiled here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CORE: &str = env!("CARGO_MANIFEST_DIR");

/// Creates an application with these dependencies in a folder of its own.
fn application(name: &str, dependencies: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let manifest = format!(
        "[package]\nname = \"application\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}"
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

fn workspace() -> &'static Path {
    Path::new(CORE).parent().unwrap()
}

/// Copies the manifests of the workspace's library crates, with empty sources.
fn copy_of_the_framework() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copy");
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let (begin, rest) = manifest.split_once("members = [").unwrap();
    let (_, end) = rest.split_once(']').unwrap();
    let members = format!("{begin}members = [\"gateway-core\", \"gateway-macros\", \"gateway-types\"]{end}");
    for name in ["gateway-core", "gateway-macros", "gateway-types"] {
        let crate_folder = folder.join(name);
        fs::create_dir_all(crate_folder.join("src")).unwrap();
        fs::write(crate_folder.join("src/lib.rs"), "").unwrap();
        fs::copy(workspace().join(name).join("Cargo.toml"), crate_folder.join("Cargo.toml")).unwrap();
    }
    fs::copy(Path::new(CORE).join("build.rs"), folder.join("gateway-core/build.rs")).unwrap();
    fs::write(folder.join("Cargo.toml"), members).unwrap();
    folder.join("gateway-core")
}

fn resolve(application: &Path) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--offline", "--format-version=1", "--manifest-path"]).arg(application.join("Cargo.toml"));
    cargo.output().unwrap()
}

#[test]
fn cargo_refuses_a_second_copy_of_the_framework() {
    let this = format!("gateway-core.path = '{CORE}'\n");
    let alone = resolve(&application("one-copy", &this));
    assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));

    let copy = copy_of_the_framework();
    let second = format!("second = {{ package = \"gateway-core\", path = '{}' }}\n", copy.display());
    let both = resolve(&application("two-copies", &(this + &second)));
    let message = String::from_utf8_lossy(&both.stderr);
    assert!(!both.status.success());
    assert!(message.contains("links to the native library `gateway-core`, but it conflicts"), "{message}");
}
