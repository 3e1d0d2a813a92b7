//! The works: what is asked of each server.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Divisor of a work's figures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Floor {
    /// The floor with one write per message.
    Single,
    /// The floor with one write per read.
    Batched,
}

/// The plain format.
pub const PLAIN: &str = "plain";
/// Socket.IO over WebSocket.
pub const SOCKET_IO: &str = "socket-io";
/// Both in one room.
pub const MIXED: &str = "mixed";
/// Socket.IO over long polling.
pub const POLLING: &str = "polling";
/// The names of the floors.
pub const FLOORS: [&str; 2] = ["floor", "floor batched"];

/// One thing asked of every server.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Work {
    /// Its short name.
    pub name: String,
    /// Title in tables.
    pub title: String,
    /// The arguments of the load generator.
    pub load: String,
    /// The format.
    pub wire: String,
    /// Floor of the comparison, where the floor does the work too.
    pub floor: Option<Floor>,
    /// Targets.
    pub targets: Vec<Target>,
    /// Servers that do it.
    pub by: By,
    /// Threads of the server, each with a core of its own where there are as many.
    #[serde(default = "one")]
    pub workers: usize,
}

fn one() -> usize {
    1
}

/// Servers that do a work.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum By {
    /// All that speak its format.
    Everybody,
    /// The framework.
    Ours,
    /// The framework's server `grown`, with these arguments.
    Grown(String),
}

/// A bound for a figure of the framework.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Target {
    /// Of what.
    pub of: Measure,
    /// The bound.
    pub at_most: f64,
}

/// Figure that is bounded.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Measure {
    /// CPU, divided by the floor's.
    Floor,
    /// CPU, divided by the framework's at another work.
    Work(String),
    /// CPU, divided by that of this server.
    Server(String),
    /// CPU milliseconds of a thousand.
    Milliseconds,
    /// KiB of an idle connection.
    Kib,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, at_most } = self;
        match of {
            Measure::Floor => write!(formatter, "≤ {at_most} × floor"),
            Measure::Work(_) => write!(formatter, "≤ {at_most} × plain"),
            Measure::Server(name) => write!(formatter, "≤ {at_most} × {name}"),
            Measure::Milliseconds => write!(formatter, "≤ {at_most} ms for 1000"),
            Measure::Kib => write!(formatter, "≤ {at_most} KiB"),
        }
    }
}

impl Work {
    /// The name of the floor it is compared with.
    #[must_use]
    pub fn floor_name(&self) -> Option<&'static str> {
        match self.floor? {
            Floor::Single => Some(FLOORS[0]),
            Floor::Batched => Some(FLOORS[1]),
        }
    }

    /// The bound of its ratio to the floor, where there is one.
    #[must_use]
    pub fn over_floor(&self) -> Option<f64> {
        self.targets.iter().find(|target| matches!(target.of, Measure::Floor)).map(|target| target.at_most)
    }

    /// Returns `true` if the work is done to see a figure grow with another.
    #[must_use]
    pub fn is_grown(&self) -> bool {
        matches!(self.by, By::Grown(_))
    }

    fn new(name: &str, title: &str, load: &str, floor: Floor) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            load: load.to_owned(),
            wire: PLAIN.to_owned(),
            floor: Some(floor),
            targets: Vec::new(),
            by: By::Everybody,
            workers: 1,
        }
    }

    fn grown(series: &str, size: u32, title: &str, load: &str, server: &str) -> Self {
        let work = Self::new(&format!("{series}-{size}"), &format!("{title} {size}"), load, Floor::Single);
        Self { by: By::Grown(server.to_owned()), ..work }
    }

    /// Copies the work for another format.
    fn over(&self, wire: &str, prefix: &str) -> Self {
        let Self { name, .. } = self;
        Self { name: format!("{prefix}-{name}"), wire: wire.to_owned(), targets: Vec::new(), ..self.clone() }
    }

    /// Copies the work for Socket.IO.
    fn over_socket_io(&self) -> Self {
        Self { by: By::Everybody, ..self.over(SOCKET_IO, "io") }
    }

    fn by_ours(self) -> Self {
        Self { by: By::Ours, ..self }
    }

    fn at_most(mut self, of: Measure, at_most: f64) -> Self {
        self.targets.push(Target { of, at_most });
        self
    }

    fn at_most_over_floor(self, at_most: f64) -> Self {
        self.at_most(Measure::Floor, at_most)
    }

    fn at_most_over(self, plain: &Self, at_most: f64) -> Self {
        self.at_most(Measure::Work(plain.name.clone()), at_most)
    }

    fn at_most_over_socketioxide(self, at_most: f64) -> Self {
        self.at_most(Measure::Server("socketioxide".to_owned()), at_most)
    }
}

/// All of the tables, in their order. What is compared with each other is done one after the other.
#[must_use]
pub fn works() -> Vec<Work> {
    let mut works = Vec::new();
    echoes(&mut works);
    requests(&mut works);
    broadcasts(&mut works);
    let idle = Work::new("idle", "handshake", "idle --connections 10000", Floor::Single).at_most(Measure::Kib, 3.0);
    let over = idle.over_socket_io().at_most(Measure::Kib, 5.0).at_most(Measure::Milliseconds, 25.0);
    works.extend([idle.at_most_over_floor(1.75), over]);
    let polling = Work::new("polling-32", "echo 32 B, long polling", "polling --payload text:32", Floor::Single);
    works.push(Work { wire: POLLING.to_owned(), floor: None, ..polling });
    works
}

