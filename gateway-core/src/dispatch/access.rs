//! What a guard is asked: who wants to pass, and through which door.

use std::fmt;
use std::ops::BitOr;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::dispatch::{Extensions, Passes, Services};
use crate::socket::Socket;
use crate::transport::Handshake;
use crate::wire::{Message, Payload};

/// Where a client can be stopped.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Door {
    /// The HTTP request that asks for the namespace, before there is a connection. Socket.IO has no such request: there a
    /// client asks for its namespaces once it is connected, which is [`Door::Connect`].
    Upgrade,
    /// A new socket, before the connect hooks.
    Connect,
    /// An event, or a whole message of a raw gateway, before its handler.
    Event,
    /// A room that the server is about to put the socket into, by [`Socket::join`].
    Join,
}

/// Some doors: `Doors::CONNECT | Doors::EVENT`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Doors(u8);

impl Doors {
    /// [`Door::Upgrade`] alone.
    pub const UPGRADE: Self = Self(1);
    /// [`Door::Connect`] alone.
    pub const CONNECT: Self = Self(2);
    /// [`Door::Event`] alone.
    pub const EVENT: Self = Self(4);
    /// [`Door::Join`] alone.
    pub const JOIN: Self = Self(8);
    /// Every door.
    pub const ALL: Self = Self(15);

    /// These without `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether this door is among them.
    #[must_use]
    pub const fn contains(self, door: Door) -> bool {
        let one = match door {
            Door::Upgrade => Self::UPGRADE,
            Door::Connect => Self::CONNECT,
            Door::Event => Self::EVENT,
            Door::Join => Self::JOIN,
        };
        self.0 & one.0 != 0
    }
}

impl BitOr for Doors {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One attempt to pass a door, as its guards see it.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub(super) door: Door,
    pub(super) handshake: &'a Handshake,
    pub(super) services: &'a Services,
    pub(super) passes: &'a Passes,
    pub(super) socket: Option<&'a Socket>,
    pub(super) asked: Asked<'a>,
}

/// What only one of the doors has.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    Nothing,
    Event { event: &'a str, payload: &'a Payload<'a>, extensions: &'a Extensions },
    Message(&'a Message),
    Room(&'a str),
}

impl<'a> Access<'a> {
    pub(crate) fn upgrade(services: &'a Services, handshake: &'a Handshake, passes: &'a Passes) -> Self {
        Self { door: Door::Upgrade, handshake, services, passes, socket: None, asked: Asked::Nothing }
    }

    pub(crate) fn connect(services: &'a Services, socket: &'a Socket, passes: &'a Passes) -> Self {
        Self { door: Door::Connect, socket: Some(socket), ..Self::upgrade(services, socket.handshake(), passes) }
    }

    pub(crate) fn of(door: Door, asked: Asked<'a>, connect: Self) -> Self {
        Self { door, asked, ..connect }
    }

    /// The same client with a whole message.
    pub(crate) fn about(self, message: &'a Message) -> Self {
        Self::of(Door::Event, Asked::Message(message), self)
    }

    /// The door.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door
    }

    /// The request that opened the connection, or asks for it: headers, cookies, query, credentials, parameters.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        self.handshake
    }

    /// The name of the namespace, with the values of its parameters.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.handshake.path()
    }

    /// The socket; `None` at [`Door::Upgrade`], where there is none yet.
    #[must_use]
    pub fn socket(&self) -> Option<&Socket> {
        self.socket
    }

    /// The event that was sent; `None` at the other doors.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        match self.asked {
            Asked::Event { event, .. } => Some(event),
            Asked::Nothing | Asked::Message(_) | Asked::Room(_) => None,
        }
    }

    /// The event's payload, still JSON; `None` where the client sent none, or `null`, and at the other doors.
    #[must_use]
    pub fn data(&self) -> Option<&RawValue> {
        match self.asked {
            Asked::Event { payload, .. } => payload.raw().filter(|raw| raw.get() != "null"),
            Asked::Nothing | Asked::Message(_) | Asked::Room(_) => None,
        }
    }

    /// The whole message that a raw gateway is sent; `None` otherwise.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match self.asked {
            Asked::Message(message) => Some(message),
            Asked::Nothing | Asked::Event { .. } | Asked::Room(_) => None,
        }
    }

    /// The room it is about; `None` at the other doors.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match self.asked {
            Asked::Room(room) => Some(room),
            Asked::Nothing | Asked::Event { .. } | Asked::Message(_) => None,
        }
    }

    /// What a guard before this one granted, of this type: for this event, or for the socket.
    #[must_use]
    pub fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let of_event = match self.asked {
            Asked::Event { extensions, .. } => extensions.granted.find(),
            Asked::Nothing | Asked::Message(_) | Asked::Room(_) => None,
        };
        of_event.or_else(|| self.passes.granted.find())
    }

    /// What was provided to the server under this type.
    #[must_use]
    pub fn service<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.services.find()
    }
}

impl fmt::Debug for Access<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("door", &self.door)
            .field("namespace", &self.namespace())
            .field("event", &self.event())
            .field("room", &self.room())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_added_and_taken_away() {
        let check = |doors: Doors, expected: [bool; 4]| {
            let all = [Door::Upgrade, Door::Connect, Door::Event, Door::Join];
            assert_eq!(all.map(|door| doors.contains(door)), expected);
        };
        check(Doors::ALL, [true; 4]);
        check(Doors::CONNECT | Doors::EVENT, [false, true, true, false]);
        check(Doors::ALL.without(Doors::JOIN | Doors::UPGRADE), [false, true, true, false]);
    }
}
