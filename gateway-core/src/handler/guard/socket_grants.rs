//! The valid grants of a socket: decisions of guards, granted values, and the user. Also holds the socket's own values.

use std::any::{Any, TypeId};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use crate::handler::Extensions;
use crate::handler::guard::grant::{ErasedGrant, GrantLifetime};
use crate::handler::guard::guard_point::GuardPoint;
use crate::session::TypeMap;
use crate::socket::Socket;
use crate::sync::lock;

/// The grants of a socket, from the upgrade to its end.
#[derive(Debug, Default)]
pub(crate) struct SocketGrants {
    /// Values granted for the socket's lifetime, shared with its session.
    pub(in crate::handler) granted: Arc<TypeMap>,
    /// The socket's own values.
    pub(in crate::handler) own: TypeMap,
    state: Mutex<GrantState>,
    /// Number of times that all grants were exchanged.
    exchanges: AtomicU32,
}

#[derive(Debug, Default)]
struct GrantState {
    /// Guards to skip, and until when.
    held: Vec<(GuardKey, Option<Instant>)>,
    user: Option<Arc<str>>,
    expires: Option<Instant>,
}

/// The identity of a guard within the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GuardKey(pub(in crate::handler) usize);

impl SocketGrants {
    /// Returns `true` if an earlier grant of this guard is still valid. Reads the clock only for a limited grant.
    pub(in crate::handler) fn hold(&self, guard: GuardKey, point: GuardPoint) -> bool {
        if point == GuardPoint::Join {
            return false;
        }
        let mut state = self.lock();
        let Some(index) = state.held.iter().position(|(held, _)| *held == guard) else { return false };
        let holds = state.held[index].1.is_none_or(|until| Instant::now() < until);
        if !holds {
            state.held.swap_remove(index);
        }
        holds
    }

    /// Stores a guard's grant. `event` holds the values of the checked event, if any.
    pub(in crate::handler) fn add(
        &self,
        guard: GuardKey,
        grant: ErasedGrant,
        event: Option<&Extensions>,
        socket: Option<&Socket>,
    ) {
        let ErasedGrant { value, user, holds, expires } = grant;
        if let Some((kind, value)) = value {
            match event {
                // Other events of the socket may run concurrently and must not get this event's grant.
                Some(extensions) if holds == GrantLifetime::Once => extensions.grant(kind, value),
                Some(_) | None => self.granted.insert_shared(kind, value),
            }
        }
        if let Some(user) = user {
            self.name_user(&user.into(), socket);
        }
        let mut state = self.lock();
        state.held.retain(|(held, _)| *held != guard);
        match holds {
            GrantLifetime::Once => {}
            GrantLifetime::Until(until) => state.held.push((guard, Some(until))),
            GrantLifetime::Always => state.held.push((guard, None)),
        }
        state.expires = state.expires.into_iter().chain(expires).min();
    }

    fn name_user(&self, user: &Arc<str>, socket: Option<&Socket>) {
        self.lock().user = Some(Arc::clone(user));
        if let Some(socket) = socket {
            socket.set_user(user);
        }
    }

    /// Replaces all grants, and the socket's user, by what the guards granted for new credentials.
    pub(crate) fn exchange(&self, renewed: &Self, socket: &Socket) {
        let state = std::mem::take(&mut *renewed.lock());
        match &state.user {
            Some(user) => socket.set_user(user),
            None => socket.forget_user(),
        }
        self.granted.replace(&renewed.granted);
        *self.lock() = state;
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of exchanges so far.
    pub(in crate::handler) fn exchanges(&self) -> u32 {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// Values granted for the socket's lifetime.
    pub(crate) fn granted(&self) -> &Arc<TypeMap> {
        &self.granted
    }

    /// Stores a socket's own value.
    pub(crate) fn own(&self, kind: TypeId, value: Arc<dyn Any + Send + Sync>) {
        self.own.insert_shared(kind, value);
    }

    /// Drops the socket's own values.
    pub(crate) fn disown(&self) {
        self.own.clear();
    }

    /// The user that was set last.
    pub(crate) fn user(&self) -> Option<Arc<str>> {
        self.lock().user.clone()
    }

    /// Returns `true` once when the socket's grants have expired.
    pub(crate) fn take_expiry(&self, now: Instant) -> bool {
        self.lock().expires.take_if(|expires| *expires <= now).is_some()
    }

    /// Time at which the socket is disconnected.
    pub(crate) fn expires(&self) -> Option<Instant> {
        self.lock().expires
    }

    fn lock(&self) -> MutexGuard<'_, GrantState> {
        lock(&self.state)
    }
}
