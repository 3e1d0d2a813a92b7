//! The gateway of the chat.

use gateway_core::prelude::*;

use crate::auth::{SignedIn, User};
use crate::events::{NewMessage, Posted};

/// The gateway at `/chat`.
#[gateway(namespace = "/chat")]
#[guard(SignedIn)]
pub struct Chat;

#[gateway]
impl Chat {
    #[subscribe("join")]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        socket.join(room).await?;
        Ok(())
    }

    /// Answers to how many others the message goes.
    #[subscribe("message")]
    fn message(&self, socket: Socket, user: Auth<User>, Data(new): Data<NewMessage>) -> Result<usize, Exception> {
        let NewMessage { room, text } = new;
        if text.is_empty() {
            return Err(Exception::new("empty", "write something first"));
        }
        let posted = Posted { room: room.clone(), from: user.name.clone(), text };
        Ok(socket.to(room.as_str()).send(posted).queued)
    }
}
