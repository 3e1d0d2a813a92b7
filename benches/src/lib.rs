//! Cost of a message: a load generator that checks every answer, the floor it is compared with, and the tools that run
//! servers side by side. Nothing here knows the inside of the framework; servers are reached over loopback.

#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

pub mod arguments;
pub mod cluster;
pub mod cost;
pub mod frame;
pub mod load;
pub mod payload;
pub mod process;
pub mod report;
pub mod side_by_side;
pub mod wire;
