//! The events of the chat: who may come in, what they may say, and who hears it.

use std::sync::Arc;

use gateway_core::prelude::*;
use gateway_core::{CloseCode, Disconnect};

use crate::events::{
    ChatError, Entered, Grant, InRoom, LONGEST_MESSAGE, Left, NewMessage, People, Posted, Receipt, RoomSize, Typing,
    Writes,
};
use crate::house::{House, LOBBY};

/// Person that a socket belongs to.
#[derive(Debug)]
struct Person {
    nickname: String,
}

/// The person who sent the event, as an argument of any handler.
pub(crate) struct Sender(Arc<Person>);

impl<On> FromContext<On> for Sender {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.socket()?.state().map(Self).ok_or_else(|| Rejection::new("unknown", "nobody knows you"))
    }
}

/// Rooms, and the people in them.
#[gateway(
    namespace = "/chat",
    credentials = Grant,
    emits(Posted, Entered, Left, Typing, People, RoomSize)
)]
pub(crate) struct Chat {
    house: House,
}

#[gateway]
impl Chat {
    #[on_connect]
    fn come_in(&self, socket: Socket) -> Result<(), ConnectRejection> {
        let invalid =
            || ConnectRejection::new("nickname_invalid", "a nickname has 2 to 20 letters, digits, spaces, - or _");
        let Grant { nickname, seat } = socket.handshake().auth().map_err(|_| invalid())?;
        if !is_nickname(&nickname) {
            return Err(invalid());
        }
        let before = self.house.sit(&nickname, &seat, socket.id()).map_err(|_| {
            ConnectRejection::new("nickname_taken", format!("somebody here is called {nickname} already"))
        })?;
        if let Some(before) = before {
            for old in socket.namespace().to(before.as_str()).sockets() {
                self.take_out_of_all(&old);
                old.disconnect(Disconnect::new(CloseCode::DISCONNECTED, "continued elsewhere"));
            }
        }
        socket.set_state(Person { nickname });
        Ok(())
    }

    #[on_disconnect]
    fn gone(&self, socket: Socket, sender: Sender) {
        self.take_out_of_all(&socket);
        self.house.stand_up(&sender.0.nickname, socket.id());
    }

    #[subscribe("rooms")]
    fn rooms(&self, socket: Socket) -> Result<(), ChatError> {
        let _moves = self.house.moves();
        let mut rooms = socket.namespace().rooms();
        if rooms.iter().all(|(name, _)| name != LOBBY) {
            rooms.push((LOBBY.to_owned(), 0));
        }
        for (name, members) in rooms {
            socket.send(RoomSize { name, members })?;
        }
        Ok(())
    }

    #[subscribe("join")]
    fn join(&self, socket: Socket, sender: Sender, Data(InRoom { room }): Data<InRoom>) -> Result<(), ChatError> {
        if !is_room_name(&room) {
            return Err(ChatError::RoomName);
        }
        let _moves = self.house.moves();
        if must_be_in(&socket, &room).is_err() {
            socket.only().join(&room)?;
            socket.to(&room).send(Entered { room: room.clone(), nickname: sender.0.nickname.clone() });
            tell_size(&socket.namespace(), room.clone());
        }
        let sockets = socket.namespace().to(&room).sockets();
        let people = sockets.iter().filter_map(Socket::state::<Person>);
        let nicknames = people.map(|person| person.nickname.clone()).collect();
        Ok(socket.send(People { room, nicknames })?)
    }

    #[subscribe("leave")]
    fn leave(&self, socket: Socket, Data(InRoom { room }): Data<InRoom>) {
        self.take_out(&socket, room);
    }

    #[subscribe("history")]
    fn history(&self, socket: Socket, Data(InRoom { room }): Data<InRoom>) -> Result<Data<Vec<Posted>>, ChatError> {
        must_be_in(&socket, &room)?;
        Ok(Data(self.house.history(&room)))
    }

    #[subscribe("typing")]
    fn typing(&self, socket: Socket, sender: Sender, Data(writes): Data<Writes>) -> Result<(), ChatError> {
        let Writes { room, writing } = writes;
        must_be_in(&socket, &room)?;
        socket.to(&room).send(Typing { room: room.clone(), nickname: sender.0.nickname.clone(), writing });
        Ok(())
    }

    /// A burst of five, then one a second: beyond it the client reads when to go on.
    #[subscribe("message", rate = "5/5s")]
    fn message(&self, socket: Socket, sender: Sender, Data(new): Data<NewMessage>) -> Result<Data<Receipt>, ChatError> {
        let NewMessage { room, text, tag } = new;
        must_be_in(&socket, &room)?;
        if text.trim().is_empty() {
            return Err(ChatError::MessageEmpty);
        }
        if text.chars().count() > LONGEST_MESSAGE {
            return Err(ChatError::MessageTooLong);
        }
        let message = self.house.record(room, sender.0.nickname.clone(), text, tag);
        let receipt = Receipt { id: message.id, at: message.at };
        socket.to(message.room.clone()).send(message);
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
        let _moves = self.house.moves();
        let Some(person) = socket.state::<Person>().filter(|_| socket.leave(&room)) else {
            return;
        };
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

fn must_be_in(socket: &Socket, room: &str) -> Result<(), ChatError> {
    let is_in = socket.rooms().iter().any(|name| name == room);
    is_in.then_some(()).ok_or(ChatError::NotInRoom)
}

fn is_nickname(name: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    (2..=20).contains(&name.chars().count()) && name.trim() == name && name.chars().all(allowed)
}

fn is_room_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || letter == '-';
    (1..=24).contains(&name.chars().count()) && name.chars().all(allowed)
}
