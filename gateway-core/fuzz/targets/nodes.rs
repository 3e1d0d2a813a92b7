//! A message of another node of the cluster, whole or with its parts beside each other. What is read can be written as
//! JSON or MessagePack, and is read as the same.

#![no_main]

use std::sync::Arc;

use gateway_core::cluster::node_format::{
    NodeDecoder, NodeEnvelope, NodeFields, NodeFormatLimits, NodeMessage, encode, encode_data, encode_msgpack,
    message_type,
};
use gateway_core::cluster::{ClusterMessage, NodeId};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;

/// Bytes allocated for a byte of input, at most: a binary part of two bytes is a placeholder of thirty in JSON, which is
/// kept, checked and renumbered.
const MOST: usize = 256;

fuzz_target!(|input: &[u8]| {
    let Some((&form, input)) = input.split_first() else { return };
    let decoder = NodeDecoder::new(NodeId::new("own"), NodeFormatLimits::default());
    let namespace: Arc<str> = "/".into();
    let read = allocating(MOST, input.len(), || read(&decoder, form, input, &namespace));
    let Some(NodeEnvelope { message: NodeMessage::Message(message), .. }) = read else { return };
    let sender = NodeId::new("other");
    let encoded = encode(&sender, &message);
    let once = again(&decoder, &encoded, &namespace);
    // Numbers and half surrogate pairs may have become what MessagePack has for them, but once.
    let twice = again(&decoder, &encode(&sender, &once), &namespace);
    assert_eq!(encode(&sender, &once), encode(&sender, &twice));
    let packed = again(&decoder, &encode_msgpack(&sender, &once), &namespace);
    assert_eq!(message_type(&packed.body), message_type(&message.body));
    let data = encode_data(&message.body);
    let kind = message_type(&message.body).into();
    let fields = NodeFields { message_type: kind, data: Some(&data), sender: None, namespace: &namespace };
    let fields = decoder.decode_fields(fields).expect("what is written can be read").expect("no sender");
    let NodeMessage::Message(fields) = fields.message else { panic!("a heartbeat") };
    assert_eq!(encode(&sender, &fields), encode(&sender, &once));
});

fn read(decoder: &NodeDecoder, form: u8, input: &[u8], namespace: &Arc<str>) -> Option<NodeEnvelope> {
    if form < 0x80 {
        return decoder.decode(input, namespace).ok()?;
    }
    let data = std::str::from_utf8(input).ok();
    let fields = NodeFields { message_type: u64::from(form & 0x0f), data, sender: None, namespace };
    decoder.decode_fields(fields).ok()?
}

fn again(decoder: &NodeDecoder, encoded: &[u8], namespace: &Arc<str>) -> ClusterMessage {
    let read = decoder.decode(encoded, namespace).expect("what is written can be read").expect("another's");
    match read.message {
        NodeMessage::Message(message) => message,
        NodeMessage::Heartbeat { heartbeat, .. } => panic!("{heartbeat:?}"),
    }
}
