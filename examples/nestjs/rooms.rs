//! The gateway.

use std::time::Duration;

use futures_util::stream::{self, Stream};
use gateway_core::Disconnect;
use gateway_core::prelude::*;
use serde_json::{Value, json};

use crate::dto::{Join, Say};
use crate::messages::Messages;
use crate::not_in_room::{NotInRoom, NotInRoomFilter};
use crate::roles::Roles;
use crate::signed_in::SignedIn;
use crate::stamp::Stamp;
use crate::users::User;
use crate::validation::Validation;

#[gateway(namespace = "/rooms")]
#[guard(SignedIn)]
#[filter(Validation, NotInRoomFilter)]
pub(crate) struct Rooms {
    messages: Messages,
}

#[gateway]
impl Rooms {
    #[on_connect]
    fn connected(&self, socket: Socket, user: Auth<User>) -> Result<(), ConnectRejection> {
        Ok(socket.emit("welcome", &json!({ "name": user.name }))?)
    }

    #[on_disconnect]
    fn disconnected(&self, namespace: Namespace, user: Auth<User>) {
        namespace.emit("left", &json!({ "name": user.name }));
    }

    #[subscribe("join")]
    #[intercept(Stamp)]
    async fn join(&self, socket: Socket, user: Auth<User>, data: Valid<Data<Join>>) -> Result<Value, Exception> {
        let Valid(Data(Join { room })) = data;
        socket.join(&room).await?;
        socket.to(&room).emit("joined", &json!({ "room": room, "name": user.name }));
        Ok(json!({ "people": socket.namespace().to(&room).count() }))
    }

    #[subscribe("leave")]
    fn leave(&self, socket: Socket, Valid(Data(Join { room })): Valid<Data<Join>>) {
        socket.leave(room);
    }

    #[subscribe("say")]
    #[intercept(Stamp)]
    fn say(&self, socket: Socket, user: Auth<User>, data: Valid<Data<Say>>) -> Result<Value, NotInRoom> {
        let Valid(Data(Say { room, text })) = data;
        if !socket.is_in(&room) {
            return Err(NotInRoom { room });
        }
        socket.namespace().to(&room).emit("said", &json!({ "room": room, "name": user.name, "text": text }));
        Ok(json!({ "number": self.messages.add(&room, text) }))
    }

    #[subscribe("history")]
    fn history(&self, Valid(Data(Join { room })): Valid<Data<Join>>) -> impl Stream<Item = Reply> {
        stream::iter(self.messages.of(&room).into_iter().map(|text| Reply::event("history", text)))
    }

    #[subscribe("whoami")]
    fn whoami(&self, user: Auth<User>) -> Reply {
        Reply::event("you", user.name)
    }

    #[subscribe("export")]
    fn export(&self, Valid(Data(Join { room })): Valid<Data<Join>>, ack: Ack) {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            ack.send(&messages.of(&room).join("\n"));
        });
    }

    #[subscribe("clear")]
    #[guard(Roles(&["moderator"]))]
    fn clear(&self, Data(Join { room }): Data<Join>) -> usize {
        self.messages.clear(&room)
    }

    #[subscribe("kick")]
    #[guard(Roles(&["moderator"]))]
    fn kick(&self, namespace: Namespace, Data(user): Data<Value>) -> bool {
        namespace.user(user["name"].as_str().unwrap_or_default()).disconnect(Disconnect::default());
        true
    }

    #[subscribe("backup")]
    fn backup(&self) -> Result<(), Exception> {
        let error = std::io::Error::other("no space left on disk 3 of db-1");
        Err(Exception::hidden("internal", &error))
    }
}