fn echoes(works: &mut Vec<Work>) {
    use Floor::{Batched, Single};
    let echo =
        |name: &str, title: &str, load: &str, floor| Work::new(name, title, &format!("echo --payload {load}"), floor);
    let small = echo("echo-32-1", "echo 32 B, 1 in flight", "text:32 --in-flight 1", Single);
    let over = small.over_socket_io().at_most_over(&small, 1.15).at_most_over_socketioxide(0.7);
    works.extend([small.at_most_over_floor(1.12), over]);
    let small = echo("echo-32-16", "echo 32 B, 16 in flight", "text:32 --in-flight 16", Batched);
    let over = small.over_socket_io().at_most_over(&small, 1.15).at_most_over_socketioxide(0.5);
    works.extend([small.at_most_over_floor(1.9), over]);
    works.push(echo("text-1k-1", "echo 1 KiB text, 1 in flight", "text:1024 --in-flight 1", Single));
    let text = echo("text-1k-16", "echo 1 KiB text, 16 in flight", "text:1024 --in-flight 16", Batched);
    works.push(text.at_most_over_floor(2.5));
    let object = echo("object-1k-16", "echo 1 KiB object, 16 in flight", "object:1024 --in-flight 16", Batched);
    let over = object.over_socket_io();
    works.extend([object.at_most_over_floor(6.0), over]);
}

/// The peers of the plain format have no requests.
fn requests(works: &mut Vec<Work>) {
    let ask = |name: &str, title: &str, in_flight: u32, floor| {
        Work::new(name, title, &format!("ask --payload text:32 --in-flight {in_flight}"), floor).by_ours()
    };
    let one = ask("ask-32-1", "request 32 B, 1 in flight", 1, Floor::Single);
    let over = one.over_socket_io().at_most_over(&one, 1.15).at_most_over_socketioxide(0.7);
    works.extend([one, over]);
    let many = ask("ask-32-16", "request 32 B, 16 in flight", 16, Floor::Batched);
    let over = many.over_socket_io().at_most_over(&many, 1.15).at_most_over_socketioxide(0.5);
    works.extend([many, over]);
}

/// The floor knows one format in a run.
fn broadcasts(works: &mut Vec<Work>) {
    for (receivers, target) in [(100, None), (1000, Some(1.08)), (5000, Some(1.10))] {
        let title = format!("broadcast to {receivers}");
        let load = format!("broadcast --receivers {receivers}");
        let plain = Work::new(&format!("broadcast-{receivers}"), &title, &load, Floor::Single);
        let mut over = plain.over_socket_io();
        let mut mixed = Work { floor: None, ..plain.over(MIXED, MIXED).by_ours() };
        mixed.title += ", half of them Socket.IO";
        if target.is_some() {
            over = over.at_most_over(&plain, 1.05);
            mixed = mixed.at_most_over(&plain, 1.05);
        }
        works.push(target.iter().fold(plain, |plain, target| plain.at_most_over_floor(*target)));
        works.push(over);
        works.extend(target.map(|_| mixed));
    }
    let load = "broadcast --receivers 1000 --in-flight 8";
    let many = Work::new("broadcast-1000-8", "broadcast to 1000, 8 in flight", load, Floor::Batched);
    let over = many.over_socket_io();
    works.extend([many.at_most_over_floor(1.5), over]);
}

/// Works that are repeated while a number grows.
pub const SERIES: [&str; 4] = ["receivers", "events", "rooms", "neighbours"];

/// Works that should cost the same however large a number grows.
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
    works.extend(with_workers());
    works
}

/// Prefix of the works that are done by one worker and by two.
pub const WORKERS: &str = "workers";

fn with_workers() -> impl Iterator<Item = Work> {
    let loads = [
        ("echo 32 B, 1 in flight", "echo --payload text:32 --in-flight 1"),
        ("echo 32 B, 16 in flight", "echo --payload text:32 --in-flight 16"),
        ("broadcast to 1000, 8 in flight", "broadcast --receivers 1000 --in-flight 8"),
    ];
    loads.into_iter().enumerate().flat_map(|(number, (title, load))| {
        [1, 2].map(|workers| Work {
            floor: None,
            by: By::Grown(format!("--workers {workers}")),
            workers,
            ..Work::new(&format!("{WORKERS}-{number}-{workers}"), title, load, Floor::Single)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Measure, works};

    #[test]
    fn what_a_work_is_compared_with_is_done_too() {
        let works = works();
        for work in &works {
            assert_eq!(works.iter().filter(|other| other.name == work.name).count(), 1, "{}", work.name);
            for target in &work.targets {
                if let Measure::Work(other) = &target.of {
                    assert!(works.iter().any(|work| work.name == *other), "{}: {other}", work.name);
                }
            }
        }
    }
}
