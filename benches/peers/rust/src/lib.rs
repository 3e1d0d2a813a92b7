//! Code that the peers share: their command line, the envelope through `Value` as most applications have it, and one
//! room.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

#[derive(Deserialize, Serialize)]
pub struct Envelope {
    event: String,
    data: Value,
}

/// Request in a message.
pub enum Asked {
    /// This goes back.
    Echo(String),
    /// This goes to all.
    Broadcast(String),
}

/// Parses the envelope and routes by the event's name.
pub fn dispatch(text: &str) -> Option<Asked> {
    let envelope: Envelope = serde_json::from_str(text).ok()?;
    let answer = |event: &str| serde_json::to_string(&Envelope { event: event.to_owned(), data: envelope.data }).ok();
    match envelope.event.as_str() {
        "echo" => answer("echo").map(Asked::Echo),
        "broadcast" => answer("broadcast").map(Asked::Broadcast),
        _ => None,
    }
}

/// Everyone's queue.
pub struct Room<M> {
    members: Mutex<(u64, HashMap<u64, UnboundedSender<M>>)>,
}

impl<M: Clone> Room<M> {
    pub fn new() -> Self {
        Self { members: Mutex::new((0, HashMap::new())) }
    }

    pub fn join(&self, member: UnboundedSender<M>) -> u64 {
        let mut members = self.members.lock().unwrap();
        members.0 += 1;
        let id = members.0;
        members.1.insert(id, member);
        id
    }

    pub fn leave(&self, id: u64) {
        self.members.lock().unwrap().1.remove(&id);
    }

    pub fn send(&self, message: &M) {
        for member in self.members.lock().unwrap().1.values() {
            // Who has gone leaves the room next.
            let _ = member.send(message.clone());
        }
    }
}

impl<M: Clone> Default for Room<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs on one worker.
pub fn run(serve: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve);
}

/// Listens where `--port` says, and says so.
pub async fn listener() -> TcpListener {
    let arguments: Vec<String> = std::env::args().collect();
    let port = arguments.windows(2).find(|pair| pair[0] == "--port").map_or(0, |pair| pair[1].parse().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    listener
}
