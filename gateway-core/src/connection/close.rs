//! The end of a connection: the client gets a close, and each of its sockets ends. Every step has a time limit.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tracing::Instrument;

use crate::connection::application::Application;
use crate::connection::disconnect::{FAILED_HOOK, leave};
use crate::connection::multiplexer::LeavingSocket;
use crate::connection::socket_driver::SocketDriver;
use crate::connection::sockets::Sockets;
use crate::error::ConnectRejection;
use crate::metrics::{self, Counter};
use crate::protocol::{Disconnect, Outgoing, WireFormat};
use crate::session::{DisconnectReason, Outbox, Scope, Session};
use crate::transport::{Ending, Transport};

/// Cause of a connection's end.
pub(super) enum CloseCause {
    Over(DisconnectReason),
    Refused(ConnectRejection),
}

/// The parts of a connection that are needed to close it.
pub(super) struct ClosingConnection<T> {
    pub(super) transport: T,
    pub(super) application: Arc<Application>,
    pub(super) format: WireFormat,
    pub(super) sockets: Sockets,
}

/// Closes the connection and ends each of its sockets.
pub(super) async fn finish<T: Transport>(remains: ClosingConnection<T>, end: CloseCause) {
    let ClosingConnection { mut transport, application, format, sockets } = remains;
    transport.stop_reading();
    for session in sockets.drivers().iter().map(SocketDriver::session).filter(|session| may_come_back(session, &end)) {
        session.mark_disconnected();
    }
    let reason = match end {
        CloseCause::Over(reason) => {
            if let Sockets::Single(single) = &sockets
                && !single.session().is_accepted()
            {
                // Frames queued for a socket that was not accepted are not sent.
                single.session().outbox.discard();
            }
            reason
        }
        CloseCause::Refused(refusal) => refused(&application, sockets.only_session().map(AsRef::as_ref), &refusal),
    };
    if is_unheard(&reason) {
        transport.give_up();
    }
    let (session, own);
    let (outbox, sockets, leaving) = match sockets {
        Sockets::Single(single) => {
            session = Arc::clone(single.session());
            (&session.outbox, vec![single.driver], Vec::new())
        }
        Sockets::Multiplexed(multiplexed) => {
            let (outbox, sockets, leaving) = multiplexed.close(&reason);
            own = outbox;
            (&own, sockets, leaving)
        }
    };
    let closing = async {
        let ending = queue_close_frame(&application, format, outbox, &reason);
        close(transport, outbox, ending, application.limits.close_timeout).await;
    };
    let sockets = join_all(sockets.into_iter().map(|driver| {
        let span = driver.span.clone();
        leave(driver, reason.clone()).instrument(span)
    }));
    tokio::join!(closing, sockets, join_all(leaving.into_iter().map(LeavingSocket::end)));
}

/// Returns `true` if the client may resume. A resume that has not completed leaves the session resumable.
fn may_come_back(session: &Session, end: &CloseCause) -> bool {
    match end {
        CloseCause::Over(reason) => {
            (session.is_accepted() || session.is_recovered()) && reason.is_a_loss(session.format)
        }
        CloseCause::Refused(_) => session.is_recovered(),
    }
}

/// Discards the socket's queue and sends the refusal only.
fn refused(application: &Application, session: Option<&Session>, refusal: &ConnectRejection) -> DisconnectReason {
    application.telemetry.counters.add(Counter::RefusedConnections);
    if let Some(session) = session {
        let exception = refusal.exception();
        metrics::refused(&session.id, refusal.notice(&session.namespace), exception.notice());
        let nestjs = application.compat.nestjs;
        let data = exception.render(Some(if nestjs { FAILED_HOOK } else { "connect" }), None, nestjs);
        session.outbox.discard();
        session.outbox.push_last(session.encode(&Outgoing::Refused { data: &data }));
    }
    DisconnectReason::Server(Disconnect::new(refusal.close_code(), close_reason(refusal)))
}

fn close_reason(refusal: &ConnectRejection) -> &'static str {
    match refusal.close_code() {
        crate::CloseCode::CONNECT_TIMEOUT => "connect timeout",
        crate::CloseCode::INTERNAL => "internal error",
        _ => "refused",
    }
}

/// Returns `true` if the client no longer reads.
fn is_unheard(reason: &DisconnectReason) -> bool {
    matches!(reason, DisconnectReason::TooSlow | DisconnectReason::HeartbeatTimeout)
}

/// Closes the outbox with the close frame.
fn queue_close_frame(
    application: &Application,
    format: WireFormat,
    outbox: &Outbox,
    reason: &DisconnectReason,
) -> Ending {
    // A resumed client gets the frames on its other connection.
    if is_unheard(reason) || *reason == DisconnectReason::Resumed {
        outbox.discard();
    }
    let (told, ending) = match reason {
        // RFC 6455 §5.5.1: a close frame is answered by one, usually with the same code.
        DisconnectReason::Client(close) => (Some(format.close_frame(close.as_ref())), Ending::Answered),
        DisconnectReason::Lost | DisconnectReason::HalfClosed | DisconnectReason::Aborted => (None, Ending::Answered),
        DisconnectReason::Shutdown if format.tells_why() => {
            (Some(format.close_frame(Some(&application.drain.disconnect()))), Ending::Awaited)
        }
        DisconnectReason::Violation(_) => (Some(format.close_frame(reason.for_client().as_ref())), Ending::Violated),
        _ => (Some(format.close_frame(reason.for_client().as_ref())), Ending::Awaited),
    };
    outbox.end(reason.clone(), Scope::Connection);
    outbox.close(told);
    ending
}

/// Sends the queued frames, then waits for the peer's close.
async fn close<T: Transport>(mut transport: T, outbox: &Outbox, ending: Ending, within: Duration) {
    let closing = poll_fn(|task| {
        outbox.register(task);
        // A failed write ends the sending.
        let _ = ready!(outbox.poll_write(task, &mut transport));
        transport.poll_close(task, ending)
    });
    // A peer that does not close its side in time is abandoned.
    let _ = timeout(within, closing).await;
}
