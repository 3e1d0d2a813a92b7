//! What is said, as packets: the same whichever way packets are written.

use crate::wire::{ContentRef, Encoded, Named, Outgoing, RequestId, Shape};

/// One packet of the server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet<'a> {
    Connect { id: &'a str, recovery: Option<&'a str> },
    Disconnect,
    Event { event: &'a str, content: ContentRef<'a>, offset: Option<&'a str>, ask: Option<u64> },
    Ack { id: &'a RequestId, content: ContentRef<'a> },
    Refuse { data: &'a str },
}

/// No arguments.
const NOTHING: ContentRef<'_> = ContentRef { json: "[]", shape: Shape::Several, attachments: &[] };

/// The frames of the packets that something becomes. A value that nobody waits for becomes none, as users of Socket.IO
/// expect; one for who waits, on an event that the handler named, becomes the event and the ack, as an ack always ends.
#[inline]
pub(super) fn encode_by<'a>(outgoing: &Outgoing<'a>, encode: impl Fn(&Packet<'a>) -> Encoded) -> Encoded {
    let event = |event, content| encode(&Packet::Event { event, content, offset: None, ask: None });
    match *outgoing {
        Outgoing::Event { event, content, offset } => encode(&Packet::Event { event, content, offset, ask: None }),
        Outgoing::Ask { event, content, ask } => {
            encode(&Packet::Event { event, content, offset: None, ask: Some(ask) })
        }
        Outgoing::Reply { id: None, named: Named::Own, .. } | Outgoing::Item { id: None, named: Named::Own, .. } => {
            Encoded::nothing()
        }
        Outgoing::Reply { content, id: Some(id), named: Named::Own, .. } => encode(&Packet::Ack { id, content }),
        Outgoing::Reply { event: name, content, id: Some(id), named: Named::Other } => {
            event(name, content).followed_by(&encode(&Packet::Ack { id, content }))
        }
        Outgoing::Reply { event: name, content, id: None, named: Named::Other }
        | Outgoing::Item { event: name, content, .. } => event(name, content),
        Outgoing::End { id, .. } => encode(&Packet::Ack { id, content: NOTHING }),
        Outgoing::Exception { data, id: Some(id) } => encode(&Packet::Ack { id, content: data.into() }),
        Outgoing::Exception { data, id: None } => event("exception", data.into()),
        Outgoing::Connected { id, recovery } => encode(&Packet::Connect { id, recovery }),
        Outgoing::Refused { data } => encode(&Packet::Refuse { data }),
        Outgoing::Disconnected => encode(&Packet::Disconnect),
    }
}
