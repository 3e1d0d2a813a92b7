//! The events of the chat: who may come in, what they may say, and who hears it.
//!
//! Everything is right over several servers of a cluster too: who is where is asked of all of them, and a server that changes
//! a room tells the others, which count it and tell their own clients.

use std::collections::HashSet;
use std::sync::Arc;

use gateway_core::prelude::*;
use gateway_core::{CloseCode, Disconnect};
use serde::Deserialize;

use crate::events::{
    ChatError, Entered, Grant, Guest, InRoom, LONGEST_MESSAGE, Left, NewMessage, People, Posted, Receipt, RoomSize,
    Typing, Writes,
};
use crate::house::{House, LOBBY, Taken, now};

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
    async fn come_in(&self, socket: Socket) -> Result<(), ConnectRejection> {
        let invalid =
            || ConnectRejection::new("nickname_invalid", "a nickname has 2 to 20 letters, digits, spaces, - or _");
        let Grant { nickname, seat } = socket.handshake().auth().map_err(|_| invalid())?;
        if !is_nickname(&nickname) {
            return Err(invalid());
        }
        let taken = || ConnectRejection::new("nickname_taken", format!("somebody here is called {nickname} already"));
        let before = self.house.sit(&nickname, &seat, socket.id()).map_err(|_| taken())?;
        let guest = Guest { nickname: nickname.clone(), seat, since: now() };
        let on_other_servers = self.others_of_this_name(&socket, &guest).await.map_err(|Taken| {
            self.house.stand_up(&nickname, socket.id());
            taken()
        })?;
        if let Some(before) = before {
            self.continue_elsewhere(&socket.namespace(), before.as_str()).await;
        }
        for before in on_other_servers {
            // Another server of this cluster has it; one that is away will learn of it by the end of its client's connection.
            let _ = socket.namespace().server_side_emit("continued", &before);
        }
        socket.set_state(Person { nickname });
        Ok(())
    }

    #[on_disconnect]
    async fn gone(&self, socket: Socket, sender: Sender) {
        self.take_out_of_all(&socket).await;
        self.house.stand_up(&sender.0.nickname, socket.id());
    }

    #[subscribe("rooms")]
    async fn rooms(&self, socket: Socket) -> Result<(), ChatError> {
        let _counting = self.house.counting().await;
        let mut rooms = socket.namespace().all_rooms().await.into_vec();
        if rooms.iter().all(|(name, _)| name != LOBBY) {
            rooms.push((LOBBY.to_owned(), 0));
        }
        for (name, members) in rooms {
            socket.send(RoomSize { name, members })?;
        }
        Ok(())
    }

    #[subscribe("join")]
    async fn join(&self, socket: Socket, sender: Sender, Data(InRoom { room }): Data<InRoom>) -> Result<(), ChatError> {
        if !is_room_name(&room) {
            return Err(ChatError::RoomName);
        }
        if must_be_in(&socket, &room).is_err() {
            // No message of another server is missed after it.
            socket.join(&room).await?;
            socket.to(&room).send(Entered { room: room.clone(), nickname: sender.0.nickname.clone() });
            self.room_changed(&socket.namespace(), &room).await;
        }
        let sockets = socket.namespace().to(&room).fetch_sockets().await;
        let people = sockets.iter().filter_map(|socket| Guest::deserialize(&socket.data).ok());
        let nicknames = people.map(|guest| guest.nickname).collect();
        Ok(socket.send(People { room, nicknames })?)
    }

    #[subscribe("leave")]
    async fn leave(&self, socket: Socket, Data(InRoom { room }): Data<InRoom>) {
        self.take_out(&socket, &room).await;
    }

    #[subscribe("history")]
    async fn history(
        &self,
        socket: Socket,
        Data(InRoom { room }): Data<InRoom>,
    ) -> Result<Data<Vec<Posted>>, ChatError> {
        must_be_in(&socket, &room)?;
        // A server that has started later asks the others.
        if self.house.history(&room).is_empty() {
            let asked = socket.namespace().server_side_emit_with_ack::<Vec<Posted>>("history of", &room);
            for message in asked.await.arrived().flatten() {
                self.house.remember(message.clone());
            }
        }
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
        // The other servers remember it too. The clients' copy below says more if the way to them is full.
        let _ = socket.namespace().server_side_emit("remember", &message);
        socket.to(message.room.clone()).send(message);
        Ok(Data(receipt))
    }

    /// Somebody has come to a room on another server, or gone.
    #[on_server_event("room changed")]
    async fn changed(&self, namespace: Namespace, Data(room): Data<String>) {
        self.tell_size(&namespace, &room).await;
    }

    #[on_server_event("remember")]
    fn remember(&self, Data(message): Data<Posted>) {
        self.house.remember(message);
    }

    #[on_server_event("history of")]
    fn history_of(&self, Data(room): Data<String>) -> Data<Vec<Posted>> {
        Data(self.house.history(&room))
    }

    /// The person of a socket has come back on another server.
    #[on_server_event("continued")]
    async fn continued(&self, namespace: Namespace, Data(socket): Data<String>) {
        self.continue_elsewhere(&namespace, &socket).await;
    }
}

impl Chat {
    /// Makes the guest known to the other servers. Returns the sockets of the same person there.
    async fn others_of_this_name(&self, socket: &Socket, guest: &Guest) -> Result<Vec<String>, Taken> {
        // First known, then looked: of two who do this at the same moment at least one sees the other.
        socket.set_data(guest).map_err(|_| Taken)?;
        let others = socket.namespace().fetch_sockets().await;
        // The house knows those of this server.
        let here: HashSet<_> = socket.namespace().sockets().iter().map(|here| here.id().as_str().to_owned()).collect();
        let mut same = Vec::new();
        for other in others.into_iter().filter(|other| !here.contains(&other.id)) {
            let Ok(known) = Guest::deserialize(&other.data) else { continue };
            if known.nickname.to_lowercase() != guest.nickname.to_lowercase() {
                continue;
            }
            if !guest.seat.is_empty() && known.seat == guest.seat {
                same.push(other.id);
            } else if (known.since, &*other.id) < (guest.since, socket.id().as_str()) {
                return Err(Taken);
            }
        }
        Ok(same)
    }

    async fn continue_elsewhere(&self, namespace: &Namespace, socket: &str) {
        for old in namespace.local().to(socket).sockets() {
            self.take_out_of_all(&old).await;
            old.disconnect(Disconnect::new(CloseCode::DISCONNECTED, "continued elsewhere"));
        }
    }

    async fn take_out_of_all(&self, socket: &Socket) {
        for room in socket.rooms() {
            self.take_out(socket, &room).await;
        }
    }

    async fn take_out(&self, socket: &Socket, room: &str) {
        let Some(person) = socket.state::<Person>().filter(|_| socket.leave(room)) else {
            return;
        };
        socket.to(room).send(Left { room: room.to_owned(), nickname: person.nickname.clone() });
        self.room_changed(&socket.namespace(), room).await;
    }

    /// Tells everybody how many are in a room now.
    async fn room_changed(&self, namespace: &Namespace, room: &str) {
        // A server that does not learn of it is told the true number by the next change.
        let _ = namespace.server_side_emit("room changed", room);
        self.tell_size(namespace, room).await;
    }

    /// Counts a room on all servers, and tells the clients of this one.
    async fn tell_size(&self, namespace: &Namespace, room: &str) {
        let _counting = self.house.counting().await;
        let members = namespace.to(room).count_all().await.count;
        if members == 0 {
            self.house.forget(room);
        }
        namespace.local().send(RoomSize { name: room.to_owned(), members });
    }
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
