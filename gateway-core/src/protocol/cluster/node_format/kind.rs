//! The numbers of the message types.

use super::{NodeFormatError, NodeHeartbeat};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MessageType {
    Heartbeat(NodeHeartbeat),
    Body(BodyType),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyType {
    Broadcast = 3,
    Join = 4,
    Leave = 5,
    Disconnect = 6,
    Sockets = 7,
    SocketsAnswer = 8,
    ServerEvent = 9,
    ServerEventAnswer = 10,
    ClientCount = 11,
    ClientAck = 12,
}

impl MessageType {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Heartbeat(NodeHeartbeat::Initial) => 1,
            Self::Heartbeat(NodeHeartbeat::Regular) => 2,
            Self::Heartbeat(NodeHeartbeat::Closing) => 13,
            Self::Body(body) => body as u8,
        }
    }
}

impl TryFrom<u64> for MessageType {
    type Error = NodeFormatError;

    fn try_from(number: u64) -> Result<Self, NodeFormatError> {
        Ok(match number {
            1 => Self::Heartbeat(NodeHeartbeat::Initial),
            2 => Self::Heartbeat(NodeHeartbeat::Regular),
            3 => Self::Body(BodyType::Broadcast),
            4 => Self::Body(BodyType::Join),
            5 => Self::Body(BodyType::Leave),
            6 => Self::Body(BodyType::Disconnect),
            7 => Self::Body(BodyType::Sockets),
            8 => Self::Body(BodyType::SocketsAnswer),
            9 => Self::Body(BodyType::ServerEvent),
            10 => Self::Body(BodyType::ServerEventAnswer),
            11 => Self::Body(BodyType::ClientCount),
            12 => Self::Body(BodyType::ClientAck),
            13 => Self::Heartbeat(NodeHeartbeat::Closing),
            _ => return Err(NodeFormatError::UnknownType(number)),
        })
    }
}
