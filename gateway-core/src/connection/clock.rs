//! Deadlines of a connection: heartbeat, timeouts and lifetime.

use std::task::Context as Task;

use tokio::time::Instant;

use crate::connection::close::CloseCause;
use crate::connection::driver::ConnectionState;
use crate::metrics::Counter;
use crate::session::{ByteActivity, Delivery, DisconnectReason, HeartbeatAction, ReceivedKind, Scope};
use crate::transport::Transport;

/// Acts on passed deadlines and sleeps until the next.
pub(super) fn watch<T: Transport>(
    state: &mut ConnectionState,
    task: &mut Task<'_>,
    transport: &T,
) -> Result<(), CloseCause> {
    let due = due(state);
    if state.clock.deadline() != due {
        state.clock.as_mut().reset(due);
    }
    if state.clock.as_mut().poll(task).is_pending() {
        return Ok(());
    }
    let now = Instant::now();
    state.sockets.drivers_mut().iter_mut().for_each(|driver| driver.expire(now));
    if let Some(reason) = state.assembly_timeout.overdue(now) {
        state.application.telemetry.counters.add(Counter::ProtocolErrors);
        return Err(CloseCause::Over(reason));
    }
    if state.sockets.connect_deadline().is_some_and(|until| until <= now) {
        return Err(CloseCause::Over(DisconnectReason::Malformed("the client got into no namespace in time")));
    }
    if state.leaves_by.is_some_and(|until| until <= now) {
        return Err(too_slow(state));
    }
    end_if_over(state, now)?;
    beat(state, now, transport)?;
    // The next turn sends the results of this one, and sleeps until the next deadline.
    task.waker().wake_by_ref();
    Ok(())
}

/// Ends a connection that reached its lifetime. Checked only at deadlines, so messages do not pay for it.
fn end_if_over(state: &mut ConnectionState, now: Instant) -> Result<(), CloseCause> {
    if state.lives_until.is_none_or(|until| until > now) {
        return Ok(());
    }
    state.lives_until = None;
    let drivers = state.sockets.drivers();
    for driver in drivers {
        driver.session().outbox.end(DisconnectReason::Lifetime, Scope::Connection);
    }
    if drivers.is_empty() { Err(CloseCause::Over(DisconnectReason::Lifetime)) } else { Ok(()) }
}

/// Ends a connection whose pong is overdue, before anything more is sent to it, even if the timer is late.
pub(super) fn end_if_silent<T: Transport>(state: &mut ConnectionState, transport: &T) -> Result<(), CloseCause> {
    if state.heartbeat.awaits_answer() { beat(state, Instant::now(), transport) } else { Ok(()) }
}

/// Runs the heartbeat. A client that does not read its queue is not read either, so only accepted bytes are a sign of life.
fn beat<T: Transport>(state: &mut ConnectionState, now: Instant, transport: &T) -> Result<(), CloseCause> {
    let is_held_back = !state.sockets.is_light();
    if !is_held_back && !state.sockets.has_room() {
        // Its signs of life are in the unread bytes.
        state.heartbeat.hear(|| (ReceivedKind::Pong, Instant::now()));
    }
    if state.heartbeat.due() > now {
        return Ok(());
    }
    let traffic = look_at_traffic(state, transport);
    if is_held_back && traffic == ByteActivity::Moving {
        state.heartbeat.hear(|| (ReceivedKind::Pong, now));
        if state.heartbeat.due() > now {
            return Ok(());
        }
    }
    match state.heartbeat.beat(now, traffic) {
        HeartbeatAction::Quiet => Ok(()),
        HeartbeatAction::Dead if is_held_back => Err(too_slow(state)),
        HeartbeatAction::Dead => Err(CloseCause::Over(DisconnectReason::HeartbeatTimeout)),
        HeartbeatAction::Ping => {
            // A ping that does not fit counts as unanswered.
            let _ = state.sockets.outbox().push(state.codec.format().ping(), Delivery::Event);
            Ok(())
        }
    }
}

/// Returns whether bytes have moved since the last call: bytes of an incomplete message, or bytes accepted by a transport
/// that was blocked.
fn look_at_traffic<T: Transport>(state: &mut ConnectionState, transport: &T) -> ByteActivity {
    let received = transport.received();
    let have_come = std::mem::replace(&mut state.heard_of, received) != received;
    let mut is_moving = have_come && transport.assembling().is_some();
    for outbox in state.sockets.outboxes() {
        is_moving |= outbox.take_moved() || (state.heartbeat.is_one_way() && outbox.is_empty());
    }
    if is_moving { ByteActivity::Moving } else { ByteActivity::Still }
}

/// Starts the deadline of a queued burst when the transport is blocked. All namespaces of a connection together may queue
/// as much as one.
pub(super) fn watch_burst(state: &mut ConnectionState) -> Result<(), CloseCause> {
    if state.sockets.is_light() {
        state.leaves_by = None;
        return Ok(());
    }
    let limits = &state.application.limits;
    let (mut frames, mut bytes, mut is_beyond) = (0, 0, false);
    for outbox in state.sockets.outboxes() {
        let (more, larger) = outbox.load();
        (frames, bytes) = (frames + more as usize, bytes + larger);
        is_beyond |= outbox.is_beyond_bounds();
    }
    if state.sockets.drivers().len() > 1 {
        if bytes > limits.burst_bytes {
            return Err(too_slow(state));
        }
        is_beyond |= frames > limits.outbox_frames || bytes > limits.outbox_bytes;
    }
    if !is_beyond {
        state.leaves_by = None;
    } else if state.leaves_by.is_none() {
        state.leaves_by = Some(Instant::now() + limits.transfer_timeout);
    }
    Ok(())
}

fn too_slow(state: &ConnectionState) -> CloseCause {
    state.application.telemetry.counters.add(Counter::SlowDisconnects);
    CloseCause::Over(DisconnectReason::TooSlow)
}

fn due(state: &ConnectionState) -> Instant {
    let mut due = state.heartbeat.due();
    for driver in state.sockets.drivers() {
        due = driver.deadline().map_or(due, |deadline| deadline.min(due));
    }
    due = state.assembly_timeout.due().map_or(due, |until| until.min(due));
    due = state.leaves_by.map_or(due, |until| until.min(due));
    state.sockets.connect_deadline().map_or(due, |until| until.min(due))
}
