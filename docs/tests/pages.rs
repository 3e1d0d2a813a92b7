//! What the guide says beside its Rust blocks: its links lead somewhere, its limits and compiler messages are the real ones.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::HashSet;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway_core::{Deflate, Limits};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    in_folder(".").chain(in_folder("docs")).filter(is_page).collect()
}

/// The text outside of code blocks.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// The cells of each row of the tables under this heading, up to the next of its level; head rows are left out.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let level = heading.split(' ').next().unwrap();
    let section = page.split_once(&format!("\n{heading}\n")).unwrap().1;
    let section = section.split(&format!("\n{level} ")).next().unwrap();
    let lines: Vec<&str> = section.lines().collect();
    let is_head = |index: usize| lines.get(index + 1).is_some_and(|next| next.starts_with("| ---"));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| line.starts_with("| ") && !line.starts_with("| ---") && !is_head(*index));
    rows.map(|(_, line)| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = prose(&fs::read_to_string(&page).unwrap());
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if !link.contains("://") && !leads_somewhere(&page, link) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if anchor.is_empty() {
        return target.exists();
    }
    fs::read_to_string(target).is_ok_and(|text| {
        prose(&text).lines().filter(|line| line.starts_with('#')).any(|line| anchor_of(line) == anchor)
    })
}

/// As forges make it of a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn every_page_with_rust_is_compiled() {
    let compiled = read("docs/lib.rs");
    let is_compiled = |page: &PathBuf| {
        let folder = if page.parent().unwrap().ends_with("docs") { "" } else { "../" };
        compiled.contains(&format!("\"{folder}{}\"", page.file_name().unwrap().to_string_lossy()))
    };
    let has_rust = |page: &PathBuf| fs::read_to_string(page).unwrap().contains("```rust");
    let forgotten: Vec<_> = pages().into_iter().filter(|page| has_rust(page) && !is_compiled(page)).collect();
    assert!(forgotten.is_empty(), "name them in docs/lib.rs: {forgotten:#?}");
}

/// Both applications are run by the end-to-end suite, so what the page shows of them is true.
#[test]
fn the_ported_module_is_shown_as_it_is() {
    let page = read("docs/from-nestjs.md");
    for (language, folder, least) in [("ts", "tests/browser/nest", 7), ("rs", "examples/nestjs", 8)] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let sources: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
        let shown: Vec<&str> =
            page.split(&format!("```{language}\n")).skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert!(shown.len() >= least, "the blocks were not found");
        for block in shown {
            assert!(sources.iter().any(|source| source.contains(block)), "{folder} has no\n{block}");
        }
    }
}

#[test]
fn the_life_of_a_message_names_real_functions() {
    let rows = rows(&read("ARCHITECTURE.md"), "## One message's life");
    assert!(rows.len() > 10, "the table was not found");
    for row in rows {
        let (file, function) = (row[1].trim_matches('`'), row[2].trim_matches('`'));
        let source = read(Path::new("gateway-core/src").join(file));
        let is_there =
            [format!("fn {function}("), format!("fn {function}<")].iter().any(|declared| source.contains(declared));
        assert!(is_there, "{file} has no `{function}`");
    }
}

#[test]
fn the_table_of_limits_holds_each_with_its_default() {
    let written: Vec<(String, String)> = rows(&read("docs/limits.md"), "## Of a server")
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned()))
        .collect();
    let real: Vec<(String, String)> =
        defaults().into_iter().map(|(name, default)| (name.to_owned(), default)).collect();
    assert_eq!(written, real);
}

#[test]
fn the_table_of_compression_holds_each_option_with_its_default() {
    let written: Vec<(String, String)> = rows(&read("docs/serving.md"), "## Compression")
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].clone()))
        .collect();
    let Deflate { threshold, level, server_max_window_bits, client_max_window_bits, client_no_context_takeover } =
        Deflate::default();
    let real = [
        ("threshold", threshold.to_string()),
        ("level", level.to_string()),
        ("server_max_window_bits", server_max_window_bits.to_string()),
        ("client_max_window_bits", client_max_window_bits.to_string()),
        ("client_no_context_takeover", client_no_context_takeover.to_string()),
    ];
    assert_eq!(written, real.map(|(name, default)| (name.to_owned(), default)));
}

