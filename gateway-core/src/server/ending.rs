//! How a connection ends: the client is told, and each of its sockets leaves. Everything within a bound.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tracing::Instrument;

use crate::dispatch::Refusal;
use crate::server::application::Application;
use crate::server::leaving::{FAILED_HOOK, leave};
use crate::server::lobby::{Leaving, Lobby};
use crate::server::seat::Seat;
use crate::server::seats::Seats;
use crate::session::{DisconnectReason, Outbox, Scope, Session};
use crate::telemetry::{self, Counter};
use crate::transport::{Ending, Transport};
use crate::wire::{Disconnect, Outgoing};

/// How a connection came to its end.
pub(super) enum End {
    Over(DisconnectReason),
    Refused(Refusal),
}

/// What is left of a connection.
pub(super) struct Remains<T> {
    pub(super) transport: T,
    pub(super) application: Arc<Application>,
    pub(super) seats: Seats,
    pub(super) lobby: Option<Box<Lobby>>,
}

/// Tells the client, and ends every socket of the connection.
pub(super) async fn finish<T: Transport>(remains: Remains<T>, end: End) {
    let Remains { mut transport, application, mut seats, lobby } = remains;
    transport.stop_reading();
    let only = seats.only().map(|seat| Arc::clone(seat.session()));
    for session in seats.iter().map(Seat::session).filter(|session| may_come_back(session, &end)) {
        session.go_away();
    }
    let reason = match end {
        End::Over(reason) => {
            // What was held for a socket that was never accepted is not sent.
            only.iter().filter(|session| !session.is_accepted()).for_each(|session| session.outbox.discard());
            reason
        }
        End::Refused(refusal) => refused(&application, only.as_deref(), &refusal),
    };
    if is_unheard(&reason) {
        transport.give_up();
    }
    let mut leaving = Vec::new();
    let mut own = None;
    if let Some(lobby) = lobby {
        let (outbox, still_leaving) = lobby.desk.close(&mut seats, &reason);
        own = Some(outbox);
        leaving = still_leaving;
    }
    let limits = &application.limits;
    let closing = async {
        let outbox = own.as_ref().or(only.as_ref().map(|session| &session.outbox));
        if let Some(outbox) = outbox {
            let ending = last_words(&application, outbox, &reason);
            close(transport, outbox, ending, limits.close_timeout).await;
        }
    };
    let seats = join_all(seats.into_iter().map(|seat| {
        let span = seat.span.clone();
        leave(seat, reason.clone()).instrument(span)
    }));
    tokio::join!(closing, seats, join_all(leaving.into_iter().map(Leaving::end)));
}

/// Whether the end leaves the client something to come back to. One that was coming back has it until it is in.
fn may_come_back(session: &Session, end: &End) -> bool {
    match end {
        End::Over(reason) => {
            (session.is_accepted() || session.is_recovered()) && reason.is_a_loss(session.outbox.format)
        }
        End::Refused(_) => session.is_recovered(),
    }
}

/// Nothing that was held for the socket is sent: the refusal is the first and last thing its client reads.
fn refused(application: &Application, session: Option<&Session>, refusal: &Refusal) -> DisconnectReason {
    application.shared.counters.add(Counter::RefusedConnections);
    if let Some(session) = session {
        let exception = refusal.exception();
        telemetry::refused(&session.id, refusal.told(&session.namespace), exception.told());
        let nestjs = application.compat.nestjs;
        let data = exception.render(Some(if nestjs { FAILED_HOOK } else { "connect" }), None, nestjs);
        session.outbox.discard();
        session.outbox.push_last(session.encode(&Outgoing::Refused { data: &data }));
    }
    DisconnectReason::Server(Disconnect::new(refusal.close_code(), close_reason(refusal)))
}

fn close_reason(refusal: &Refusal) -> &'static str {
    match refusal.close_code() {
        crate::CloseCode::CONNECT_TIMEOUT => "connect timeout",
        crate::CloseCode::INTERNAL => "internal error",
        _ => "refused",
    }
}

/// Whether what waits for the client would wait for nobody.
fn is_unheard(reason: &DisconnectReason) -> bool {
    matches!(reason, DisconnectReason::TooSlow | DisconnectReason::HeartbeatTimeout)
}

/// Shuts the outbox behind the close frame.
fn last_words(application: &Application, outbox: &Outbox, reason: &DisconnectReason) -> Ending {
    // The client that came back has heard it by its other connection.
    if is_unheard(reason) || *reason == DisconnectReason::Resumed {
        outbox.discard();
    }
    let (told, ending) = match reason {
        // RFC 6455 §5.5.1: a close frame is answered by one, usually with the same code.
        DisconnectReason::Client(close) => (Some(outbox.format.close_frame(close.as_ref())), Ending::Answered),
        DisconnectReason::Lost | DisconnectReason::Aborted => (None, Ending::Answered),
        DisconnectReason::Shutdown if outbox.format.tells_why() => {
            (Some(outbox.format.close_frame(Some(&application.shared.drain().told()))), Ending::Awaited)
        }
        DisconnectReason::Violation(_) => (Some(outbox.format.close_frame(reason.told().as_ref())), Ending::Violated),
        _ => (Some(outbox.format.close_frame(reason.told().as_ref())), Ending::Awaited),
    };
    outbox.end(reason.clone(), Scope::Connection);
    outbox.close(told);
    ending
}

/// Sends what waits, then waits for the peer's side of the close.
async fn close<T: Transport>(mut transport: T, outbox: &Outbox, ending: Ending, within: Duration) {
    let closing = poll_fn(|task| {
        outbox.register(task);
        // Where nothing can be written any more, nothing is left to say.
        let _ = ready!(outbox.poll_write(task, &mut transport));
        transport.poll_close(task, ending)
    });
    // A peer that does not end its side in time is let go of.
    let _ = timeout(within, closing).await;
}
