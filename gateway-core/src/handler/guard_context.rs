//! What a guard is asked: the guard point, the client and what it asks for.

use std::fmt;
use std::ops::BitOr;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::handler::{Extensions, ServiceMap, SocketGrants};
use crate::protocol::{Message, Payload};
use crate::socket::Socket;
use crate::transport::Handshake;

/// Where a client can be stopped.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum GuardPoint {
    /// The HTTP request that asks for the namespace, before there is a connection. Socket.IO has no such request: there a
    /// client asks for its namespaces once it is connected, which is [`GuardPoint::Connect`].
    Upgrade,
    /// A new socket, before the connect hooks.
    Connect,
    /// An event, or a whole message of a raw gateway, before its handler.
    Event,
    /// A room that the server is about to put the socket into, by [`Socket::join`].
    Join,
}

/// A set of guard points: `GuardPoints::CONNECT | GuardPoints::EVENT`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct GuardPoints(u8);

impl GuardPoints {
    /// [`GuardPoint::Upgrade`] alone.
    pub const UPGRADE: Self = Self(1);
    /// [`GuardPoint::Connect`] alone.
    pub const CONNECT: Self = Self(2);
    /// [`GuardPoint::Event`] alone.
    pub const EVENT: Self = Self(4);
    /// [`GuardPoint::Join`] alone.
    pub const JOIN: Self = Self(8);
    /// Every guard point.
    pub const ALL: Self = Self(15);

    /// These without `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Says whether the set holds this guard point.
    #[must_use]
    pub const fn contains(self, point: GuardPoint) -> bool {
        let one = match point {
            GuardPoint::Upgrade => Self::UPGRADE,
            GuardPoint::Connect => Self::CONNECT,
            GuardPoint::Event => Self::EVENT,
            GuardPoint::Join => Self::JOIN,
        };
        self.0 & one.0 != 0
    }
}

impl BitOr for GuardPoints {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a guard sees of one check.
#[derive(Clone, Copy)]
pub struct GuardContext<'a> {
    pub(super) point: GuardPoint,
    pub(super) handshake: &'a Handshake,
    pub(super) services: &'a ServiceMap,
    pub(super) grants: &'a SocketGrants,
    pub(super) socket: Option<&'a Socket>,
    pub(super) asked: GuardSubject<'a>,
}

/// What only one of the guard points has.
#[derive(Clone, Copy)]
pub(crate) enum GuardSubject<'a> {
    Nothing,
    Event { event: &'a str, payload: &'a Payload<'a>, extensions: &'a Extensions },
    Message(&'a Message),
    Room(&'a str),
}

impl<'a> GuardContext<'a> {
    pub(crate) fn upgrade(services: &'a ServiceMap, handshake: &'a Handshake, grants: &'a SocketGrants) -> Self {
        Self { point: GuardPoint::Upgrade, handshake, services, grants, socket: None, asked: GuardSubject::Nothing }
    }

    pub(crate) fn connect(services: &'a ServiceMap, socket: &'a Socket, grants: &'a SocketGrants) -> Self {
        Self { point: GuardPoint::Connect, socket: Some(socket), ..Self::upgrade(services, socket.handshake(), grants) }
    }

    pub(crate) fn of(point: GuardPoint, asked: GuardSubject<'a>, connect: Self) -> Self {
        Self { point, asked, ..connect }
    }

    /// The same client with a whole message.
    pub(crate) fn about(self, message: &'a Message) -> Self {
        Self::of(GuardPoint::Event, GuardSubject::Message(message), self)
    }

    /// The guard point.
    #[must_use]
    pub fn point(&self) -> GuardPoint {
        self.point
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

    /// The socket; `None` at [`GuardPoint::Upgrade`], where there is none yet.
    #[must_use]
    pub fn socket(&self) -> Option<&Socket> {
        self.socket
    }

    /// The event that was sent; `None` at the other guard points.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        match self.asked {
            GuardSubject::Event { event, .. } => Some(event),
            GuardSubject::Nothing | GuardSubject::Message(_) | GuardSubject::Room(_) => None,
        }
    }

    /// The event's payload, still JSON; `None` where the client sent none, or `null`, and at the other guard points.
    #[must_use]
    pub fn data(&self) -> Option<&RawValue> {
        match self.asked {
            GuardSubject::Event { payload, .. } => payload.raw().filter(|raw| raw.get() != "null"),
            GuardSubject::Nothing | GuardSubject::Message(_) | GuardSubject::Room(_) => None,
        }
    }

    /// The whole message that a raw gateway is sent; `None` otherwise.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match self.asked {
            GuardSubject::Message(message) => Some(message),
            GuardSubject::Nothing | GuardSubject::Event { .. } | GuardSubject::Room(_) => None,
        }
    }

    /// The room it is about; `None` at the other guard points.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match self.asked {
            GuardSubject::Room(room) => Some(room),
            GuardSubject::Nothing | GuardSubject::Event { .. } | GuardSubject::Message(_) => None,
        }
    }

    /// What a guard before this one granted, of this type: for this event, or for the socket.
    #[must_use]
    pub fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let of_event = match self.asked {
            GuardSubject::Event { extensions, .. } => extensions.granted.find(),
            GuardSubject::Nothing | GuardSubject::Message(_) | GuardSubject::Room(_) => None,
        };
        of_event.or_else(|| self.grants.granted.find())
    }

    /// What was provided to the server under this type.
    #[must_use]
    pub fn service<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.services.find()
    }
}

impl fmt::Debug for GuardContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GuardContext")
            .field("point", &self.point)
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
        let check = |points: GuardPoints, expected: [bool; 4]| {
            let all = [GuardPoint::Upgrade, GuardPoint::Connect, GuardPoint::Event, GuardPoint::Join];
            assert_eq!(all.map(|point| points.contains(point)), expected);
        };
        check(GuardPoints::ALL, [true; 4]);
        check(GuardPoints::CONNECT | GuardPoints::EVENT, [false, true, true, false]);
        check(GuardPoints::ALL.without(GuardPoints::JOIN | GuardPoints::UPGRADE), [false, true, true, false]);
    }
}