fn defaults() -> Vec<(&'static str, String)> {
    let bytes = |bytes: usize| {
        if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
    };
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let rate = |most: Option<NonZeroU32>| most.map_or("none".to_owned(), |most| most.to_string());
    // A new limit fails to compile here until it is in the table.
    let Limits {
        message_bytes,
        json_depth,
        queued_events,
        queued_bytes,
        events_per_second,
        pings_per_second,
        streams,
        outbox_frames,
        outbox_bytes,
        overflow,
        rooms_per_socket,
        attachments,
        attachment_bytes,
        namespaces_per_connection,
        pending_requests,
        request_timeout,
        handler_timeout,
        connect_timeout,
        drain_timeout,
        ping_interval,
        ping_timeout,
        assembly_timeout,
        close_timeout,
        handshake_timeout,
        header_bytes,
        headers,
        polling_sessions,
        unclaimed_sessions,
        post_timeout,
    } = Limits::default();
    vec![
        ("message_bytes", bytes(message_bytes)),
        ("json_depth", json_depth.to_string()),
        ("queued_events", queued_events.to_string()),
        ("queued_bytes", bytes(queued_bytes)),
        ("events_per_second", rate(events_per_second)),
        ("pings_per_second", rate(pings_per_second)),
        ("streams", streams.to_string()),
        ("outbox_frames", outbox_frames.to_string()),
        ("outbox_bytes", bytes(outbox_bytes)),
        ("overflow", format!("{overflow:?}")),
        ("rooms_per_socket", rooms_per_socket.to_string()),
        ("attachments", attachments.to_string()),
        ("attachment_bytes", bytes(attachment_bytes)),
        ("namespaces_per_connection", namespaces_per_connection.to_string()),
        ("pending_requests", pending_requests.to_string()),
        ("request_timeout", seconds(request_timeout)),
        ("handler_timeout", seconds(handler_timeout)),
        ("connect_timeout", seconds(connect_timeout)),
        ("drain_timeout", seconds(drain_timeout)),
        ("ping_interval", seconds(ping_interval)),
        ("ping_timeout", seconds(ping_timeout)),
        ("assembly_timeout", seconds(assembly_timeout)),
        ("close_timeout", seconds(close_timeout)),
        ("handshake_timeout", seconds(handshake_timeout)),
        ("header_bytes", bytes(header_bytes)),
        ("headers", headers.to_string()),
        ("polling_sessions", polling_sessions.to_string()),
        ("unclaimed_sessions", unclaimed_sessions.to_string()),
        ("post_timeout", seconds(post_timeout)),
    ]
}

#[test]
fn every_compiler_message_in_the_guide_is_a_real_one() {
    let mut said = HashSet::new();
    for macro_name in fs::read_dir(root().join("gateway-core/tests/ui")).unwrap() {
        for case in fs::read_dir(macro_name.unwrap().path().join("fail")).into_iter().flatten() {
            let path = case.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "stderr") {
                said.extend(fs::read_to_string(path).unwrap().lines().filter_map(message).map(str::to_owned));
            }
        }
    }
    let rows = rows(&read("docs/macros.md"), "## What the compiler says");
    assert!(rows.len() > 50, "the tables were not found");
    let unknown: Vec<_> = rows.iter().map(|row| &row[0]).filter(|message| !said.contains(*message)).collect();
    assert!(unknown.is_empty(), "no case of tests/ui says so: {unknown:#?}");
}

/// `error[E0277]: text` → `text`
fn message(line: &str) -> Option<&str> {
    line.starts_with("error").then(|| line.split_once(": "))?.map(|(_, message)| message)
}
