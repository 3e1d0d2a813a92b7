//! Connections, sessions and what waits in them, from the connect hook to the close.

mod admission;
mod attacks;
mod back_pressure;
mod coalesce;
mod drain;
mod drops;
mod goodbyes;
mod guarantees;
mod lifecycle;
mod outbox;
mod recovery;
mod resuming;
