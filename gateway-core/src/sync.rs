//! Locks, and the synchronisation primitives that the models (`session/model.rs`, `hub/model.rs`) replace to try any
//! interleaving.

use std::sync::{LockResult, PoisonError};

#[cfg(all(test, shuttle))]
pub(crate) use shuttle::{
    sync::{Mutex, MutexGuard, atomic::AtomicBool},
    thread_local,
};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, atomic::AtomicBool},
    thread_local,
};

/// Locks a mutex that no model replaces.
pub(crate) fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}

/// Returns the guard of a lock, also of a poisoned one.
///
/// No user code changes data under a lock of this crate, so data behind a poisoned lock are whole.
pub(crate) fn unpoisoned<G>(locked: LockResult<G>) -> G {
    locked.unwrap_or_else(PoisonError::into_inner)
}
