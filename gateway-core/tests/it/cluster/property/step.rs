//! Steps of a random program.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::model::{CLIENTS, NODES};

pub(super) const ROOMS: [&str; 3] = ["a", "b", "c"];

/// A program over a new cluster.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Messages between nodes take some time.
    pub(super) is_slow: bool,
    pub(super) steps: Vec<Step>,
}

/// A step. Nodes, clients and rooms by their numbers.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A client joins a room at its own node.
    Join {
        client: usize,
        room: usize,
    },
    /// A client leaves a room at its own node.
    Leave {
        client: usize,
        room: usize,
    },
    /// All members of a room join another one, or leave it.
    Move {
        node: usize,
        members: usize,
        room: usize,
        joins: bool,
    },
    /// An event to rooms, or to all sockets.
    Emit {
        node: usize,
        rooms: Vec<usize>,
        except: Option<usize>,
    },
    /// An event of a client to the others in a room.
    Say {
        client: usize,
        room: usize,
    },
    /// Nothing until everything has arrived.
    Quiet,
    Partition {
        node: usize,
    },
    Heal,
    LoseEngine {
        node: usize,
    },
    RestoreEngine {
        node: usize,
    },
    Kill {
        node: usize,
    },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (node, client, room) = (0..NODES, 0..CLIENTS, 0..ROOMS.len());
    let members = (node.clone(), room.clone(), room.clone(), any::<bool>());
    let members = members.prop_map(|(node, members, room, joins)| Step::Move { node, members, room, joins });
    let recipients = (node.clone(), vec(room.clone(), 0..3), option::weighted(0.3, room.clone()));
    let emit = recipients.prop_map(|(node, rooms, except)| Step::Emit { node, rooms, except });
    prop_oneof![
        8 => (client.clone(), room.clone()).prop_map(|(client, room)| Step::Join { client, room }),
        3 => (client.clone(), room.clone()).prop_map(|(client, room)| Step::Leave { client, room }),
        2 => members,
        16 => emit,
        6 => (client, room).prop_map(|(client, room)| Step::Say { client, room }),
        2 => Just(Step::Quiet),
        1 => node.clone().prop_map(|node| Step::Partition { node }),
        1 => Just(Step::Heal),
        1 => node.clone().prop_map(|node| Step::LoseEngine { node }),
        2 => node.clone().prop_map(|node| Step::RestoreEngine { node }),
        1 => node.prop_map(|node| Step::Kill { node }),
    ]
}
