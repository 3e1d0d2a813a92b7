//! The table of changes says what the check decides.

use std::collections::BTreeMap;

use gateway_core::contract::{ChangeKind, Sender, Verdict};

#[test]
fn each_kind_of_change_has_its_row_with_its_verdicts() {
    let page = include_str!("../contract-changes.md");
    let rows: BTreeMap<&str, Vec<&str>> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let name = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
            (cells.len() == 4).then(|| (name, cells[2..].to_vec()))
        })
        .collect();
    for kind in ChangeKind::ALL {
        let cells = [Sender::Client, Sender::Server].map(|sender| {
            let text = |verdict| if verdict == Verdict::Compatible { "yes" } else { "**no**" };
            format!("{} / {}", text(kind.for_old_client(sender)), text(kind.for_new_client(sender)))
        });
        assert_eq!(rows.get(kind.name()), Some(&cells.iter().map(String::as_str).collect()), "{}", kind.name());
    }
    assert_eq!(rows.len(), ChangeKind::ALL.len());
}
