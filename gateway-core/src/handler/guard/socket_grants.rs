//! Grants of one socket that are still valid: decisions of guards, values they granted, the user they named. Beside
//! these, values made for the socket alone.

use std::any::{Any, TypeId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::handler::Extensions;
use crate::handler::guard::grant::{ErasedGrant, GrantLifetime};
use crate::handler::guard::guard_point::GuardPoint;
use crate::session::TypeMap;
use crate::socket::Socket;

/// Of one socket, from the upgrade to its end.
#[derive(Debug, Default)]
pub(crate) struct SocketGrants {
    /// For as long as the socket lives. Its session has it too.
    pub(in crate::handler) granted: Arc<TypeMap>,
    /// Made for the socket when it came in.
    pub(in crate::handler) own: TypeMap,
    state: Mutex<GrantState>,
}

#[derive(Debug, Default)]
struct GrantState {
    /// Guards that need not be asked, and until when.
    held: Vec<(GuardKey, Option<Instant>)>,
    user: Option<Arc<str>>,
    expires: Option<Instant>,
}

/// Which guard of the server it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GuardKey(pub(in crate::handler) usize);

impl SocketGrants {
    /// Returns `true` if an earlier grant of this guard is still valid. The clock is read only where one is bounded.
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

    /// Takes up a grant that a guard gave. `event` are the values of the event it was asked about, where it was one.
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
                // Another event of the socket may run beside it: what is granted for one is not the other's.
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

    /// Values that guards have granted for as long as the socket lives.
    pub(crate) fn granted(&self) -> &Arc<TypeMap> {
        &self.granted
    }

    /// Takes up what was made for the socket.
    pub(crate) fn own(&self, kind: TypeId, value: Arc<dyn Any + Send + Sync>) {
        self.own.insert_shared(kind, value);
    }

    /// Lets go of all that was made for the socket.
    pub(crate) fn disown(&self) {
        self.own.clear();
    }

    /// The user that was named last.
    pub(crate) fn user(&self) -> Option<Arc<str>> {
        self.lock().user.clone()
    }

    /// Returns `true` once when the socket's grants have expired.
    pub(crate) fn take_expiry(&self, now: Instant) -> bool {
        self.lock().expires.take_if(|expires| *expires <= now).is_some()
    }

    /// When the socket ends.
    pub(crate) fn expires(&self) -> Option<Instant> {
        self.lock().expires
    }

    fn lock(&self) -> MutexGuard<'_, GrantState> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
