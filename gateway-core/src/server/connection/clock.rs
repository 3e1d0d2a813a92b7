//! Deadlines of a connection: signs of life, times that have passed.

use std::task::Context as Task;

use tokio::time::Instant;

use crate::server::connection::Inside;
use crate::server::ending::End;
use crate::session::{Delivery, DisconnectReason, Pulse, Scope, Sign, Traffic};
use crate::telemetry::Counter;
use crate::transport::Transport;

impl Inside {
    /// Acts on deadlines that have passed and sleeps until the next.
    pub(super) fn watch_clock<T: Transport>(&mut self, task: &mut Task<'_>, transport: &T) -> Result<(), End> {
        let due = self.due();
        if self.clock.deadline() != due {
            self.clock.as_mut().reset(due);
        }
        if self.clock.as_mut().poll(task).is_pending() {
            return Ok(());
        }
        let now = Instant::now();
        self.seats.iter_mut().for_each(|seat| seat.expire(now));
        if let Some(reason) = self.unfinished.overdue(now) {
            self.application.shared.counters.add(Counter::ProtocolErrors);
            return Err(End::Over(reason));
        }
        if self.claim_by().is_some_and(|until| until <= now) {
            return Err(End::Over(DisconnectReason::Malformed("the client got into no namespace in time")));
        }
        if self.leaves_by.is_some_and(|until| until <= now) {
            return Err(self.too_slow());
        }
        self.end_if_over(now)?;
        self.beat(now, transport)?;
        // Another turn sends what this one caused, and sleeps until the next deadline.
        task.waker().wake_by_ref();
        Ok(())
    }

    /// Ends a connection that had its time. Looked at whenever the clock has something to say, so no message pays for it.
    fn end_if_over(&mut self, now: Instant) -> Result<(), End> {
        if self.lives_until.is_none_or(|until| until > now) {
            return Ok(());
        }
        self.lives_until = None;
        self.seats.each(|seat| seat.session().outbox.end(DisconnectReason::Lifetime, Scope::Connection));
        if self.seats.is_empty() { Err(End::Over(DisconnectReason::Lifetime)) } else { Ok(()) }
    }

    /// A peer that was asked and comes too late is told nothing more, also where the timer is late too.
    pub(super) fn end_if_silent<T: Transport>(&mut self, transport: &T) -> Result<(), End> {
        if self.heartbeat.awaits_answer() { self.beat(Instant::now(), transport) } else { Ok(()) }
    }

    /// A client that takes nothing of what waits is not read, so it cannot say that it is there: what it takes says so.
    fn beat<T: Transport>(&mut self, now: Instant, transport: &T) -> Result<(), End> {
        let is_held_back = !self.is_light();
        if !is_held_back && !self.has_room() {
            // Its signs of life are there, unread.
            self.heartbeat.hear(|| (Sign::Pong, Instant::now()));
        }
        if self.heartbeat.due() > now {
            return Ok(());
        }
        let traffic = self.look_at_traffic(transport);
        if is_held_back && traffic == Traffic::Moving {
            self.heartbeat.hear(|| (Sign::Pong, now));
            if self.heartbeat.due() > now {
                return Ok(());
            }
        }
        match self.heartbeat.beat(now, traffic) {
            Pulse::Quiet => Ok(()),
            Pulse::Dead if is_held_back => Err(self.too_slow()),
            Pulse::Dead => Err(End::Over(DisconnectReason::HeartbeatTimeout)),
            Pulse::Ping => {
                // One that finds no room is as good as unanswered.
                let _ = self.outbox().push(self.format.ping(), Delivery::Event);
                Ok(())
            }
        }
    }

    /// Whether bytes have moved since this was asked last: those of a message that is not whole yet, as whole ones speak for
    /// themselves, or to a client that had taken no more before.
    fn look_at_traffic<T: Transport>(&mut self, transport: &T) -> Traffic {
        let received = transport.received();
        let have_come = std::mem::replace(&mut self.heard_of, received) != received;
        let mut is_moving = have_come && transport.assembling().is_some();
        for seat in &*self.seats {
            is_moving |= seat.session().outbox.take_moved();
        }
        is_moving |= self.lobby.as_ref().is_some_and(|lobby| lobby.desk.take_moved());
        if is_moving { Traffic::Moving } else { Traffic::Still }
    }

    /// The transport takes no more: a burst that waits has its time from now on. Of all namespaces of a connection together
    /// no more may wait than of one.
    pub(super) fn watch_burst(&mut self) -> Result<(), End> {
        if self.is_light() {
            self.leaves_by = None;
            return Ok(());
        }
        let limits = &self.application.limits;
        let (mut frames, mut bytes) = self.lobby.as_ref().map_or((0, 0), |lobby| lobby.desk.load());
        let mut is_beyond = self.lobby.as_ref().is_some_and(|lobby| lobby.desk.is_beyond_bounds());
        for outbox in self.seats.iter().map(|seat| &seat.session().outbox) {
            let (more, larger) = outbox.load();
            (frames, bytes) = (frames + more as usize, bytes + larger);
            is_beyond |= outbox.is_beyond_bounds();
        }
        if self.seats.len() > 1 {
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

    fn too_slow(&self) -> End {
        self.application.shared.counters.add(Counter::SlowDisconnects);
        End::Over(DisconnectReason::TooSlow)
    }

    fn claim_by(&self) -> Option<Instant> {
        self.lobby.as_ref().and_then(|lobby| lobby.desk.claim_by(&self.seats))
    }

    fn due(&self) -> Instant {
        let mut due = self.heartbeat.due();
        for seat in &*self.seats {
            due = seat.deadline().map_or(due, |deadline| deadline.min(due));
        }
        due = self.unfinished.due().map_or(due, |until| until.min(due));
        due = self.leaves_by.map_or(due, |until| until.min(due));
        self.claim_by().map_or(due, |until| until.min(due))
    }
}
