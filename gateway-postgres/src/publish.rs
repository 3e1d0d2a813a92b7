//! Messages to notifications.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, maybe_done};
use gateway_core::cluster::node_format::{encode, encode_msgpack, has_binary, message_type};
use gateway_core::cluster::{ClusterMessage, NodeId};

use crate::attachment::around_row;
use crate::connections::Commands;
use crate::error::PostgresError;
use crate::options::Options;

/// A message as it is published.
#[derive(Debug)]
pub(crate) enum Notice {
    /// All of it is the notification.
    Whole { channel: String, payload: String },
    /// Its content is stored, and the notification names the row between the two texts.
    Stored { channel: String, content: Vec<u8>, before: String, behind: &'static str },
}

impl Notice {
    pub(crate) fn new(options: &Options, sender: &NodeId, message: &ClusterMessage) -> Result<Self, PostgresError> {
        let channel = options.channel(&message.namespace)?;
        let encoded = encode(sender, message);
        let content = if has_binary(&message.body) {
            encoded
        } else if encoded.len() < options.payload_threshold {
            let payload = String::from_utf8(encoded).expect("JSON without binary parts");
            return Ok(Self::Whole { channel, payload });
        } else {
            encode_msgpack(sender, message)
        };
        let (before, behind) = around_row(sender, message_type(&message.body));
        Ok(Self::Stored { channel, content, before, behind })
    }

    /// Number of bytes of the content.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole { payload, .. } => payload.len(),
            Self::Stored { content, .. } => content.len(),
        }
    }

    /// Publishes. The statement is under way after the first poll.
    pub(crate) async fn send(&self, commands: &Commands) -> Result<(), tokio_postgres::Error> {
        let sent = match self {
            Self::Whole { channel, payload } => commands.client.execute(&commands.notify, &[channel, payload]).await,
            Self::Stored { channel, content, before, behind } => {
                commands.client.execute(&commands.attach, &[content, channel, before, behind]).await
            }
        };
        sent.map(drop)
    }
}

/// Polls a future once, so that its statement is sent before those that come after.
pub(crate) async fn started<F: Future>(future: F) -> Pin<Box<MaybeDone<F>>> {
    let mut future = Box::pin(maybe_done(future));
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
    future
}
