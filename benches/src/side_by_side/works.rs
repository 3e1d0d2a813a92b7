//! The works: what is asked of each server.

/// What a work's figures are divided by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Floor {
    /// The floor with one write per message.
    Single,
    /// The floor with one write per read.
    Batched,
}

/// One thing asked of every server.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its short name.
    pub name: String,
    /// What it is called in tables.
    pub title: String,
    /// The arguments of the load generator.
    pub load: String,
    /// What it is compared with.
    pub floor: Floor,
    /// The ratio to reach, where there is one.
    pub target: Option<f64>,
}

impl Work {
    fn new(name: &str, title: &str, load: &str, floor: Floor, target: Option<f64>) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), load: load.to_owned(), floor, target }
    }
}

/// All of the table, in its order.
#[must_use]
pub fn works() -> Vec<Work> {
    use Floor::{Batched, Single};
    vec![
        Work::new("echo-32-1", "echo 32 B, 1 in flight", "echo --payload text:32 --in-flight 1", Single, Some(1.12)),
        Work::new("echo-32-16", "echo 32 B, 16 in flight", "echo --payload text:32 --in-flight 16", Batched, Some(1.9)),
        Work::new("text-1k-1", "echo 1 KiB text, 1 in flight", "echo --payload text:1024 --in-flight 1", Single, None),
        Work::new(
            "text-1k-16",
            "echo 1 KiB text, 16 in flight",
            "echo --payload text:1024 --in-flight 16",
            Batched,
            Some(2.5),
        ),
        Work::new(
            "object-1k-16",
            "echo 1 KiB object, 16 in flight",
            "echo --payload object:1024 --in-flight 16",
            Batched,
            Some(6.0),
        ),
        Work::new("broadcast-100", "broadcast to 100", "broadcast --receivers 100", Single, None),
        Work::new("broadcast-1000", "broadcast to 1000", "broadcast --receivers 1000", Single, Some(1.08)),
        Work::new("broadcast-5000", "broadcast to 5000", "broadcast --receivers 5000", Single, Some(1.10)),
        Work::new(
            "broadcast-1000-8",
            "broadcast to 1000, 8 in flight",
            "broadcast --receivers 1000 --in-flight 8",
            Batched,
            Some(1.5),
        ),
        Work::new("idle", "handshake", "idle --connections 10000", Single, Some(1.75)),
    ]
}
