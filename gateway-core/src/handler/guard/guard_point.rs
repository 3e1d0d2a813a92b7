//! The points at which guards run.

use std::ops::BitOr;

/// A point at which guards run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum GuardPoint {
    /// The HTTP request for the namespace, before the connection exists. Socket.IO clients request namespaces on an existing
    /// connection instead, which is [`GuardPoint::Connect`].
    Upgrade,
    /// A new socket, before the connect hooks.
    Connect,
    /// An event, or a whole message of a raw gateway, before its handler.
    Event,
    /// A room, before the socket joins it by [`Socket::join`](crate::Socket::join).
    Join,
    /// New credentials of a connected socket, where a guard [takes them](crate::pipeline::Guard::renews). Every guard that
    /// checks a connection, at the upgrade or at the connect, checks them.
    Renewal,
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

    /// Returns `true` if the set contains this guard point.
    #[must_use]
    pub const fn contains(self, point: GuardPoint) -> bool {
        let one = match point {
            GuardPoint::Upgrade => Self::UPGRADE,
            GuardPoint::Connect => Self::CONNECT,
            GuardPoint::Event => Self::EVENT,
            GuardPoint::Join => Self::JOIN,
            GuardPoint::Renewal => Self(Self::UPGRADE.0 | Self::CONNECT.0),
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

    #[test]
    fn who_checks_a_connection_checks_its_new_credentials() {
        let check = |points: GuardPoints, expected| assert_eq!(points.contains(GuardPoint::Renewal), expected);
        check(GuardPoints::UPGRADE, true);
        check(GuardPoints::CONNECT, true);
        check(GuardPoints::ALL, true);
        check(GuardPoints::EVENT | GuardPoints::JOIN, false);
    }
}
