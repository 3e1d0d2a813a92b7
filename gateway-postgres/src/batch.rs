//! Messages published in order on one connection, many by one statement.

use std::collections::HashSet;
use std::fmt::Display;

use gateway_core::cluster::{ClusterMessage, EngineError, NodeId, Published};
use tokio_postgres::error::{DbError, Severity};

use crate::connections::Commands;
use crate::error::{PostgresError, explained};
use crate::options::Options;
use crate::publish::{Notice, started};

/// Neighbouring messages that travel together.
enum Group<'a> {
    /// One message by a statement of its own.
    Single(&'a Notice),
    /// Messages without attachment, no two of which are equal: PostgreSQL delivers equal notifications of one transaction
    /// once.
    Run(Run<'a>),
    /// A message that cannot be published.
    Refused(&'a PostgresError),
}

struct Run<'a> {
    channels: Vec<&'a str>,
    payloads: Vec<&'a str>,
    all: HashSet<(&'a str, &'a str)>,
}

/// Publishes messages in order, without waiting for one statement before the next is sent. Returns the number of bytes,
/// too.
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
    let groups = grouped(&notices, commands.longest_run);
    let mut sent = Vec::with_capacity(groups.len());
    for group in &groups {
        sent.push(started(group.send(commands)).await);
    }
    let mut published = Vec::with_capacity(messages.len());
    for (group, mut sending) in groups.iter().zip(sent) {
        sending.as_mut().await;
        let outcome = sending.as_mut().take_output().expect("it was awaited");
        let each = outcome.map_or_else(
            |error| failed(error, published.len(), messages.len()),
            |dropped| Ok(dropped.unwrap_or_else(Published::without_offset)),
        )?;
        published.resize(published.len() + group.len(), each);
    }
    Ok((published, notices.iter().flatten().map(Notice::len).sum()))
}

fn grouped(notices: &[Result<Notice, PostgresError>], longest: usize) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for notice in notices {
        match notice {
            Ok(Notice::Whole { channel, payload }) => {
                let joined = match groups.last_mut() {
                    Some(Group::Run(run)) => run.join(channel, payload, longest),
                    Some(Group::Single(_) | Group::Refused(_)) | None => false,
                };
                if !joined {
                    groups.push(Group::Run(Run::new(channel, payload)));
                }
            }
            Ok(notice @ Notice::Stored { .. }) => groups.push(Group::Single(notice)),
            Err(error) => groups.push(Group::Refused(error)),
        }
    }
    groups
}

impl Group<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Run(run) => run.channels.len(),
            Self::Single(_) | Self::Refused(_) => 1,
        }
    }

    /// Publishes. Returns the outcome of a message that is dropped.
    async fn send(&self, commands: &Commands) -> Result<Option<Published>, tokio_postgres::Error> {
        match self {
            Self::Single(notice) => notice.send(commands).await.map(|()| None),
            Self::Run(Run { channels, payloads, .. }) => {
                if let ([channel], [payload]) = (&**channels, &**payloads) {
                    return commands.client.execute(&commands.notify, &[channel, payload]).await.map(|_| None);
                }
                commands.client.execute(&commands.notify_all, &[channels, payloads]).await.map(|_| None)
            }
            Self::Refused(error) => Ok(Some(dropped(error))),
        }
    }
}

impl<'a> Run<'a> {
    fn new(channel: &'a str, payload: &'a str) -> Self {
        let all = HashSet::from([(channel, payload)]);
        Self { channels: vec![channel], payloads: vec![payload], all }
    }

    /// Adds a message. Returns `false` if the run is full or has an equal one.
    fn join(&mut self, channel: &'a str, payload: &'a str, longest: usize) -> bool {
        let joins = self.channels.len() < longest && self.all.insert((channel, payload));
        if joins {
            self.channels.push(channel);
            self.payloads.push(payload);
        }
        joins
    }
}

/// The outcome of the messages of a failed statement, or the loss of the connection.
fn failed(error: tokio_postgres::Error, before: usize, all: usize) -> Result<Published, EngineError> {
    let text = explained(&error);
    match error.as_db_error().map(DbError::parsed_severity) {
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

fn dropped(error: &(impl Display + ?Sized)) -> Published {
    tracing::warn!("a message to the other servers was dropped: {error}");
    Published::too_large()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_an_equal_message_an_attachment_and_its_limit() {
        let whole = |payload: &str| Ok(Notice::Whole { channel: "c".to_owned(), payload: payload.to_owned() });
        let stored = || {
            let (channel, content, before) = Default::default();
            Ok(Notice::Stored { channel, content, before, behind: "" })
        };
        let refused = || Err(PostgresError::ChannelName(String::new()));
        let lengths = |notices: &[_], longest| grouped(notices, longest).iter().map(Group::len).collect::<Vec<_>>();
        let notices = [whole("a"), whole("b"), whole("a"), whole("b"), stored(), whole("c"), refused(), whole("c")];
        assert_eq!(lengths(&notices, 100), [2, 2, 1, 1, 1, 1]);
        assert_eq!(lengths(&notices[..4], 1), [1, 1, 1, 1]);
        assert_eq!(lengths(&[whole("a"), whole("b"), whole("c")], 2), [2, 1]);
        assert!(lengths(&[], 2).is_empty());
    }
}
