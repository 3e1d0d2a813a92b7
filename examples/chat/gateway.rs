//! The events of the chat: who may come in, what they may say, and who hears it.

use std::sync::Arc;

use gateway_core::prelude::*;
use gateway_core::{CloseCode, Disconnect, JoinError};
use serde::{Deserialize, Serialize};

use crate::house::{House, LOBBY, Pace};

const LONGEST_MESSAGE: usize = 500;

/// What a client shows at the gate.
#[derive(Deserialize)]
struct Pass {
    nickname: String,
    #[serde(default)]
    seat: String,
}

#[derive(Deserialize)]
pub(crate) struct InRoom {
    room: String,
}

#[derive(Deserialize)]
pub(crate) struct NewMessage {
    room: String,
    text: String,
    /// Comes back in the history, so that a client that lost the receipt can tell that the message arrived.
    #[serde(default)]
    tag: u64,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Receipt {
    pub(crate) id: u64,
    pub(crate) at: u64,
}

#[derive(Clone, Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("posted")]
pub(crate) struct Posted {
    pub(crate) id: u64,
    pub(crate) room: String,
    pub(crate) from: String,
    pub(crate) text: String,
    pub(crate) at: u64,
    pub(crate) tag: u64,
}

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("entered")]
pub(crate) struct Entered {
    pub(crate) room: String,
    pub(crate) nickname: String,
}

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("left")]
pub(crate) struct Left {
    pub(crate) room: String,
    pub(crate) nickname: String,
}

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("typing")]
pub(crate) struct Typing {
    pub(crate) room: String,
    pub(crate) nickname: String,
}

/// A room and how many are in it: told to everybody whenever it changes, and the items of `rooms`.
#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("room")]
pub(crate) struct RoomSize {
    pub(crate) name: String,
    pub(crate) members: usize,
}

#[derive(Debug, thiserror::Error, Exception)]
pub(crate) enum ChatError {
    #[error("a room's name has 1 to 24 letters, digits or -")]
    #[exception(code = "room_name")]
    RoomName,
    #[error("you are in too many rooms")]
    #[exception(code = "too_many_rooms")]
    TooManyRooms(#[from] JoinError),
    #[error("you are not in this room")]
    #[exception(code = "not_in_room")]
    NotInRoom,
    #[error("there is nothing in this message")]
    #[exception(code = "message_empty")]
    MessageEmpty,
    #[error("a message has {LONGEST_MESSAGE} characters at most")]
    #[exception(code = "message_too_long")]
    MessageTooLong,
    #[error("you are sending too fast; wait {seconds} s")]
    #[exception(code = "muted")]
    Muted { seconds: u64 },
}

/// Who a socket belongs to.
#[derive(Debug)]
struct Person {
    nickname: String,
    pace: Pace,
}

/// The person who sent the event, as an argument of any handler.
pub(crate) struct Sender(Arc<Person>);

impl<On> FromContext<On> for Sender {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.socket()?.state().map(Self).ok_or_else(|| Rejection::new("unknown", "nobody knows you"))
    }
}

/// Rooms, and the people in them.
#[gateway(namespace = "/chat")]
pub(crate) struct Chat {
    house: House,
}

#[gateway]
impl Chat {
    #[on_connect]
    fn come_in(&self, socket: Socket) -> Result<(), Refusal> {
        let invalid = || Refusal::new("nickname_invalid", "a nickname has 2 to 20 letters, digits, spaces, - or _");
        let Pass { nickname, seat } = socket.handshake().auth().map_err(|_| invalid())?;
        if !is_nickname(&nickname) {
            return Err(invalid());
        }
        let before = self.house.sit(&nickname, &seat, socket.id()).map_err(|_| {
            Refusal::new("nickname_taken", format!("somebody here is called {nickname} already"))
        })?;
        if let Some(before) = before {
            for old in socket.namespace().to(before).sockets() {
                self.take_out_of_all(&old);
                old.disconnect(Disconnect::new(CloseCode::DISCONNECTED, "continued elsewhere"));
            }
        }
        socket.set_state(Person { nickname, pace: Pace::default() });
        Ok(())
    }

    #[on_disconnect]
    fn gone(&self, socket: Socket, sender: Sender) {
        self.take_out_of_all(&socket);
        self.house.stand_up(&sender.0.nickname, socket.id());
    }

