//! The works: what is asked of each server.

use serde::{Deserialize, Serialize};

/// What a work's figures are divided by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Floor {
    /// The floor with one write per message.
    Single,
    /// The floor with one write per read.
    Batched,
}

/// The plain format.
pub const PLAIN: &str = "plain";
/// Socket.IO.
pub const SOCKET_IO: &str = "socket-io";
/// The names of the floors.
pub const FLOORS: [&str; 2] = ["floor", "floor batched"];

/// One thing asked of every server.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Work {
    /// Its short name.
    pub name: String,
    /// What it is called in tables.
    pub title: String,
    /// The arguments of the load generator.
    pub load: String,
    /// The format: `plain` or `socket-io`.
    pub wire: String,
    /// What it is compared with.
    pub floor: Floor,
    /// The ratio to reach, where there is one.
    pub target: Option<f64>,
    /// Where only the framework and the floor do it: the arguments of the server `grown`.
    pub grown: Option<String>,
}

impl Work {
    /// The name of the floor it is compared with.
    #[must_use]
    pub fn floor_name(&self) -> &'static str {
        match self.floor {
            Floor::Single => FLOORS[0],
            Floor::Batched => FLOORS[1],
        }
    }

    fn grown(series: &str, size: u32, title: &str, load: &str, server: &str) -> Self {
        let work = Self::new(&format!("{series}-{size}"), &format!("{title} {size}"), load, Floor::Single, None);
        Self { grown: Some(server.to_owned()), ..work }
    }

    fn new(name: &str, title: &str, load: &str, floor: Floor, target: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            load: load.to_owned(),
            wire: PLAIN.to_owned(),
            floor,
            target,
            grown: None,
        }
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

/// The same over Socket.IO, where it says something of its own.
#[must_use]
pub fn over_socket_io() -> Vec<Work> {
    let chosen =
        ["echo-32-1", "echo-32-16", "object-1k-16", "broadcast-1000", "broadcast-5000", "broadcast-1000-8", "idle"];
    let over =
        |work: Work| Work { name: format!("io-{}", work.name), wire: SOCKET_IO.to_owned(), target: None, ..work };
    works().into_iter().filter(|work| chosen.contains(&work.name.as_str())).map(over).collect()
}

/// What is repeated as something grows.
pub const SERIES: [&str; 4] = ["receivers", "events", "rooms", "neighbours"];

/// What should cost the same however much there is of something.
#[must_use]
pub fn growth() -> Vec<Work> {
    let echo = "echo --payload text:32 --in-flight 1";
    let mut works = Vec::new();
    for size in [100, 300, 1000, 2000, 5000] {
        let load = format!("broadcast --receivers {size}");
        works.push(Work::grown(SERIES[0], size, "receivers of a broadcast:", &load, ""));
    }
    for size in [10, 100, 1000, 10_000] {
        works.push(Work::grown(SERIES[1], size, "subscribed events:", echo, &format!("--events {size}")));
    }
    for size in [100, 10_000, 100_000] {
        // Each of the hundred connections has its part of the rooms.
        let rooms = format!("--rooms {}", size / 100);
        works.push(Work::grown(SERIES[2], size, "rooms:", "broadcast --receivers 100", &rooms));
    }
    for size in [100, 1000, 5000, 15_000] {
        works.push(Work::grown(SERIES[3], size, "idle neighbours:", &format!("{echo} --neighbours {size}"), ""));
    }
    works
}
