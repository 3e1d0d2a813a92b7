//! A chat whose types have schemas, as an application writes it.
#![allow(dead_code, reason = "clients read what the contract tells of it")]

use gateway_core::extract::{Args, Path};
use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the client.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SignIn {
    pub(crate) nickname: String,
}

/// A message that a client writes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct NewMessage {
    pub(crate) text: String,
    /// Comes back in the history.
    #[serde(default)]
    pub(crate) tag: u64,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Receipt {
    pub(crate) id: u32,
}

/// A message for everybody in a room.
#[derive(Clone, Serialize, JsonSchema, Event)]
#[event("posted")]
pub(crate) struct Posted {
    pub(crate) from: String,
    pub(crate) text: String,
}

/// Asks the client to leave.
#[derive(Serialize, JsonSchema, Event)]
#[event("leave?", args)]
pub(crate) struct MayLeave(pub(crate) String, pub(crate) u8);

#[derive(Debug, thiserror::Error, Exception)]
pub(crate) enum ChatError {
    /// The client was muted by a moderator.
    #[error("you are muted")]
    #[exception(code = "muted")]
    Muted,
    #[error("the store failed")]
    #[exception(code = "internal", hide)]
    Store,
}

#[derive(Default)]
pub(crate) struct SignedIn;

impl Guard for SignedIn {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Ok(Grant::new())
    }
}

/// Public chat.
#[gateway(namespace = "/chat/{room}", credentials = SignIn, emits(Posted, MayLeave -> bool))]
#[guard(SignedIn)]
pub(crate) struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self) -> Result<(), ChatError> {
        Ok(())
    }

    /// Posts a message.
    ///
    /// Everybody in the room receives it.
    #[subscribe("message")]
    fn message(&self, room: Path<String>, Data(new): Data<NewMessage>) -> Result<Data<Receipt>, ChatError> {
        if room.is_empty() || new.text.is_empty() || new.tag == 1 {
            return Err(ChatError::Muted);
        }
        if new.tag == 2 { Err(ChatError::Store) } else { Ok(Data(Receipt { id: 1 })) }
    }

    #[subscribe("place")]
    fn place(&self, Args((piece, field)): Args<(String, u8)>) -> Option<String> {
        (field > 0).then_some(piece)
    }

    #[subscribe("ticks")]
    fn ticks(&self) -> impl futures_core::Stream<Item = Data<Receipt>> {
        futures_util::stream::empty()
    }
}
