//! The member `data` of each type to the content of a message.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::protocol::cluster::tolerant::{SentRoomName, room_names};
use crate::protocol::cluster::{Answer, EventPacket, MessageBody, NodeId, Question, RemoteSocket, Selector};
use crate::protocol::payload::{Placeholders, keep_named, read};
use crate::protocol::socket_io::{answer_arguments, any_event, no_arguments};
use crate::protocol::{Payload, RawArgs};

use super::NodeFormatError;
use super::kind::BodyType;
use super::shape::{DataMembers, EventMembers, JsonText, SelectorMembers, parsed};

/// Types of packets in the protocol of Socket.IO. `BINARY_EVENT` comes from adapters of Socket.IO 2.
const EVENT: u64 = 2;
const BINARY_EVENT: u64 = 5;

/// The JSON of the data and the binary parts that its placeholders stand for.
#[derive(Clone, Copy)]
pub(super) struct DataParts<'a> {
    pub(super) json: &'a str,
    pub(super) attachments: &'a [Bytes],
}

impl DataParts<'_> {
    /// A map with a member that looks like a placeholder would be one beside others.
    pub(super) fn check(self) -> Result<Self, NodeFormatError> {
        let parts = self.attachments.len();
        let order = || Placeholders::find(self.json, parts)?.order(parts);
        if parts == 0 || order().is_some_and(|order| order.len() == parts) {
            return Ok(self);
        }
        Err(NodeFormatError::Malformed("illegal placeholders"))
    }

    pub(super) fn read(
        self,
        body_type: BodyType,
        channel: &Arc<str>,
        node: &NodeId,
    ) -> Result<MessageBody, NodeFormatError> {
        let mut data: DataMembers<'_> = parsed(self.json)?;
        let answered = |data: DataMembers<'_>, answer| {
            let request = data.request_id.ok_or(NodeFormatError::Malformed("an answer without request"))?;
            Ok(MessageBody::Answer { request, asker: node.clone(), answer })
        };
        match body_type {
            BodyType::Broadcast => self.broadcast(data, channel),
            BodyType::Join => Ok(MessageBody::Join { rooms: room_names(data.rooms), to: selected(data.opts)? }),
            BodyType::Leave => Ok(MessageBody::Leave { rooms: room_names(data.rooms), to: selected(data.opts)? }),
            BodyType::Disconnect => {
                Ok(MessageBody::Disconnect { close: data.close == Some(true), to: selected(data.opts)? })
            }
            BodyType::Sockets => {
                let request = data.request_id.ok_or(NodeFormatError::Malformed("a question without request"))?;
                let question = match data.all_rooms {
                    Some(true) => Question::Rooms,
                    Some(false) | None => Question::Sockets(selector(data.opts)),
                };
                Ok(MessageBody::Ask { request, question })
            }
            BodyType::SocketsAnswer => {
                let answer = self.sockets(data.rooms.take(), data.sockets)?;
                answered(data, answer)
            }
            BodyType::ServerEvent => {
                let packet = data.packet.ok_or(NodeFormatError::Malformed("no event"))?;
                let packet = self.event(packet.get())?;
                Ok(match data.request_id {
                    Some(request) => MessageBody::Ask { request, question: Question::ServerEvent(packet) },
                    None => MessageBody::ServerEvent(packet),
                })
            }
            BodyType::ServerEventAnswer => {
                let answer = Answer::ServerEvent(self.arguments(&data)?);
                answered(data, answer)
            }
            BodyType::ClientCount => {
                let count = data.client_count.ok_or(NodeFormatError::Malformed("no number of clients"))?;
                answered(data, Answer::ClientCount(count))
            }
            BodyType::ClientAck => {
                let answer = Answer::ClientAck(self.arguments(&data)?);
                answered(data, answer)
            }
        }
    }

    fn broadcast(self, data: DataMembers<'_>, channel: &Arc<str>) -> Result<MessageBody, NodeFormatError> {
        let packet = data.packet.ok_or(NodeFormatError::Malformed("no packet"))?;
        let packet: EventMembers<'_> = parsed(packet.get())?;
        if packet.nsp.is_some_and(|JsonText(namespace)| *namespace != **channel) {
            return Err(NodeFormatError::OtherNamespace);
        }
        if !matches!(packet.number, Some(EVENT | BINARY_EVENT)) {
            return Err(NodeFormatError::Malformed("a packet that is no event"));
        }
        let mut packet = self.event(packet.data.map_or("", RawValue::get))?;
        if data.opts.as_ref().is_some_and(SelectorMembers::is_list_of_one_list) {
            packet.args = packet.args.into_list();
        }
        let to = selector(data.opts);
        Ok(match data.request_id {
            Some(request) => MessageBody::Ask { request, question: Question::BroadcastWithAck { packet, to } },
            None => MessageBody::Broadcast { packet, to },
        })
    }

    fn event(self, json: &str) -> Result<EventPacket, NodeFormatError> {
        let invalid = NodeFormatError::Malformed("an event without name");
        if self.attachments.is_empty() {
            let (event, payload) = any_event(json).map_err(|_| invalid)?;
            return Ok(EventPacket { event: event.into_owned(), args: payload.into() });
        }
        let (json, attachments) = keep_named(json.to_owned(), self.attachments);
        let (event, mut payload) = any_event(&json).map_err(|_| invalid)?;
        payload.attachments = (!attachments.is_empty()).then(|| attachments.into());
        Ok(EventPacket { event: event.into_owned(), args: payload.into() })
    }

    /// The arguments of an answer: one, or several with this framework's own member.
    fn arguments(self, data: &DataMembers<'_>) -> Result<RawArgs, NodeFormatError> {
        let Some(json) = data.args.or(data.packet) else { return Ok(no_arguments().into()) };
        let (json, attachments) = keep_named(json.get().to_owned(), self.attachments);
        let mut payload = match data.args {
            Some(_) => answer_arguments(&json).map_err(|_| NodeFormatError::Malformed("no arguments"))?,
            None => Payload::one(Some(&json)),
        };
        payload.attachments = (!attachments.is_empty()).then(|| attachments.into());
        Ok(payload.into())
    }

    /// The sockets, or the rooms with this framework's own member.
    fn sockets(self, rooms: Option<Vec<SentRoomName>>, sockets: Option<&RawValue>) -> Result<Answer, NodeFormatError> {
        if rooms.is_some() {
            return Ok(Answer::Rooms(room_names(rooms)));
        }
        let sockets = sockets.ok_or(NodeFormatError::Malformed("no sockets"))?;
        let sockets: Result<Vec<RemoteSocket>, _> = read(sockets.get(), self.attachments);
        sockets.map(Answer::Sockets).map_err(|_| NodeFormatError::Malformed("no descriptions of sockets"))
    }
}

fn selector(options: Option<SelectorMembers>) -> Selector {
    options.map_or_else(Selector::default, Selector::from)
}

/// The sockets that are moved or disconnected. A message without a selection does not select every socket.
fn selected(options: Option<SelectorMembers>) -> Result<Selector, NodeFormatError> {
    options.map(Selector::from).ok_or(NodeFormatError::Malformed("no selection of sockets"))
}
