//! Tickets on boards. The signatures and comments below are all that describes the gateway: `asyncapi.json` beside this file, and the
//! typed clients in `client/`, are written from them, and tests keep them current.
//!
//! `cargo run --example contract -- contract` prints the document, `-- contract --typescript` the client. `cargo run --example contract`
//! serves the boards, and `client/README.md` says how to run a program of TypeScript against them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{Stream, stream};
use gateway_core::extract::{Args, Path};
use gateway_core::prelude::*;
use gateway_core::socket_io::SocketIo;
use gateway_core::validation::Valid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Credentials: the name under which a client writes.
#[derive(Deserialize, JsonSchema)]
struct SignIn {
    name: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Column {
    #[default]
    Waiting,
    /// Somebody works on it.
    Started,
    Done,
}

/// A ticket as a client writes it.
#[derive(Deserialize, JsonSchema, garde::Validate)]
struct NewTicket {
    #[garde(length(chars, min = 1, max = 80))]
    #[schemars(extend("x-counts" = "chars"))]
    title: String,
    /// Left out, the ticket waits.
    #[garde(skip)]
    #[serde(default)]
    column: Column,
}

/// A ticket on a board.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
struct Ticket {
    id: u32,
    title: String,
    column: Column,
    /// Name of its author.
    by: String,
}

/// The number of a ticket, its new column, and a note for the others.
#[derive(Deserialize, JsonSchema)]
struct Move(u32, Column, Option<String>);

/// A client has added a ticket.
#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("added")]
struct Added {
    ticket: Ticket,
}

/// A ticket is in another column.
#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("moved")]
struct Moved {
    id: u32,
    column: Column,
    note: Option<String>,
}

#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("removed")]
struct Removed {
    id: u32,
}

/// The server asks the client whether it means that.
#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("remove?")]
struct MayRemove {
    title: String,
}

#[derive(Debug, thiserror::Error, Exception)]
enum Refusal {
    /// The credentials have no name.
    #[error("a client has a name")]
    #[exception(code = "nameless")]
    Nameless,
}

#[derive(Debug, thiserror::Error, Exception)]
enum BoardError {
    /// The board has no such ticket, or no longer.
    #[error("there is no ticket {0}")]
    #[exception(code = "no_such_ticket")]
    NoSuchTicket(u32),
    /// The client did not agree in time.
    #[error("nobody has agreed")]
    #[exception(code = "not_agreed")]
    NotAgreed,
}

/// Name of the client, as an argument of any handler.
struct Author(String);

impl<On> FromContext<On> for Author {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let sign_in = context.socket()?.handshake().auth::<SignIn>();
        sign_in.map(|SignIn { name }| Self(name)).map_err(|error| Rejection::new("nameless", error.to_string()))
    }
}

/// Tickets by their numbers.
type Board = BTreeMap<u32, Ticket>;

/// A board with tickets. Everybody who is connected sees the same.
#[gateway(namespace = "/boards/{board}", credentials = SignIn, emits(Added, Moved, Removed, MayRemove -> bool))]
struct Boards {
    #[inject(default)]
    boards: Mutex<BTreeMap<String, Board>>,
}

#[gateway]
impl Boards {
    #[on_connect]
    fn sign_in(&self, socket: Socket) -> Result<(), Refusal> {
        let named = socket.handshake().auth::<SignIn>().is_ok_and(|sign_in| !sign_in.name.is_empty());
        if named { Ok(()) } else { Err(Refusal::Nameless) }
    }

    /// Adds a ticket. The reply is its number.
    #[subscribe]
    fn add(&self, socket: Socket, board: Path<String>, by: Author, Valid(Data(new)): Valid<Data<NewTicket>>) -> u32 {
        let NewTicket { title, column } = new;
        let mut boards = self.boards();
        let tickets = boards.entry(board.0).or_default();
        let id = tickets.keys().next_back().map_or(1, |last| last + 1);
        let ticket = Ticket { id, title, column, by: by.0 };
        tickets.insert(id, ticket.clone());
        drop(boards);
        socket.broadcast().send(Added { ticket });
        id
    }

    /// Moves a ticket to another column.
    #[subscribe("move")]
    fn move_to(&self, socket: Socket, board: Path<String>, moved: Args<Move>) -> Result<(), BoardError> {
        let Args(Move(id, column, note)) = moved;
        let mut boards = self.boards();
        let ticket = boards.get_mut(&board.0).and_then(|tickets| tickets.get_mut(&id));
        ticket.ok_or(BoardError::NoSuchTicket(id))?.column = column;
        drop(boards);
        socket.broadcast().send(Moved { id, column, note });
        Ok(())
    }

    /// Removes a ticket once the client has agreed.
    #[subscribe]
    async fn remove(&self, socket: Socket, board: Path<String>, Data(id): Data<u32>) -> Result<(), BoardError> {
        let title = self.boards().get(&board.0).and_then(|tickets| tickets.get(&id)).map(|ticket| ticket.title.clone());
        let title = title.ok_or(BoardError::NoSuchTicket(id))?;
        let question = socket.emit_with_ack::<bool>(MayRemove::NAME, &MayRemove { title });
        if !question.timeout(Duration::from_secs(20)).await.unwrap_or(false) {
            return Err(BoardError::NotAgreed);
        }
        let removed = self.boards().get_mut(&board.0).and_then(|tickets| tickets.remove(&id));
        removed.ok_or(BoardError::NoSuchTicket(id))?;
        socket.namespace().send(Removed { id });
        Ok(())
    }

    /// All tickets, one after the other.
    #[subscribe]
    fn tickets(&self, board: Path<String>) -> impl Stream<Item = Data<Ticket>> + use<> {
        stream::iter(self.boards().get(&board.0).cloned().unwrap_or_default().into_values().map(Data))
    }
}

impl Boards {
    fn boards(&self) -> MutexGuard<'_, BTreeMap<String, Board>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let server = Server::new().socket_io(SocketIo::new());
    gateway_core::contract::main(&server);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    server.serve(address).await
}
