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

impl Packet<'_> {
    /// The same, as an event that its client can ask for again.
    fn numbered<'a>(self, number: &'a str) -> Packet<'a>
    where
        Self: 'a,
    {
        match self {
            Packet::Event { event, content, offset: None, ask: None } => {
                Packet::Event { event, content, offset: Some(number), ask: None }
            }
            other => other,
        }
    }
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
        Outgoing::Connected { id, recovery, .. } => encode(&Packet::Connect { id, recovery }),
        Outgoing::Refused { data } => encode(&Packet::Refuse { data }),
        Outgoing::Disconnected => encode(&Packet::Disconnect),
    }
}

/// Whether it becomes an event, other than a question.
pub(crate) fn is_event(outgoing: &Outgoing<'_>) -> bool {
    matches!(
        outgoing,
        Outgoing::Event { .. }
            | Outgoing::Reply { named: Named::Other, .. }
            | Outgoing::Item { named: Named::Other, .. }
            | Outgoing::Item { id: Some(_), .. }
            | Outgoing::Exception { id: None, .. }
    )
}

/// The frames of an event with an offset, and apart from them those of the ack that goes with it.
pub(super) fn numbered_by<'a>(
    outgoing: &Outgoing<'a>,
    offset: &'a str,
    encode: impl Fn(&Packet<'a>) -> Encoded,
) -> [Encoded; 2] {
    if let Outgoing::Reply { event, content, id: Some(id), named: Named::Other } = *outgoing {
        let event = Packet::Event { event, content, offset: Some(offset), ask: None };
        return [encode(&event), encode(&Packet::Ack { id, content })];
    }
    [encode_by(outgoing, |packet| encode(&packet.numbered(offset))), Encoded::nothing()]
}
