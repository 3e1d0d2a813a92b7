//! What is said, as packets: the same whichever way packets are written.

use crate::wire::{ContentRef, Named, Outgoing, RequestId, Shape};

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

/// The packets something becomes: a value that nobody waits for becomes none, as users of Socket.IO expect; one for who
/// waits on an event that the handler named becomes the event and the ack, as an ack always ends.
pub(super) fn packets<'a>(outgoing: &Outgoing<'a>) -> [Option<Packet<'a>>; 2] {
    let event = |event, content| Packet::Event { event, content, offset: None, ask: None };
    match *outgoing {
        Outgoing::Event { event, content, offset } => [Some(Packet::Event { event, content, offset, ask: None }), None],
        Outgoing::Ask { event, content, ask } => {
            [Some(Packet::Event { event, content, offset: None, ask: Some(ask) }), None]
        }
        Outgoing::Reply { id: None, named: Named::Own, .. } | Outgoing::Item { id: None, named: Named::Own, .. } => {
            [None, None]
        }
        Outgoing::Reply { content, id: Some(id), named: Named::Own, .. } => [Some(Packet::Ack { id, content }), None],
        Outgoing::Reply { event: name, content, id: Some(id), named: Named::Other } => {
            [Some(event(name, content)), Some(Packet::Ack { id, content })]
        }
        Outgoing::Reply { event: name, content, id: None, named: Named::Other }
        | Outgoing::Item { event: name, content, .. } => [Some(event(name, content)), None],
        Outgoing::End { id, .. } => [Some(Packet::Ack { id, content: NOTHING }), None],
        Outgoing::Exception { data, id: Some(id) } => [Some(Packet::Ack { id, content: data.into() }), None],
        Outgoing::Exception { data, id: None } => [Some(event("exception", data.into())), None],
        Outgoing::Connected { id, recovery } => [Some(Packet::Connect { id, recovery }), None],
        Outgoing::Refused { data } => [Some(Packet::Refuse { data }), None],
        Outgoing::Disconnected => [Some(Packet::Disconnect), None],
    }
}