    #[subscribe("rooms")]
    fn rooms(&self, namespace: Namespace) -> Data<Vec<RoomSize>> {
        let mut rooms: Vec<_> = namespace.rooms().into_iter().map(|(name, members)| RoomSize { name, members }).collect();
        if rooms.iter().all(|room| room.name != LOBBY) {
            rooms.push(RoomSize { name: LOBBY.to_owned(), members: 0 });
        }
        Data(rooms)
    }

    #[subscribe("join")]
    fn join(&self, socket: Socket, sender: Sender, Data(InRoom { room }): Data<InRoom>) -> Result<(), ChatError> {
        if !is_room_name(&room) {
            return Err(ChatError::RoomName);
        }
        if is_in(&socket, &room) {
            return Ok(());
        }
        socket.join(&room)?;
        socket.to(&room).send(Entered { room: room.clone(), nickname: sender.0.nickname.clone() });
        tell_size(&socket.namespace(), room);
        Ok(())
    }

    #[subscribe("leave")]
    fn leave(&self, socket: Socket, Data(InRoom { room }): Data<InRoom>) {
        self.take_out(&socket, room);
    }

    #[subscribe("members")]
    fn members(&self, namespace: Namespace, Data(InRoom { room }): Data<InRoom>) -> Data<Vec<String>> {
        let sockets = namespace.to(&room).sockets();
        let people = sockets.iter().filter_map(Socket::state::<Person>);
        Data(people.map(|person| person.nickname.clone()).collect())
    }

    #[subscribe("history")]
    fn history(&self, socket: Socket, Data(InRoom { room }): Data<InRoom>) -> Result<Data<Vec<Posted>>, ChatError> {
        if !is_in(&socket, &room) {
            return Err(ChatError::NotInRoom);
        }
        Ok(Data(self.house.history(&room)))
    }

    #[subscribe("typing")]
    fn typing(&self, socket: Socket, sender: Sender, Data(InRoom { room }): Data<InRoom>) -> Result<(), ChatError> {
        if !is_in(&socket, &room) {
            return Err(ChatError::NotInRoom);
        }
        socket.to(&room).send(Typing { room: room.clone(), nickname: sender.0.nickname.clone() });
        Ok(())
    }

    #[subscribe("message")]
    fn message(&self, socket: Socket, sender: Sender, Data(new): Data<NewMessage>) -> Result<Data<Receipt>, ChatError> {
        let NewMessage { room, text, tag } = new;
        if !is_in(&socket, &room) {
            return Err(ChatError::NotInRoom);
        }
        if text.trim().is_empty() {
            return Err(ChatError::MessageEmpty);
        }
        if text.chars().count() > LONGEST_MESSAGE {
            return Err(ChatError::MessageTooLong);
        }
        let Person { nickname, pace } = &*sender.0;
        pace.speak().map_err(|wait| ChatError::Muted { seconds: wait.as_secs() + 1 })?;
        let message = self.house.record(room, nickname.clone(), text, tag);
        let receipt = Receipt { id: message.id, at: message.at };
        socket.to(&message.room.clone()).send(message);
        Ok(Data(receipt))
    }
}

impl Chat {
    fn take_out_of_all(&self, socket: &Socket) {
        for room in socket.rooms() {
            self.take_out(socket, room);
        }
    }

    fn take_out(&self, socket: &Socket, room: String) {
        let Some(person) = socket.state::<Person>().filter(|_| socket.leave(&room)) else { return };
        let others = socket.to(&room);
        others.send(Left { room: room.clone(), nickname: person.nickname.clone() });
        if others.count() == 0 {
            self.house.forget(&room);
        }
        tell_size(&socket.namespace(), room);
    }
}

fn tell_size(namespace: &Namespace, name: String) {
    let members = namespace.to(&name).count();
    namespace.send(RoomSize { name, members });
}

fn is_in(socket: &Socket, room: &str) -> bool {
    socket.rooms().iter().any(|name| name == room)
}

fn is_nickname(name: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    (2..=20).contains(&name.chars().count()) && name.trim() == name && name.chars().all(allowed)
}

fn is_room_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || letter == '-';
    (1..=24).contains(&name.chars().count()) && name.chars().all(allowed)
}
