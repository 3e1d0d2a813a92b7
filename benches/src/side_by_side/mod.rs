//! Servers side by side: each work on each server in turn, round after round, so that what disturbs the machine disturbs
//! all of them alike.

mod callgrind;
mod figures;
mod server;
mod table;
mod works;

pub use callgrind::callgrind;
pub use figures::{Figures, Summary};
pub(crate) use server::on_core;
pub use server::{Running, Spec};
pub use table::{Course, OURS, Table, beside, compare};
pub(crate) use table::{LOAD_CORE, QUIET};
pub use works::{
    By, FLOORS, Floor, MIXED, Measure, PLAIN, POLLING, SERIES, SOCKET_IO, Target, WORKERS, Work, growth, works,
};
