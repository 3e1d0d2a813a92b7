//! Deadlines of a connection: heartbeat, timeouts and lifetime.

use std::task::Context as Task;

use tokio::time::Instant;

use crate::connection::close::CloseCause;
use crate::connection::driver::ConnectionState;
use crate::metrics::Counter;
use crate::session::{ByteActivity, Delivery, DisconnectReason, HeartbeatAction, ReceivedKind, Scope};
use crate::transport::Transport;

impl ConnectionState {
    /// Acts on passed deadlines and sleeps until the next.
    pub(super) fn watch_clock<T: Transport>(&mut self, task: &mut Task<'_>, transport: &T) -> Result<(), CloseCause> {
        let due = self.due();
        if self.clock.deadline() != due {
            self.clock.as_mut().reset(due);
        }
        if self.clock.as_mut().poll(task).is_pending() {
            return Ok(());
        }
        let now = Instant::now();
        self.sockets.drivers_mut().iter_mut().for_each(|driver| driver.expire(now));
        if let Some(reason) = self.assembly_timeout.overdue(now) {
            self.application.telemetry.counters.add(Counter::ProtocolErrors);
            return Err(CloseCause::Over(reason));
        }
        if self.sockets.connect_deadline().is_some_and(|until| until <= now) {
            return Err(CloseCause::Over(DisconnectReason::Malformed("the client got into no namespace in time")));
        }
        if self.leaves_by.is_some_and(|until| until <= now) {
            return Err(self.too_slow());
        }
        self.end_if_over(now)?;
        self.beat(now, transport)?;
        // The next turn sends the results of this one, and sleeps until the next deadline.
        task.waker().wake_by_ref();
        Ok(())
    }

    /// Ends a connection that reached its lifetime. Checked only at deadlines, so messages do not pay for it.
    fn end_if_over(&mut self, now: Instant) -> Result<(), CloseCause> {
        if self.lives_until.is_none_or(|until| until > now) {
            return Ok(());
        }
        self.lives_until = None;
        let drivers = self.sockets.drivers();
        for driver in drivers {
            driver.session().outbox.end(DisconnectReason::Lifetime, Scope::Connection);
        }
        if drivers.is_empty() { Err(CloseCause::Over(DisconnectReason::Lifetime)) } else { Ok(()) }
    }

    /// Ends a connection whose pong is overdue, before anything more is sent to it, even if the timer is late.
    pub(super) fn end_if_silent<T: Transport>(&mut self, transport: &T) -> Result<(), CloseCause> {
        if self.heartbeat.awaits_answer() { self.beat(Instant::now(), transport) } else { Ok(()) }
    }

    /// Runs the heartbeat. A client that does not read its queue is not read either, so only accepted bytes are a sign of life.
    fn beat<T: Transport>(&mut self, now: Instant, transport: &T) -> Result<(), CloseCause> {
        let is_held_back = !self.sockets.is_light();
        if !is_held_back && !self.sockets.has_room() {
            // Its signs of life are in the unread bytes.
            self.heartbeat.hear(|| (ReceivedKind::Pong, Instant::now()));
        }
        if self.heartbeat.due() > now {
            return Ok(());
        }
        let traffic = self.look_at_traffic(transport);
        if is_held_back && traffic == ByteActivity::Moving {
            self.heartbeat.hear(|| (ReceivedKind::Pong, now));
            if self.heartbeat.due() > now {
                return Ok(());
            }
        }
        match self.heartbeat.beat(now, traffic) {
            HeartbeatAction::Quiet => Ok(()),
            HeartbeatAction::Dead if is_held_back => Err(self.too_slow()),
            HeartbeatAction::Dead => Err(CloseCause::Over(DisconnectReason::HeartbeatTimeout)),
            HeartbeatAction::Ping => {
                // A ping that does not fit counts as unanswered.
                let _ = self.sockets.outbox().push(self.codec.format().ping(), Delivery::Event);
                Ok(())
            }
        }
    }

    /// Returns whether bytes have moved since the last call: bytes of an incomplete message, or bytes accepted by a transport
    /// that was blocked.
    fn look_at_traffic<T: Transport>(&mut self, transport: &T) -> ByteActivity {
        let received = transport.received();
        let have_come = std::mem::replace(&mut self.heard_of, received) != received;
        let mut is_moving = have_come && transport.assembling().is_some();
        for outbox in self.sockets.outboxes() {
            is_moving |= outbox.take_moved();
        }
        if is_moving { ByteActivity::Moving } else { ByteActivity::Still }
    }

    /// Starts the deadline of a queued burst when the transport is blocked. All namespaces of a connection together may queue
    /// as much as one.
    pub(super) fn watch_burst(&mut self) -> Result<(), CloseCause> {
        if self.sockets.is_light() {
            self.leaves_by = None;
            return Ok(());
        }
        let limits = &self.application.limits;
        let (mut frames, mut bytes, mut is_beyond) = (0, 0, false);
        for outbox in self.sockets.outboxes() {
            let (more, larger) = outbox.load();
            (frames, bytes) = (frames + more as usize, bytes + larger);
            is_beyond |= outbox.is_beyond_bounds();
        }
        if self.sockets.drivers().len() > 1 {
            if bytes > limits.burst_bytes {
                return Err(self.too_slow());
            }
            is_beyond |= frames > limits.outbox_frames || bytes > limits.outbox_bytes;
        }
        if !is_beyond {
            self.leaves_by = None;
        } else if self.leaves_by.is_none() {
            self.leaves_by = Some(Instant::now() + limits.transfer_timeout);
        }
        Ok(())
    }

    fn too_slow(&self) -> CloseCause {
        self.application.telemetry.counters.add(Counter::SlowDisconnects);
        CloseCause::Over(DisconnectReason::TooSlow)
    }

    fn due(&self) -> Instant {
        let mut due = self.heartbeat.due();
        for driver in self.sockets.drivers() {
            due = driver.deadline().map_or(due, |deadline| deadline.min(due));
        }
        due = self.assembly_timeout.due().map_or(due, |until| until.min(due));
        due = self.leaves_by.map_or(due, |until| until.min(due));
        self.sockets.connect_deadline().map_or(due, |until| until.min(due))
    }
}
