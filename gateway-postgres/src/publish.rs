//! Messages to notifications, one after the other on one connection, so that their order holds.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, maybe_done};
use gateway_core::cluster::node_format::{encode, encode_msgpack, has_binary, message_type};
use gateway_core::cluster::{ClusterMessage, EngineError, NodeId, Published};
use tokio_postgres::error::Severity;

use crate::attachment::around_row;
use crate::connections::Commands;
use crate::error::{PostgresError, explained};
use crate::options::Options;

/// A message as it is published.
#[derive(Debug, PartialEq)]
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

/// Publishes messages in order, without waiting for one before the next is sent.
pub(crate) async fn publish_all(
    commands: &Commands,
    options: &Options,
    sender: &NodeId,
    messages: &[ClusterMessage],
) -> Result<(Vec<Published>, usize), EngineError> {
    if commands.client.is_closed() {
        return Err(EngineError::new("the connection to PostgreSQL is lost"));
    }
    let notices: Vec<_> = messages.iter().map(|message| Notice::new(options, sender, message)).collect();
    let mut bytes = 0;
    let mut sent = Vec::with_capacity(messages.len());
    for notice in &notices {
        match notice {
            Ok(notice) => {
                bytes += notice.len();
                sent.push(Ok(started(notice.send(commands)).await));
            }
            Err(error) => sent.push(Err(error)),
        }
    }
    let mut published = Vec::with_capacity(messages.len());
    for outcome in sent {
        published.push(match outcome {
            Ok(mut sending) => {
                sending.as_mut().await;
                outcome_of(sending.as_mut().take_output(), published.len(), messages.len())?
            }
            Err(error) => dropped(error),
        });
    }
    Ok((published, bytes))
}

fn outcome_of(
    outcome: Option<Result<(), tokio_postgres::Error>>,
    before: usize,
    all: usize,
) -> Result<Published, EngineError> {
    let Err(error) = outcome.expect("it was awaited") else { return Ok(Published::without_offset()) };
    let text = explained(&error);
    match error.as_db_error().map(tokio_postgres::error::DbError::parsed_severity) {
        // The server ended the connection instead of this statement and all behind it.
        Some(Some(Severity::Fatal | Severity::Panic)) => Err(lost(&text, error, before)),
        Some(_) => Ok(dropped(&text)),
        // The rest may have been carried out.
        None => Err(lost(&text, error, all)),
    }
}

fn lost(text: &str, error: tokio_postgres::Error, published: usize) -> EngineError {
    EngineError::new(format!("the connection to PostgreSQL is lost: {text}"))
        .with_source(error)
        .after_publishing(published)
}

fn dropped(error: &(impl std::fmt::Display + ?Sized)) -> Published {
    tracing::warn!("a message to the other servers was dropped: {error}");
    Published::too_large()
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
