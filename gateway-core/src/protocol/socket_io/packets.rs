//! Messages as packets, independent of their encoding.

use crate::protocol::{Arity, ContentRef, Encoded, Outgoing, ReplyEvent, RequestId};

/// One packet of the server.
#[derive(Clone, Copy, Debug)]
pub(super) enum SocketIoPacket<'a> {
    Connect { id: &'a str, recovery: Option<&'a str> },
    Disconnect,
    Event { event: &'a str, content: ContentRef<'a>, offset: Option<&'a str>, ask: Option<u64> },
    Ack { id: &'a RequestId, content: ContentRef<'a> },
    Refuse { data: &'a str },
}

impl SocketIoPacket<'_> {
    /// Adds the offset that a client resumes from.
    fn numbered<'a>(self, number: &'a str) -> SocketIoPacket<'a>
    where
        Self: 'a,
    {
        match self {
            SocketIoPacket::Event { event, content, offset: None, ask: None } => {
                SocketIoPacket::Event { event, content, offset: Some(number), ask: None }
            }
            other => other,
        }
    }
}

/// No arguments.
const NOTHING: ContentRef<'_> = ContentRef { json: "[]", shape: Arity::Several, attachments: &[] };

/// The frames of the packets that something becomes. A value that nobody waits for becomes none, as users of Socket.IO
/// expect; one for who waits, on an event that the handler named, becomes the event and the ack, as an ack always ends.
#[inline]
pub(super) fn encode_by<'a>(outgoing: &Outgoing<'a>, encode: impl Fn(&SocketIoPacket<'a>) -> Encoded) -> Encoded {
    let event = |event, content| encode(&SocketIoPacket::Event { event, content, offset: None, ask: None });
    match *outgoing {
        Outgoing::Event { event, content, offset } => {
            encode(&SocketIoPacket::Event { event, content, offset, ask: None })
        }
        Outgoing::Ask { event, content, ask } => {
            encode(&SocketIoPacket::Event { event, content, offset: None, ask: Some(ask) })
        }
        Outgoing::Reply { id: None, named: ReplyEvent::Own, .. }
        | Outgoing::Item { id: None, named: ReplyEvent::Own, .. } => Encoded::nothing(),
        Outgoing::Reply { content, id: Some(id), named: ReplyEvent::Own, .. } => {
            encode(&SocketIoPacket::Ack { id, content })
        }
        Outgoing::Reply { event: name, content, id: Some(id), named: ReplyEvent::Other } => {
            event(name, content).followed_by(&encode(&SocketIoPacket::Ack { id, content }))
        }
        Outgoing::Reply { event: name, content, id: None, named: ReplyEvent::Other }
        | Outgoing::Item { event: name, content, .. } => event(name, content),
        Outgoing::End { id, .. } => encode(&SocketIoPacket::Ack { id, content: NOTHING }),
        Outgoing::Exception { data, id: Some(id) } => encode(&SocketIoPacket::Ack { id, content: data.into() }),
        Outgoing::Exception { data, id: None } => event("exception", data.into()),
        Outgoing::Connected { id, recovery, .. } => encode(&SocketIoPacket::Connect { id, recovery }),
        Outgoing::Refused { data } => encode(&SocketIoPacket::Refuse { data }),
        Outgoing::Disconnected => encode(&SocketIoPacket::Disconnect),
    }
}

/// Returns `true` if the message becomes an event that is no question.
pub(crate) fn is_event(outgoing: &Outgoing<'_>) -> bool {
    matches!(
        outgoing,
        Outgoing::Event { .. }
            | Outgoing::Reply { named: ReplyEvent::Other, .. }
            | Outgoing::Item { named: ReplyEvent::Other, .. }
            | Outgoing::Item { id: Some(_), .. }
            | Outgoing::Exception { id: None, .. }
    )
}

/// The frames of an event with an offset, and apart from them those of the ack that goes with it.
pub(super) fn numbered_by<'a>(
    outgoing: &Outgoing<'a>,
    offset: &'a str,
    encode: impl Fn(&SocketIoPacket<'a>) -> Encoded,
) -> [Encoded; 2] {
    if let Outgoing::Reply { event, content, id: Some(id), named: ReplyEvent::Other } = *outgoing {
        let event = SocketIoPacket::Event { event, content, offset: Some(offset), ask: None };
        return [encode(&event), encode(&SocketIoPacket::Ack { id, content })];
    }
    [encode_by(outgoing, |packet| encode(&packet.numbered(offset))), Encoded::nothing()]
}
